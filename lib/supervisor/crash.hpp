#pragma once

#include <string_view>

namespace zproc::supervision {

/// From now on a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) of this process is written to
/// the channel as a crash_record and, in plain words, to standard error; then the signal takes its
/// usual course, core file included. Works on a stack of its own, so also when the stack ran over.
///
/// A handler that is there already, such as a sanitizer's, stays.
void arm_crash_handlers(int channel, std::string_view process, int owner);

} // namespace zproc::supervision
