#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include <sys/types.h>

/// Processes below a process, as the kernel tells them at this moment.
namespace zproc::supervision {

/// Called again and again by what may take long; see the guardian's patience.
using life_sign = std::function<void()>;

/// The direct children of a process, those of all its threads. `all` says whether none may be
/// missing for want of descriptors.
std::vector<pid_t> children_of(pid_t parent, bool* all = nullptr);

/// What /proc calls a process; -1 when there is none.
pid_t number_in_proc_of(pid_t pid);

/// Sends to `top`, which must be a child of the caller that it has not reaped, and to all below it,
/// in the order they were found. Every other process is held by a pidfd and its place in the tree
/// looked at again before it is signalled, so that a reused pid is never hit.
void signal_tree(pid_t top, std::initializer_list<int> signals, const life_sign& alive);

/// Stops `top` (as above) and all below it, looking again until nobody unstopped is found, so that
/// none can fork away; then kills all it stopped. False when this user may not kill `top`.
bool kill_tree(pid_t top, const life_sign& alive);

} // namespace zproc::supervision
