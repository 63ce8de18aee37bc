#include "server/throttle.hpp"

#include <algorithm>

namespace zproc::serving {

bool throttle::admits(const peer& who, std::int64_t now) const
{
    const auto found = known_.find(who);
    return found == known_.end() || now >= found->second.until;
}

void throttle::failed(const peer& who, std::int64_t now)
{
    blame(who, now, 2);
}

void throttle::dawdled(const peer& who, std::int64_t now)
{
    blame(who, now, 1);
}

void throttle::blame(const peer& who, std::int64_t now, unsigned halves)
{
    if (!known_.contains(who) && known_.size() >= most)
        known_.erase(std::ranges::min_element(known_, {},
                                              [](const auto& each) { return each.second.last; }));
    auto& about = known_[who];
    if (now - about.last >= memory)
        about = {};
    about.last = now;
    about.halves = std::min(about.halves + halves, 2 * (free_failures_ + most_doublings));
    if (about.halves < 2 * free_failures_)
        return;
    // Each one more doubles the wait.
    const auto more = about.halves / 2 - free_failures_;
    about.until = now + std::min(first_wait << more, longest_wait);
}

void throttle::succeeded(const peer& who)
{
    known_.erase(who);
}

} // namespace zproc::serving
