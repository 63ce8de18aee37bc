#include "swarm/progress_meter.hpp"

#include <algorithm>
#include <cmath>

namespace zproc::swarming {

namespace {

double in_seconds(std::chrono::nanoseconds time)
{
    return std::chrono::duration<double>(time).count();
}

constexpr double memory = 5;                    // seconds after which something counts a third
constexpr double longest = 100 * 365 * 86400.0; // an estimate that still fits into nanoseconds

} // namespace

void settling_rate::add(std::uint64_t items, duration now)
{
    if (items == 0)
        return;
    last_items_ = static_cast<double>(items);
    const auto passed = in_seconds(now - last_);
    if (passed <= 0) { // so soon that no time has passed: as if with what came before
        items_ += last_items_;
        return;
    }
    // As if they had been spread over the time since the last.
    const auto faded = std::exp(-passed / memory);
    const auto weight = memory * (1 - faded);
    items_ = items_ * faded + last_items_ / passed * weight;
    seconds_ = seconds_ * faded + weight;
    last_ = now;
}

/// Where nothing has come for long, it is at most what would be if the like came now.
double settling_rate::per_second(duration now) const
{
    if (seconds_ <= 0)
        return 0;
    const auto known = items_ / seconds_;
    const auto passed = in_seconds(now - last_);
    return passed > 0 ? std::min(known, last_items_ / passed) : known;
}

void progress_meter::begun(const void* job, std::optional<std::uint64_t> total, duration now)
{
    if (running_.empty()) {
        over_ = {0, 0, 0, 0};
        since_ = now;
        rate_ = settling_rate(now);
        end_unseen_ = false;
    }
    running_[job] = {total, 0, 0, 0};
    changed_ = true;
}

void progress_meter::at(const void* job, std::uint64_t taken, std::uint64_t settled,
                        std::uint64_t failed, duration now)
{
    const auto found = running_.find(job);
    if (found == running_.end())
        return;
    auto& c = found->second;
    if (c.taken == taken && c.settled == settled && c.failed == failed)
        return;
    rate_.add(settled > c.settled ? settled - c.settled : 0, now);
    c.taken = taken;
    c.settled = settled;
    c.failed = failed;
    changed_ = true;
}

/// What it had taken and not settled will never be; what was not counted is, now.
void progress_meter::ended(const void* job, duration now)
{
    const auto found = running_.find(job);
    if (found == running_.end())
        return;
    const auto& c = found->second;
    *over_.total += c.total.value_or(c.settled);
    over_.taken += c.settled;
    over_.settled += c.settled;
    over_.failed += c.failed;
    running_.erase(found);
    changed_ = true;
    if (running_.empty()) {
        end_unseen_ = true;
        until_ = now;
    }
}

std::optional<swarm_progress> progress_meter::take(duration now)
{
    if (changed_) {
        changed_ = false;
        return present(now);
    }
    end_unseen_ = false;
    return std::nullopt;
}

swarm_progress progress_meter::present(duration now) const
{
    auto sum = over_;
    for (const auto& [job, c] : running_) {
        sum.total = sum.total && c.total ? std::optional(*sum.total + *c.total) : std::nullopt;
        sum.taken += c.taken;
        sum.settled += c.settled;
        sum.failed += c.failed;
    }
    swarm_progress made;
    made.total = sum.total;
    made.failed = sum.failed;
    made.done = sum.settled - std::min(sum.failed, sum.settled);
    made.in_flight = sum.taken - std::min(sum.settled, sum.taken);
    made.over = running_.empty();
    made.elapsed = (made.over ? until_ : now) - since_;
    if (!made.over)
        made.rate = rate_.per_second(now);
    else if (const auto seconds = in_seconds(made.elapsed); seconds > 0)
        made.rate = static_cast<double>(sum.settled) / seconds;
    if (made.over || !made.total)
        return made;
    const auto left = static_cast<double>(*made.total - std::min(*made.total, sum.settled));
    if (left == 0)
        made.remaining = duration::zero();
    else if (made.rate > 0 && left / made.rate < longest)
        made.remaining =
            std::chrono::duration_cast<duration>(std::chrono::duration<double>(left / made.rate));
    return made;
}

} // namespace zproc::swarming
