#pragma once

#include <string_view>

namespace zproc::supervision {

/// From now on remembers the end of what this process writes to `std::cerr`, `std::clog` and
/// `stderr`, which goes to descriptor 2 as before. What is written to the descriptor itself, and by
/// programs that it runs, is not seen.
void remember_last_lines();

/// What is remembered, oldest first; begins in the middle of a line when there was more. Made of
/// two parts, because a signal handler cannot put them together. Async-signal-safe.
struct remembered_lines {
    std::string_view first, second;
};
remembered_lines last_lines() noexcept;

} // namespace zproc::supervision
