#pragma once

#include <array>
#include <cstddef>

#include <sys/random.h>

namespace zproc::swarming {

/// Bytes that nobody can guess, and never the same again.
template <std::size_t Size>
std::array<std::byte, Size> fresh_bytes()
{
    std::array<std::byte, Size> out{};
    // Never fails nor waits for so few once the system is up.
    (void)!::getrandom(out.data(), out.size(), 0);
    return out;
}

} // namespace zproc::swarming
