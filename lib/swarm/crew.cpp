#include "swarm/crew.hpp"

#include <algorithm>

namespace zproc::swarming {

using namespace std::chrono_literals;

std::size_t crew::count(state of) const noexcept
{
    return static_cast<std::size_t>(
        std::ranges::count_if(workers_, [of](const auto& each) { return each.second == of; }));
}

bool crew::is(worker_id worker, state of) const
{
    const auto found = workers_.find(worker);
    return found != workers_.end() && found->second == of;
}

std::vector<worker_id> crew::resize(std::size_t wanted)
{
    wanted_ = wanted;
    failures_ = 0;
    std::vector<worker_id> leaving;
    auto staying = starting() + up();
    for (const auto of : {state::starting, state::up})
        for (auto at = workers_.rbegin(); at != workers_.rend() && staying > wanted_; ++at)
            if (at->second == of) {
                at->second = state::retiring;
                leaving.push_back(at->first);
                --staying;
            }
    return leaving;
}

std::size_t crew::missing(duration now) const
{
    const auto staying = starting() + up();
    if (staying >= wanted_ || is_hopeless() || (failures_ > 0 && now < not_before_))
        return 0;
    // After a failure one is tried, not all.
    return failures_ > 0 ? (starting() > 0 ? 0 : 1) : wanted_ - staying;
}

std::optional<duration> crew::next_start() const
{
    if (starting() + up() >= wanted_ || is_hopeless() || failures_ == 0 || starting() > 0)
        return std::nullopt;
    return not_before_;
}

bool crew::is_hopeless() const
{
    return gives_up_ && failures_ >= most_failures && up() == 0 && starting() == 0;
}

worker_id crew::start()
{
    workers_.emplace(++last_, state::starting);
    return last_;
}

void crew::up(worker_id worker)
{
    if (is_starting(worker))
        workers_[worker] = state::up;
}

void crew::retire(worker_id worker)
{
    if (const auto found = workers_.find(worker); found != workers_.end())
        found->second = state::retiring;
}

bool crew::gone(worker_id worker, bool useless, duration now)
{
    const bool failed = useless && (is_starting(worker) || is_up(worker));
    workers_.erase(worker);
    if (failed) {
        ++failures_;
        not_before_ = now + std::min<duration>(10ms * (1u << std::min(failures_, 8u)), 1s);
    }
    return failed;
}

} // namespace zproc::swarming
