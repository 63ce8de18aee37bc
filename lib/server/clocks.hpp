#pragma once

#include <cstdint>
#include <ctime>

namespace zproc::serving {

/// In ns.
inline std::int64_t read_clock(clockid_t which)
{
    timespec now{};
    ::clock_gettime(which, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

} // namespace zproc::serving
