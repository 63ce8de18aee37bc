#pragma once

#include <chrono>
#include <optional>

namespace zproc::supervision {

/// How long a process is waited for that this user may not kill: a setuid program that has made
/// itself another's. Pure: time comes from outside.
class refusal_fsm {
public:
    using time_point = std::chrono::nanoseconds; ///< of any clock that never goes back

    static constexpr std::chrono::seconds limit{5};

    /// It was to be killed at `now`. True when that has been refused for `limit` without a break:
    /// nobody waits for it any more.
    bool tried(time_point now, bool refused) noexcept;

private:
    std::optional<time_point> since_;
};

} // namespace zproc::supervision
