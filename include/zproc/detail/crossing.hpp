#pragma once

#include <boost/serialization/access.hpp>
#include <boost/serialization/level.hpp>
#include <boost/serialization/level_enum.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/serialization.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>

#include <ranges>
#include <tuple>
#include <type_traits>

namespace zproc::detail {

// Boost.Serialization accepts every class until its body is compiled, and then reports a page of
// its insides. These find out before.

namespace probing {

/// Its template argument makes the overloads of boost::serialization visible to calls, also those
/// of headers included later.
template <class>
struct archive {};

/// As good a match as Boost's catch-all, so that a type with neither an overload nor a member of
/// its own is ambiguous, which a concept can see.
template <class Archive, class T>
void serialize(Archive&, T&, const unsigned int);

template <class T>
concept has_function =
    requires(archive<boost::serialization::access>& a, T& t) { serialize(a, t, 0u); };

struct name_taker {
    int serialize;
};

template <class T>
struct both : T, name_taker {};

/// True when T has a member of that name, private ones and templates included: then the name is
/// ambiguous in a class derived from both.
template <class T>
concept has_member = !requires { &both<T>::serialize; };

} // namespace probing

template <class T>
constexpr bool has_own_serialize() noexcept
{
    if constexpr (std::is_class_v<T> && !std::is_final_v<T>)
        return probing::has_member<T>;
    else
        return std::is_final_v<T>;
}

template <class T>
constexpr bool can_cross() noexcept
{
    if constexpr (std::is_pointer_v<T> || std::is_reference_v<T> || std::is_null_pointer_v<T>) {
        return false;
    } else if constexpr (boost::serialization::implementation_level<T>::value ==
                         boost::serialization::primitive_type) {
        return true;
    } else if constexpr (std::ranges::range<T>) {
        // Boost serialises the container; the elements may still be the trouble.
        using element = std::ranges::range_value_t<T>;
        constexpr bool itself = probing::has_function<T> || has_own_serialize<T>();
        if constexpr (std::is_same_v<element, T>)
            return itself;
        else
            return itself && can_cross<element>();
    } else {
        return probing::has_function<T> || has_own_serialize<T>();
    }
}

template <class T>
constexpr void check_crossing() noexcept
{
    static_assert(!std::is_pointer_v<T>,
                  "zproc: a pointer means nothing in another process: pass the value (std::string "
                  "for a text)");
    static_assert(std::is_pointer_v<T> || can_cross<T>(),
                  "zproc: this type cannot cross processes: give it a Boost.Serialization "
                  "serialize(Archive&, unsigned), or include the Boost header for it, such as "
                  "<boost/serialization/list.hpp>");
    static_assert(std::is_default_constructible_v<T>,
                  "zproc: arguments and results must be default-constructible: the other process "
                  "makes one and reads into it");
}

} // namespace zproc::detail
