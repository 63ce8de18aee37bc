#pragma once

#include <cstddef>
#include <string>

namespace zproc::detail {

/// Reads a file of at most `most` bytes. `only_own`: who can read it can do everything, so nobody
/// else may. Otherwise `why` says what is wrong with it, beginning with `what` it is.
bool read_small_file(const std::string& what, const std::string& path, bool only_own,
                     std::size_t most, std::string& out, std::string& why);

} // namespace zproc::detail
