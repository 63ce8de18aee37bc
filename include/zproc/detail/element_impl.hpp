#pragma once

// The templates of value.hpp and dict.hpp that lead to elements, and the literals.

#include <zproc/detail/temporary.hpp>
#include <zproc/value_ref.hpp>

#include <tuple>

namespace zproc {

namespace detail {

const value& absent() noexcept;

/// The element of a list or dict; errors as `value::operator[]`.
const value& element(const value& from, std::string_view key);
const value& element(const value& from, std::size_t index);

template <class K>
auto to_step(const K& key)
{
    if constexpr (index_like<K>)
        return std::in_range<std::size_t>(key) ? static_cast<std::size_t>(key) : SIZE_MAX;
    else if constexpr (std::convertible_to<const K&, std::string_view>)
        return std::string_view(key);
    else
        return std::string(key);
}

} // namespace detail

// ---- access -----------------------------------------------------------------------------------

template <class K>
    requires(key_like<K> || detail::index_like<K>)
value_ref value::operator[](const K& key) &
{
    return detail::element_ref(*this, detail::to_step(key));
}

template <class K>
    requires(key_like<K> || detail::index_like<K>)
const value& value::operator[](const K& key) const&
{
    return detail::element(*this, detail::to_step(key));
}

template <class K>
    requires(key_like<K> || detail::index_like<K>)
value value::operator[](const K& key) &&
{
    return detail::element(*this, detail::to_step(key));
}

template <key_like K>
value_ref dict::operator[](const K& key) &
{
    return detail::element_ref(*this, detail::to_step(key));
}

template <key_like K>
const value& dict::operator[](const K& key) const&
{
    const value* found = find(detail::to_step(key));
    return found ? *found : detail::absent();
}

template <key_like K>
value dict::operator[](const K& key) &&
{
    return std::as_const(*this)[key];
}

// ---- literals ---------------------------------------------------------------------------------

template <storable V>
dict dict::with(std::string_view key, V&& content) &&
{
    ZPROC_CHECK_TEMPORARY(V);
    insert_or_assign(key, value(std::forward<V>(content)));
    return std::move(*this);
}

template <storable V>
dict dict::with(std::string_view key, V&& content) const&
{
    return dict(*this).with(key, std::forward<V>(content));
}

template <class... KeysAndValues>
dict dict::of(KeysAndValues&&... arguments)
{
    static_assert(sizeof...(arguments) % 2 == 0, "dict::of takes key, value, key, value, …");
    static_assert((detail::safe_temporary<KeysAndValues> && ...), ZPROC_TEMPORARY_TEXT);
    dict built;
    auto given = std::forward_as_tuple(std::forward<KeysAndValues>(arguments)...);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (built.insert_or_assign(detail::to_step(std::get<2 * I>(given)),
                                value(std::get<2 * I + 1>(std::move(given)))),
         ...);
    }(std::make_index_sequence<sizeof...(arguments) / 2>{});
    return built;
}

template <storable... T>
list list_of(T&&... elements)
{
    static_assert((detail::safe_temporary<T> && ...), ZPROC_TEMPORARY_TEXT);
    list built;
    built.reserve(sizeof...(elements));
    (built.emplace_back(std::forward<T>(elements)), ...);
    return built;
}

} // namespace zproc
