#pragma once

#include "supervisor/messages.hpp"

#include <sys/types.h>

#include <functional>
#include <vector>

namespace zproc::supervision {

struct reaped_process {
    pid_t pid = -1;
    exit_report exit;
};

/// Who died, and whom they left behind: the supervisor is the nearest subreaper above a child
/// that dies, so that what was below it is now among its own children.
struct harvest {
    std::vector<reaped_process> dead;
    std::vector<pid_t> orphans;
};

/// The one place that reaps. `known` tells the pids of processes that were forked or adopted;
/// other children found afterwards are orphans, and left by some of these dead.
harvest reap(const std::function<bool(pid_t)>& known);

} // namespace zproc::supervision
