#pragma once

// The templates of value.hpp that convert.

#include <zproc/detail/archive.hpp>
#include <zproc/detail/conversion_error.hpp>
#include <zproc/value_ref.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace zproc {

namespace detail {

/// A double that is an integer of 64 bits, as that.
std::optional<std::int64_t> whole(double number) noexcept;

/// How errors call a type.
template <class T>
std::string wanted_name()
{
    if constexpr (mapped<T>)
        return "'" + type_name<T>::get() + "'";
    else if constexpr (std::same_as<T, bool>)
        return "bool";
    else if constexpr (std::same_as<T, value>)
        return "value";
    else if constexpr (is_optional<T>)
        return wanted_name<typename T::value_type>();
    else if constexpr (integer<T>)
        return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(8 * sizeof(T));
    else if constexpr (std::floating_point<T>)
        return std::same_as<T, float> ? "float" : "double";
    else if constexpr (text<T>)
        return "string";
    else if constexpr (byte_run<T>)
        return "bytes";
    else if constexpr (std::same_as<T, dict>)
        return "dict";
    else if constexpr (one_of<T, list, object>)
        return std::same_as<T, list> ? "list" : "object";
    else if constexpr (serializable<T>)
        return "object '" + type_name<T>::get() + "'";
    else if constexpr (std::is_enum_v<T>)
        return "'" + boost::core::demangle(typeid(T).name()) + "'";
    else if constexpr (string_keyed<T>)
        return "dict of " + wanted_name<typename T::mapped_type>();
    else if constexpr (is_std_array<T>)
        return "list of " + std::to_string(std::tuple_size_v<T>) + ' ' +
               wanted_name<typename T::value_type>();
    else
        return "list of " + wanted_name<std::ranges::range_value_t<const T>>();
}

} // namespace detail

// ---- into a value -----------------------------------------------------------------------------

template <class T>
void value::store(T&& content)
{
    using plain = std::remove_cvref_t<T>;
    if constexpr (detail::mapped<plain>) {
        using mapped = value_mapping<plain>;
        static_assert(
            requires(const plain& from) {
                { mapped::to_value(from) } -> std::convertible_to<value>;
            }, "zproc: a value_mapping<T> needs a static value to_value(const T&)");
        *this = detail::converted_in<plain>(
            [&]() -> value { return mapped::to_value(std::as_const(content)); });
        if (auto* none = std::get_if<detail::nothing>(&rep_))
            none->absent = false;
    } else if constexpr (detail::one_of<plain, std::nullptr_t, std::nullopt_t>) {
    } else if constexpr (std::same_as<plain, bool>) {
        become(content);
    } else if constexpr (detail::integer<plain>) {
        if (!std::in_range<std::int64_t>(content))
            detail::throw_out_of_range(std::to_string(content));
        become(static_cast<std::int64_t>(content));
    } else if constexpr (std::is_enum_v<plain>) {
        using number = std::underlying_type_t<plain>;
        if constexpr (std::same_as<number, bool>)
            store(static_cast<bool>(content));
        else
            store(+static_cast<number>(content)); // + makes an int of a char
    } else if constexpr (std::floating_point<plain>) {
        become(static_cast<double>(content));
    } else if constexpr (std::same_as<plain, std::string>) {
        become(std::string(std::forward<T>(content)));
    } else if constexpr (detail::text<plain>) {
        if constexpr (std::is_pointer_v<plain>) {
            if (content == nullptr)
                return;
        }
        become(std::string(std::string_view(content)));
    } else if constexpr (std::same_as<plain, bytes>) {
        become(detail::cow<bytes>(bytes(std::forward<T>(content))));
    } else if constexpr (detail::byte_run<plain>) {
        become(detail::cow<bytes>(bytes(content.begin(), content.end())));
    } else if constexpr (std::same_as<plain, list>) {
        become(detail::cow<list>(list(std::forward<T>(content))));
    } else if constexpr (std::derived_from<plain, dict>) {
        become(dict(std::forward<T>(content)));
    } else if constexpr (std::same_as<plain, object>) {
        become(detail::cow<object>(object(std::forward<T>(content))));
    } else if constexpr (detail::is_optional<plain>) {
        if (content)
            store(*std::forward<T>(content));
    } else if constexpr (std::same_as<plain, value>) { // out of an optional<value>
        *this = std::forward<T>(content);
    } else if constexpr (detail::serializable<plain>) {
        become(detail::cow<object>(object(type_name<plain>::get(), detail::to_archive(content))));
    } else {
        store_container(std::forward<T>(content));
    }
}

template <class T>
void value::store_container(T&& content)
{
    using plain = std::remove_cvref_t<T>;
    if constexpr (detail::string_keyed<plain>) {
        dict built;
        for (const auto& [key, element] : content) {
            const std::string_view name(key);
            built.insert_or_assign(
                name, detail::converted_at(name, [&from = element] { return value(from); }));
        }
        become(std::move(built));
    } else {
        using element = std::ranges::range_value_t<const plain>;
        list built;
        if constexpr (std::ranges::sized_range<const plain>)
            built.reserve(static_cast<std::size_t>(std::ranges::size(content)));
        for (const auto& each : content)
            built.push_back(detail::converted_at(built.size(), [&] {
                return value(static_cast<const element&>(each)); // vector<bool> has proxies
            }));
        become(detail::cow<list>(std::move(built)));
    }
}

// ---- out of a value ---------------------------------------------------------------------------

template <class T>
const T* value::get_if() const noexcept
{
    if constexpr (detail::one_of<T, bytes, list, object>) {
        const auto* box = std::get_if<detail::cow<T>>(&rep_);
        return box ? &box->read() : nullptr;
    } else {
        static_assert(detail::one_of<T, bool, std::int64_t, double, std::string, dict>,
                      "a value holds bool, std::int64_t, double, std::string, bytes, list, dict, "
                      "or object");
        return std::get_if<T>(&rep_);
    }
}

template <class T>
T value::get() const
{
    static_assert(std::same_as<T, std::remove_cvref_t<T>>, "ask for a plain type: get<T> copies");
    static_assert(detail::mapped<T> ||
                      (storable<T> && !std::is_pointer_v<T> &&
                       (std::same_as<T, dict> || !std::derived_from<T, dict>) &&
                       !detail::one_of<T, value_ref, std::nullptr_t, std::nullopt_t> &&
                       !(detail::text<T> && !std::same_as<T, std::string>) &&
                       !(detail::byte_run<T> && !std::same_as<T, bytes>)),
                  "zproc: this type cannot be read from a value (a class needs a serialize or a "
                  "value_mapping; views would dangle: ask for std::string or zproc::bytes)");
    static_assert(std::is_default_constructible_v<T>,
                  "zproc: a type read from a value must be default-constructible");
    if constexpr (std::same_as<T, value>) {
        return *this;
    } else if constexpr (detail::mapped<T>) {
        using mapped = value_mapping<T>;
        static_assert(
            requires(const value& from) {
                { mapped::from_value(from) } -> std::convertible_to<T>;
            }, "zproc: a value_mapping<T> needs a static T from_value(const value&)");
        if (const auto* none = std::get_if<detail::nothing>(&rep_); none && none->absent)
            detail::throw_mismatch(*this, detail::wanted_name<T>());
        return detail::converted_in<T>([&]() -> T { return mapped::from_value(*this); });
    } else if constexpr (detail::is_optional<T>) {
        if (is_null())
            return std::nullopt;
        return get<typename T::value_type>();
    } else if constexpr (detail::one_of<T, bool, std::string, bytes, list, dict, object>) {
        if (const T* held = get_if<T>())
            return *held;
        detail::throw_mismatch(*this, detail::wanted_name<T>());
    } else if constexpr (detail::integer<T> || std::floating_point<T>) {
        return get_number<T, T>();
    } else if constexpr (std::is_enum_v<T>) {
        using number = std::underlying_type_t<T>;
        if constexpr (std::same_as<number, bool>) {
            if (const bool* held = get_if<bool>())
                return static_cast<T>(*held);
            detail::throw_mismatch(*this, detail::wanted_name<T>());
        } else if constexpr (detail::character<number>) {
            using of_its_size =
                std::conditional_t<std::is_signed_v<number>, std::int64_t, std::uint64_t>;
            const auto wide = get_number<of_its_size, T>();
            if (!(wide >= static_cast<of_its_size>(std::numeric_limits<number>::min()) &&
                  wide <= static_cast<of_its_size>(std::numeric_limits<number>::max())))
                detail::throw_not_representable(*this, detail::wanted_name<T>());
            return static_cast<T>(wide);
        } else {
            return static_cast<T>(get_number<number, T>());
        }
    } else if constexpr (detail::serializable<T>) {
        const object* held = get_if<object>();
        if (!held || held->type != type_name<T>::get())
            detail::throw_mismatch(*this, detail::wanted_name<T>());
        T out{};
        detail::from_archive(held->data, out);
        return out;
    } else {
        return get_container<T>();
    }
}

template <class T, class Wanted>
T value::get_number() const
{
    if (const auto* number = get_if<std::int64_t>()) {
        if constexpr (detail::integer<T>) {
            if (!std::in_range<T>(*number))
                detail::throw_not_representable(*this, detail::wanted_name<Wanted>());
        }
        return static_cast<T>(*number);
    }
    const auto* number = get_if<double>();
    if (!number)
        detail::throw_mismatch(*this, detail::wanted_name<Wanted>());
    if constexpr (std::floating_point<T>) {
        if (std::isfinite(*number) && std::abs(*number) > std::numeric_limits<T>::max())
            detail::throw_not_representable(*this, detail::wanted_name<Wanted>());
        return static_cast<T>(*number);
    } else {
        const auto exact = detail::whole(*number);
        if (!exact || !std::in_range<T>(*exact))
            detail::throw_not_representable(*this, detail::wanted_name<Wanted>());
        return static_cast<T>(*exact);
    }
}

template <class T>
T value::get_container() const
{
    if constexpr (detail::string_keyed<T>) {
        const dict* held = get_if<dict>();
        if (!held)
            detail::throw_mismatch(*this, detail::wanted_name<T>());
        T out;
        for (const auto& [key, element] : *held)
            out.emplace(typename T::key_type(key),
                        element.template get_at<typename T::mapped_type>(std::string_view(key)));
        return out;
    } else {
        using element = std::ranges::range_value_t<const T>;
        const list* held = get_if<list>();
        if (!held)
            detail::throw_mismatch(*this, detail::wanted_name<T>());
        T out{};
        if constexpr (detail::is_std_array<T>) {
            if (held->size() != out.size())
                detail::throw_not_representable(*this, detail::wanted_name<T>());
            for (std::size_t i = 0; i != out.size(); ++i)
                out[i] = (*held)[i].template get_at<element>(i);
        } else {
            for (std::size_t i = 0; i != held->size(); ++i)
                out.insert(out.end(), (*held)[i].template get_at<element>(i));
        }
        return out;
    }
}

template <class T, class Where>
T value::get_at(const Where& where) const
{
    return detail::converted_at(where, [&]() -> T { return get<T>(); });
}

} // namespace zproc
