#pragma once

#include "descriptor.hpp"
#include "supervisor/isolation.hpp"

#include <optional>

#include <sys/types.h>

namespace zproc::supervision {

/// What the process that prepares gives to the guardian it clones.
struct guardian_setup {
    pid_t root = -1;
    descriptor root_socket; ///< the supervisor's end
    descriptor root_pidfd;
    std::optional<isolation_level> asked; ///< nothing: as well as is possible without being asked
};

/// The life of the guardian: makes the runtime directory, forks the supervisor, waits for its end,
/// kills whatever is left below and removes the directory. All signals are blocked on entry.
///
/// It keeps the supervisor's end of the root's socket open to its own end, so that the root reads
/// the end of the stream when nothing is left, not before.
[[noreturn]] void run_guardian(guardian_setup setup) noexcept;

} // namespace zproc::supervision
