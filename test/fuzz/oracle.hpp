#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>

/// What all fuzz targets do with what they find.
namespace zproc::fuzz {

inline void require(bool holds)
{
    if (!holds)
        std::abort();
}

/// A number that depends on every byte: what is out of bounds is found by the sanitizer.
inline std::size_t touch(std::span<const std::byte> bytes)
{
    std::size_t sum = bytes.size();
    for (const std::byte byte : bytes)
        sum += std::to_integer<std::size_t>(byte);
    return sum;
}

} // namespace zproc::fuzz
