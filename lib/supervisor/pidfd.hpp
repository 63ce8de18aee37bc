#pragma once

#include <zproc/error.hpp>

namespace zproc::supervision {

/// Errors: `errc::process_gone` when it has been reaped; those of pidfd_send_signal(2).
error_code send_signal(int pidfd, int number) noexcept;

/// True until it has been reaped. (That a pidfd is readable does not say so: a traced process's
/// may be while it lives.)
bool is_alive(int pidfd) noexcept;

} // namespace zproc::supervision
