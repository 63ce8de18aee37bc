#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
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

/// A word that another process may be storing meanwhile.
inline std::uint64_t load_word(const std::byte* at) noexcept
{
    // atomic_ref of a const type comes with C++26; nothing is stored here, so a read-only mapping
    // will do.
    auto* place = const_cast<std::uint64_t*>(reinterpret_cast<const std::uint64_t*>(at));
    return std::atomic_ref<std::uint64_t>(*place).load(std::memory_order_acquire);
}

} // namespace zproc::journal
