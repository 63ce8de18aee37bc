#pragma once

#include "descriptor.hpp"

#include <zproc/error.hpp>

#include <sys/types.h>

namespace zproc::supervision {

/// Empty, and errno, when there is no such process.
descriptor open_pidfd(pid_t pid) noexcept;

/// The number of the process as /proc has it; -1 when it has been reaped.
pid_t number_in_proc(int pidfd);

/// Errors: `errc::process_gone` when it has been reaped; those of pidfd_send_signal(2).
error_code send_signal(int pidfd, int number) noexcept;

/// True until it has been reaped. (That a pidfd is readable does not say so: a traced process's
/// may be while it lives.)
bool is_alive(int pidfd) noexcept;

} // namespace zproc::supervision
