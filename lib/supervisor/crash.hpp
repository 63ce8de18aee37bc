#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <signal.h>

namespace zproc::supervision {

inline constexpr std::array fault_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// What is said below a report: whether another run follows. Made before, since a handler can only
/// choose.
struct crash_text {
    std::string early;                   ///< of a permitted signal
    std::string late;                    ///< the same, from `late_at` on
    std::string otherwise;               ///< of another one
    std::chrono::nanoseconds late_at{0}; ///< of the monotonic clock
    std::vector<int> permitted;
};

/// From now on a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) of this process is written to
/// the channel as a crash_record and, in plain words, to standard error; then the signal takes its
/// usual course, core file included. Works on a stack of its own, so also when the stack ran over.
///
/// A handler that is there already, such as a sanitizer's, stays.
void arm_crash_handlers(int channel, std::string_view process, int owner, crash_text endings);

/// What arming does first. What is forked by a process that has done it need not do it again.
void make_ready_for_crashes();

} // namespace zproc::supervision
