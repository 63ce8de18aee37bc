#pragma once

#include "supervisor/messages.hpp"

#include <zproc/detail/process_core.hpp>

#include <string>

namespace zproc::supervision {

/// How a process ended: what the supervisor says, and what the process itself left in its channel
/// (-1: there is none). Does not wait: whoever may still hold the channel open, all that the
/// process wrote is in it.
detail::process_outcome read_outcome(int channel, const exit_report& report, int restarts,
                                     const std::string& process, const std::string& cause);

} // namespace zproc::supervision
