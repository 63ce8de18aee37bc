#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// The tags of MessagePack that reader and writer share.
/// Source: https://github.com/msgpack/msgpack/blob/master/spec.md
namespace zproc::msgpack::tag {

inline constexpr std::uint8_t fixmap = 0x80;
inline constexpr std::uint8_t fixarray = 0x90;
inline constexpr std::uint8_t fixstr = 0xA0;
inline constexpr std::uint8_t nil = 0xC0;
inline constexpr std::uint8_t no = 0xC2;
inline constexpr std::uint8_t yes = 0xC3;
inline constexpr std::uint8_t bin8 = 0xC4; // then bin16, bin32
inline constexpr std::uint8_t ext8 = 0xC7; // then ext16, ext32
inline constexpr std::uint8_t float32 = 0xCA;
inline constexpr std::uint8_t float64 = 0xCB;
inline constexpr std::uint8_t uint8 = 0xCC;   // then uint16, uint32, uint64
inline constexpr std::uint8_t int8 = 0xD0;    // then int16, int32, int64
inline constexpr std::uint8_t fixext1 = 0xD4; // then of 2, 4, 8, 16
inline constexpr std::uint8_t str8 = 0xD9;    // then str16, str32
inline constexpr std::uint8_t array16 = 0xDC; // then array32
inline constexpr std::uint8_t map16 = 0xDE;   // then map32
inline constexpr std::uint8_t negative_fixint = 0xE0;

} // namespace zproc::msgpack::tag

namespace zproc::msgpack {

/// Numbers are big-endian; compilers make one instruction of these.
template <class Number>
void store_big(std::byte* to, Number number) noexcept
{
    for (std::size_t i = 0; i != sizeof(Number); ++i)
        to[i] = static_cast<std::byte>(number >> (8 * (sizeof(Number) - 1 - i)));
}

template <class Number>
Number load_big(const std::byte* from) noexcept
{
    Number number = 0;
    for (std::size_t i = 0; i != sizeof(Number); ++i)
        number = static_cast<Number>(number << 8U | std::to_integer<Number>(from[i]));
    return number;
}
template <>
inline std::uint8_t load_big<std::uint8_t>(const std::byte* from) noexcept
{
    return std::to_integer<std::uint8_t>(*from);
}

} // namespace zproc::msgpack
