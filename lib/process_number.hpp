#pragma once

#include <sys/types.h>

namespace zproc {

/// This process's number in /proc. In a PID namespace, that is what the outside knows it by, and
/// not what getpid() says.
pid_t own_number() noexcept;

} // namespace zproc
