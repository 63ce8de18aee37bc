#pragma once

#include "descriptor.hpp"

#include <zproc/isolation.hpp>

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace zproc::supervision {

const char* name_of(isolation_level level) noexcept;
std::optional<isolation_level> level_named(std::string_view name) noexcept;

/// Makes an empty control group below this process's own; empty, and why, where that is not
/// possible: no cgroup v2, no right to, no cgroup.kill. While one process has `held` open, no other
/// program takes the group for forsaken.
std::string make_control_group(descriptor& held, int& error);

/// Moves this process into it; 0 or why not.
int join_control_group(const std::string& path) noexcept;

/// Kills everyone in it, waits until they are gone (no longer than a second), and removes it.
/// This process must not be in it.
void end_control_group(const std::string& path) noexcept;

/// The same without waiting: kills who is in it, and says whether it is gone. To be called until it
/// is.
bool try_to_end_control_group(const std::string& path) noexcept;

/// Forks a process that is the first of a PID namespace of its own: when it ends, the kernel kills
/// all in it. The calling process must have one thread. -1, and why, where it is not permitted.
pid_t fork_into_namespace(int& error) noexcept;

/// Whether this process has another number in /proc than getpid() says.
bool is_in_namespace() noexcept;

} // namespace zproc::supervision
