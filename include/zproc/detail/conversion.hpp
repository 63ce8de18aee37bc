#pragma once

#include <zproc/object.hpp>
#include <zproc/value_mapping.hpp>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc {

class value;
class value_ref;
class dict;

/// What a list holds.
using list = std::vector<value>;

/// Anything that names a key: `std::string`, `std::string_view`, a literal, or a class that
/// converts to one of the first two.
template <class K>
concept key_like = std::convertible_to<const std::remove_cvref_t<K>&, std::string_view> ||
                   std::convertible_to<K, std::string>;

namespace detail {

std::string copy_of(std::string_view text);

/// A key of one's own from anything `key_like`.
template <key_like K>
std::string to_key(K&& key)
{
    if constexpr (std::convertible_to<K, std::string> && !std::convertible_to<K, std::string_view>)
        return std::forward<K>(key);
    else if constexpr (std::same_as<K, std::string>)
        return std::move(key);
    else
        return copy_of(key);
}

template <class T, class... Ts>
concept one_of = (std::same_as<T, Ts> || ...);

template <class T>
concept character = one_of<T, char, wchar_t, char8_t, char16_t, char32_t>;

template <class T>
concept integer = std::integral<T> && !character<T> && !std::same_as<T, bool>;

/// What may index a list.
template <class T>
concept index_like = integer<std::remove_cvref_t<T>>;

template <class T>
concept text =
    std::convertible_to<const T&, std::string_view> && !one_of<T, std::nullptr_t, value, value_ref>;

template <class T>
concept byte_run = std::same_as<T, bytes> || std::same_as<T, std::span<const std::byte>> ||
                   std::same_as<T, std::span<std::byte>>;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

// ---- user types -------------------------------------------------------------------------------

// A member name is found without access to it by making it ambiguous: `serialize` is usually
// private, with Boost.Serialization's `access` for a friend.
struct named_serialize {
    int serialize;
};
template <class T>
struct serialize_probe : T, named_serialize {};

template <class T>
concept has_serialize_member =
    std::is_class_v<T> && ((!std::is_final_v<T> && !requires { &serialize_probe<T>::serialize; }) ||
                           requires(T& object, boost::archive::binary_oarchive& archive) {
                               object.serialize(archive, 0U);
                           });

template <class T>
concept has_free_serialize = std::is_class_v<T> && !std::ranges::range<T> &&
                             requires(T& object, boost::archive::binary_oarchive& archive) {
                                 serialize(archive, object, 0U);
                             };

template <class T>
concept has_declared_name = std::is_class_v<T> && !requires { requires type_name<T>::is_default; };

/// Stored as its `value_mapping` says. Never what a value is made of.
template <class T>
concept mapped = (std::is_class_v<T> || std::is_union_v<T> || std::is_enum_v<T>) &&
                 !one_of<T, value, value_ref, dict, list, bytes, object, std::string> &&
                 requires { sizeof(value_mapping<T>); };

/// Stored as an `object`: what Boost.Serialization can carry.
template <class T>
concept serializable = !one_of<T, value, value_ref, dict, list, bytes, object> && !text<T> &&
                       (has_declared_name<T> || has_serialize_member<T> || has_free_serialize<T>);

// ---- containers -------------------------------------------------------------------------------

template <class T>
consteval bool is_storable();

template <class T>
concept string_keyed = std::ranges::input_range<const T> && requires {
    typename T::key_type;
    typename T::mapped_type;
} && text<typename T::key_type>;

template <class T>
concept sequence = std::ranges::input_range<const T> && !requires { typename T::mapped_type; } &&
                   // a path is a range of paths
                   !std::same_as<std::ranges::range_value_t<const T>, T>;

/// Storable without a mapping of its own; elements may have theirs.
template <class T>
consteval bool is_native()
{
    if constexpr (one_of<T, value, value_ref, list, object, std::nullptr_t, std::nullopt_t> ||
                  std::is_base_of_v<dict, T> || // a snapshot too
                  std::same_as<T, bool> || integer<T> || std::floating_point<T> ||
                  std::is_enum_v<T> || text<T> || byte_run<T>)
        return true;
    else if constexpr (std::is_arithmetic_v<T> || std::is_pointer_v<T> || std::is_void_v<T> ||
                       std::is_function_v<T> || std::is_member_pointer_v<T>)
        return false;
    else if constexpr (is_optional<T>)
        return is_storable<typename T::value_type>();
    else if constexpr (serializable<T>)
        return true;
    else if constexpr (string_keyed<T>)
        return is_storable<typename T::mapped_type>();
    else if constexpr (sequence<T>)
        return is_storable<std::ranges::range_value_t<const T>>();
    else
        return false;
}

template <class T>
consteval bool is_storable()
{
    if constexpr (mapped<T>)
        return true;
    else
        return is_native<T>();
}

/// What a stored `T` reads back as: text as `std::string`, an access proxy as `value`.
template <class T>
struct stored {
    using type = std::conditional_t<text<T> && !mapped<T>, std::string, T>;
};
template <>
struct stored<value_ref> {
    using type = value;
};
template <>
struct stored<std::nullptr_t> {
    using type = value;
};
template <>
struct stored<std::nullopt_t> {
    using type = value;
};
template <class T>
using stored_t = typename stored<std::remove_cvref_t<T>>::type;

} // namespace detail

/// Everything that has a `value`: null (`nullptr`, an empty optional), `bool`, integers, enums,
/// floating point, string-likes, bytes, lists, dicts, ranges and string-keyed maps of storables,
/// and users' types with a `value_mapping` or a Boost.Serialization `serialize`. Not `char`, and no
/// pointers.
template <class T>
concept storable = detail::is_storable<std::remove_cvref_t<T>>();

} // namespace zproc
