#pragma once

#include <zproc/error.hpp>
#include <zproc/isolation.hpp>

#include <chrono>
#include <optional>
#include <string>

#include <sys/types.h>

namespace zproc::supervision {

struct child_start;

/// What this process knows of its supervisor.
struct membership {
    pid_t self = -1;       ///< the process that all this holds for; a plain fork of it is not meant
    int control = -1;      ///< SEQPACKET socket to the supervisor
    pid_t guardian = -1;   ///< in the root only
    pid_t supervisor = -1; ///< whose death means that everything is being stopped
    bool root = false;     ///< the process that called prepare(), not a spawned one
    bool functions = true; ///< false: the supervisor is the executable `zproc`, and knows none
    std::string name;      ///< of a spawned one
    std::string runtime_directory;
    isolation_level isolation = isolation_level::standard;
    std::string control_group; ///< in the root only; empty where there is none
};

/// Forks guardian and supervisor, unless this process has them already (spawned children do).
///
/// Does nothing the second time. Blocks until the supervisor serves, a few milliseconds.
/// May be called from a static initialiser.
/// Errors: `errc::threads_before_supervisor` when the process has threads (`why` names them),
/// `errc::wrong_process` in a plain fork of the process that prepared,
/// `errc::supervisor_lost` when it is gone already, `errc::isolation_unavailable`,
/// `errc::supervisor_failed` (`why` says what failed).
error_code prepare(std::optional<isolation_level> asked, diagnostics* why = nullptr);
inline error_code prepare(diagnostics* why = nullptr)
{
    return prepare(std::nullopt, why);
}

struct program_limits {
    std::chrono::milliseconds answer{10'000};      ///< for the executable to serve
    std::chrono::milliseconds retry_after{30'000}; ///< for one that failed to be started again
};

/// The same for who spawns no functions, only services and commands: where prepare() is refused
/// because of threads, the executable `zproc` becomes guardian and supervisor.
///
/// One that fails is not started again by every operation: until `retry_after` has passed (or there
/// is another one) they all fail as the first did. Without `why` the reason is written to standard
/// error, once for each failure; prepare() has it, too.
/// Errors: as above; `errc::threads_before_supervisor` only where there is no such executable.
error_code prepare_for_programs(std::optional<isolation_level> asked, diagnostics* why = nullptr,
                                program_limits limits = {});

/// This process's membership; null before prepare() and in a plain fork.
const membership* current() noexcept;

/// Whether this is a plain fork of a process that has a supervisor.
bool is_foreign_fork() noexcept;

/// The private directory (mode 0700) that supervisor and guardian remove at the end; empty before
/// prepare().
std::string runtime_directory();

/// What this process is called: in a spawned one the name of its spawn, else the program's.
std::string process_name();

/// Makes a child that the supervisor has just forked a member. For the forkserver.
void become_child(const child_start& start, pid_t supervisor, isolation_level isolation);

/// What is left to be done once the supervisor and its guardian are gone: in the root to end the
/// control group, to reap the guardian and to remove the directory. Never blocks; false: not over
/// yet, to be called again (for no longer than a second). For the link.
bool settle_loss() noexcept;

/// Whether that is over.
bool supervisor_lost() noexcept;

} // namespace zproc::supervision
