#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace zproc::journal {

// The ring is little-endian and read in place.
static_assert(std::endian::native == std::endian::little,
              "the journal needs a little-endian machine");

template <class T>
T load(const std::byte* from) noexcept
{
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
void save(std::byte* to, T value) noexcept
{
    std::memcpy(to, &value, sizeof value);
}

} // namespace zproc::journal
