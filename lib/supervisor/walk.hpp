#pragma once

#include <initializer_list>
#include <vector>

#include <sys/types.h>

/// Processes below a process, as the kernel tells them at this moment.
namespace zproc::supervision {

/// The direct children of a process, those of all its threads.
std::vector<pid_t> children_of(pid_t parent);

/// Sends to `top` and all below it, in the order they were found. Every process is held by a
/// pidfd and its place in the tree looked at again before it is signalled, so that a reused pid
/// is never hit: `top` must be a child of the caller or below one.
void signal_tree(pid_t top, std::initializer_list<int> signals);

/// Stops `top` and all below it, looking again until nobody unstopped is found, so that none can
/// fork away; then kills all it stopped.
void kill_tree(pid_t top);

} // namespace zproc::supervision
