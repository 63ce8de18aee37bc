#include "supervisor/restart.hpp"

#include <algorithm>
#include <cmath>

namespace zproc::supervision {

bool permits(const restart_rules& rules, const exit_report& exit, std::optional<bool> verdict)
{
    using mode = restart_rules::mode;
    const bool failed = exit.signalled || exit.number != 0;
    if (rules.when == mode::never || (rules.when == mode::on_failure && !failed))
        return false;
    if (rules.when == mode::always || !rules.filtered())
        return true;
    if (exit.signalled)
        return std::ranges::count(rules.signals, exit.number) != 0;
    if (verdict)
        return *verdict;
    return std::ranges::count(rules.codes, exit.number) != 0;
}

void restart_history::begin(time_point now, double chance) noexcept
{
    began_ = now;
    chance_ = chance;
}

unsigned restart_history::row_at(time_point now) const noexcept
{
    return now - began_ >= rules_.healthy_after ? 0 : row_;
}

std::optional<restart_history::milliseconds>
restart_history::delay_at(time_point now) const noexcept
{
    const auto row = row_at(now);
    if (rules_.when == restart_rules::mode::never || (rules_.limit && row >= *rules_.limit))
        return std::nullopt;
    const auto longest = static_cast<double>(rules_.longest.count());
    const auto grown = static_cast<double>(rules_.delay.count()) * std::pow(rules_.factor, row);
    // Infinity and NaN (0 times infinity) are the longest, too.
    const auto bounded = grown < longest ? grown : longest;
    const auto jittered = bounded * (1 + rules_.jitter * (2 * chance_ - 1));
    return milliseconds(static_cast<std::int64_t>(std::max(jittered, 0.0)));
}

std::optional<restart_history::milliseconds>
restart_history::end(time_point now, const exit_report& exit, std::optional<bool> verdict) noexcept
{
    if (!permits(rules_, exit, verdict))
        return std::nullopt;
    const auto delay = delay_at(now);
    row_ = row_at(now) + 1;
    return delay;
}

std::string retry_text(const restart_history& history, unsigned attempt,
                       restart_history::time_point now, bool permitted)
{
    const auto& rules = history.rules();
    if (rules.when == restart_rules::mode::never)
        return {};
    auto text = "attempt " + std::to_string(attempt);
    if (rules.limit)
        text += ", " + std::to_string(history.run_of_row(now) - 1) + " of " +
                std::to_string(*rules.limit) + " retries used";
    if (!permitted)
        return text + "; its restart policy does not name this end: no retry";
    const auto delay = history.delay_at(now);
    if (!delay)
        return text + "; no more retries";
    return text + "; next one in " + std::to_string(delay->count()) + " ms";
}

} // namespace zproc::supervision
