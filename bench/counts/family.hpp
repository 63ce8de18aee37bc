#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace zproc::bench {

pid_t parent_of(pid_t pid);

/// The one below this process, at any depth, that has this name; throws when there is none, or
/// more than one.
pid_t descendant_called(std::string_view name);

/// How often a process has gone to sleep of its own accord, all of its threads together: as often
/// was it woken.
std::uint64_t sleeps_of(pid_t pid);

} // namespace zproc::bench
