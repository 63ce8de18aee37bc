#pragma once

#include "supervisor/messages.hpp"

#include <chrono>
#include <deque>

namespace zproc::supervision {

/// Whether a service that died is started again. Pure: the time comes from outside.
class restart_history {
public:
    using time_point = std::chrono::nanoseconds; ///< of any clock that never goes back

    explicit restart_history(restart_limit limit) noexcept : limit_(limit) {}

    /// Decides about one death at `now`; a yes is remembered against the limit.
    bool permit(time_point now);

private:
    restart_limit limit_;
    std::deque<time_point> recent_;
};

} // namespace zproc::supervision
