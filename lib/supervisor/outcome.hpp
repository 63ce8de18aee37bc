#pragma once

#include "supervisor/messages.hpp"

#include <zproc/detail/carried_exception.hpp>
#include <zproc/detail/process_core.hpp>

#include <exception>
#include <span>
#include <string>

namespace zproc::supervision {

/// How a process ended: what the supervisor says, and what the process itself left in its channel
/// (-1: there is none). Does not wait: whoever may still hold the channel open, all that the
/// process wrote is in it.
/// `rethrown`: types of exceptions that are thrown again as they were.
detail::process_outcome read_outcome(int channel, const exit_report& report, int restarts,
                                     const std::string& process, const std::string& cause,
                                     std::span<const detail::carried_type> rethrown);

/// What `result()` throws of a process that ended so, and left no result.
std::exception_ptr failure(const exit_info& info, const std::string& process);

} // namespace zproc::supervision
