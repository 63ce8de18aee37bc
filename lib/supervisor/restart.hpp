#pragma once

#include "supervisor/messages.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace zproc::supervision {

/// Whether, and after what delay, a process that ended is run again. Pure: time and chance come
/// from outside.
///
/// Failures in a row make the delay grow; a run that lasted for `healthy_after` begins a new row.
class restart_history {
public:
    using time_point = std::chrono::nanoseconds; ///< of any clock that never goes back
    using milliseconds = std::chrono::milliseconds;

    explicit restart_history(restart_rules rules) : rules_(std::move(rules)) {}

    /// A run begins. `chance`, in [0, 1), decides about the jitter of the delay that follows it.
    void begin(time_point now, double chance) noexcept;

    /// The delay after which the present run, should it fail at `now`, is followed by another;
    /// nothing when it is the last one.
    std::optional<milliseconds> delay_at(time_point now) const noexcept;

    /// The present run has ended: the delay until the next, or nothing. `verdict` is what the
    /// process itself said of its exception, if it threw one.
    std::optional<milliseconds> end(time_point now, const exit_report& exit,
                                    std::optional<bool> verdict) noexcept;

    const restart_rules& rules() const noexcept { return rules_; }
    /// Runs of the present row, with this one.
    unsigned run_of_row(time_point now) const noexcept { return row_at(now) + 1; }

private:
    unsigned row_at(time_point now) const noexcept;

    restart_rules rules_;
    time_point began_{0};
    double chance_ = 0.5;
    unsigned row_ = 0; ///< runs of the present row that have ended
};

/// For people: which run this is, and what follows it if it ends now. Empty for who has no rules.
std::string retry_text(const restart_history& history, unsigned attempt,
                       restart_history::time_point now, bool permitted);

/// Whether the rules mean this end of a run.
bool permits(const restart_rules& rules, const exit_report& exit, std::optional<bool> verdict);

} // namespace zproc::supervision
