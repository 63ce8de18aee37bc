#pragma once

#include "supervisor/messages.hpp"
#include "supervisor/walk.hpp"

#include <functional>
#include <vector>

#include <sys/types.h>

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
    bool look_again = false; ///< there may be more: they die faster than we look, or we see not all
};

/// The one place that reaps. Looks for orphans when somebody was reaped, or if `look`. `known` tells
/// the pids of processes that were forked or adopted; other children found afterwards are orphans,
/// and left by some of these dead.
harvest reap(const std::function<bool(pid_t)>& known, bool look, const life_sign& alive);

} // namespace zproc::supervision
