#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

namespace zproc::bench {

/// What a process of one thread asks of the kernel while `work` runs, by the number of the call:
/// those that have returned by its end. It is traced meanwhile, so it is slow; nothing of its time
/// may be measured. `nudge` makes the process call something once more, after the count.
///
/// Throws where tracing is not permitted.
std::map<long, std::uint64_t> count_system_calls(pid_t of, const std::function<void()>& work,
                                                 const std::function<void()>& nudge);

/// Of those that a server makes; "call 318" for others.
std::string name_of_system_call(long number);

} // namespace zproc::bench
