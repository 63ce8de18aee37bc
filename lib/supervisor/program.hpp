#pragma once

#include <zproc/isolation.hpp>

#include <optional>
#include <string>

#include <sys/types.h>

/// The installed executable `zproc`: a guardian for programs that have threads already, and so
/// cannot fork one themselves. What it forks knows none of the program's functions.
namespace zproc::supervision {

/// Where it is: $ZPROC_PROGRAM, beside this program's own executable, where it was installed, or
/// in $PATH; empty when there is none.
std::string find_program();

/// What $ZPROC_PROGRAM says, where that counts: then nothing else is looked for.
std::string named_program();

/// Starts it; the two descriptors are what a guardian is given. -1, and errno, when it could not be.
/// The process that is started forks the guardian and ends: the guardian is nobody's child.
pid_t start_program(const std::string& path, int root_socket, int root_pidfd,
                    std::optional<isolation_level> asked, int& error);

/// In the executable: its arguments, after "supervise". Returns only when they are not understood.
void become_guardian(int argc, char** argv) noexcept;

/// Of the library that this program is linked with.
const char* version() noexcept;

} // namespace zproc::supervision
