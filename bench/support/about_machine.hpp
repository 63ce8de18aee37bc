#pragma once

#include <string>

namespace zproc::bench {

/// Processor and kernel, in one line: what figures are worth nothing without.
std::string about_machine();

} // namespace zproc::bench
