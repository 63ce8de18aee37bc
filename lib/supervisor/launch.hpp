#pragma once

#include "descriptor.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/restart.hpp"

#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

namespace zproc::supervision {

/// Everything that a new child is made from. A service's is kept for its next run.
struct launch_plan {
    message::spawn spawn;
    std::vector<descriptor> descriptors; ///< 0 to 2 of the child, then its own
};

/// What all children have in common.
struct launch_surroundings {
    pid_t supervisor = -1;
    pid_t root = -1;
    isolation_level isolation = isolation_level::standard;
    rlimit open_files{}; ///< as the root had it
    std::string runtime_directory;
};

/// What differs from run to run; the numbers are still the supervisor's.
struct launch_run {
    child_id id = 0;
    unsigned attempt = 1;
    int control = -1;
    std::vector<kept_descriptor> kept;
    const restart_history* history = nullptr;
    int status = -1; ///< of a command: where the error of exec goes
};

/// Turns the process that was just forked into the child, and ends it with the entry's value.
[[noreturn]] void run_child(const launch_plan& plan, const launch_surroundings& surroundings,
                            const launch_run& run) noexcept;

/// Default handlers for all signals. SIGHUP stays ignored where it is (nohup), and a sanitizer
/// keeps its handlers of crashes.
void reset_signal_handlers() noexcept;

/// Closes all descriptors from 3 on but these.
void close_all_but(std::vector<int> kept) noexcept;

} // namespace zproc::supervision
