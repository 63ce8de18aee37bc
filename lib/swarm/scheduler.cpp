#include "swarm/scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace zproc::swarming {

namespace {

constexpr double target = 4e6;        ///< ns of work in a chunk
constexpr double shortest = 250e3;    ///< ns: below, what a chunk costs itself would show
constexpr double longest_pair = 10e6; ///< ns: what may wait behind another chunk
constexpr std::size_t growth = 32;
constexpr std::size_t most_items = std::size_t{1} << 24;
constexpr std::size_t most_of_stream = 1024;

} // namespace

// Jobs ------------------------------------------------------------------------------------------

job_id scheduler::add_job(const job_rules& rules)
{
    known_job made;
    made.rules = rules;
    if (!jobs_.empty())
        made.time = std::ranges::min_element(jobs_, {}, [](const auto& each) {
                        return each.second.time;
                    })->second.time;
    jobs_.emplace(++last_job_, std::move(made));
    return last_job_;
}

void scheduler::end_job(job_id which)
{
    jobs_.erase(which);
    for (auto& [id, w] : workers_)
        for (auto& each : w.held)
            each.orphan = each.orphan || each.what.job == which;
}

void scheduler::starve(job_id which)
{
    jobs_.at(which).starved = true;
}

void scheduler::feed(job_id which)
{
    if (const auto found = jobs_.find(which); found != jobs_.end())
        found->second.starved = false;
}

void scheduler::input_ended(job_id which)
{
    jobs_.at(which).ended = true;
}

void scheduler::consumed(job_id which, std::uint64_t items)
{
    if (const auto found = jobs_.find(which); found != jobs_.end())
        found->second.consumed += items;
}

bool scheduler::is_settled(job_id which) const
{
    const auto& j = jobs_.at(which);
    return j.ended && j.settled == j.taken;
}

bool scheduler::wants_input(job_id which) const
{
    const auto& j = jobs_.at(which);
    return !j.ended && open_window(j) > 0;
}

// Workers ---------------------------------------------------------------------------------------

void scheduler::worker_up(worker_id which, bool shows_items)
{
    workers_[which].shows_items = shows_items;
}

void scheduler::retire(worker_id which)
{
    if (const auto found = workers_.find(which); found != workers_.end())
        found->second.accepting = false;
}

bool scheduler::is_idle(worker_id which) const
{
    return held(which) == 0;
}

std::size_t scheduler::held(worker_id which) const
{
    const auto found = workers_.find(which);
    return found == workers_.end() ? 0 : found->second.held.size();
}

std::optional<chunk> scheduler::orphan(worker_id which) const
{
    const auto found = workers_.find(which);
    if (found == workers_.end() || found->second.held.empty() || !found->second.held.front().orphan)
        return std::nullopt;
    return found->second.held.front().what;
}

// Assigning -------------------------------------------------------------------------------------

/// The second chunk is there to hide the way to and fro; where it would wait for long, it is better
/// left to a worker that is free first.
bool scheduler::has_room(const known_worker& w, bool for_second) const
{
    if (!w.accepting)
        return false;
    if (!for_second)
        return w.held.empty();
    if (w.held.size() != 1)
        return false;
    const auto& front = w.held.front();
    return !front.alone && front.expected > 0 && front.expected <= longest_pair;
}

std::size_t scheduler::open_window(const known_job& j) const
{
    if (!j.rules.stream)
        return most_items;
    std::size_t window = 0;
    if (j.rules.in_flight) {
        window = *j.rules.in_flight;
    } else {
        const auto each = j.rules.chunk.value_or(
            j.cost > 0 ? std::clamp<std::size_t>(static_cast<std::size_t>(target / j.cost), 1,
                                                 most_of_stream)
                       : 1);
        window = 4 * std::max<std::size_t>(workers_.size(), 1) * each;
    }
    const auto used = j.taken - j.consumed;
    return used >= window ? 0 : window - static_cast<std::size_t>(used);
}

/// How many items the next chunk of fresh ones should have.
std::size_t scheduler::wanted(const known_job& j) const
{
    if (j.rules.chunk)
        return std::min(std::max<std::size_t>(*j.rules.chunk, 1), most_items);
    if (j.cost <= 0)
        return 1;
    const auto of_time = [&](double time) {
        return static_cast<std::size_t>(
            std::clamp(time / j.cost, 1.0, static_cast<double>(most_items)));
    };
    auto most = std::min(of_time(target), growth * std::max<std::size_t>(j.measured, 1));
    if (j.rules.stream)
        most = std::min(most, most_of_stream);
    if (j.rules.total && *j.rules.total > j.taken) {
        // A fair part of what is left, so that all end together.
        const auto left = *j.rules.total - j.taken;
        const auto share = left / (3 * std::max<std::uint64_t>(workers_.size(), 1)) + 1;
        most = std::min<std::size_t>(most, std::max<std::uint64_t>(share, of_time(shortest)));
    }
    return std::max<std::size_t>(most, 1);
}

/// Of the job that has had the least time, the youngest of several. Where that one wants a worker for itself, nobody else is
/// put behind what the worker is at: or it would never be free.
std::optional<offer> scheduler::offer_to(worker_id id, const known_worker& w) const
{
    const known_job* least = nullptr;
    offer made{id, 0, 0, false, 0};
    for (const auto& [number, j] : jobs_)
        if ((least == nullptr || j.time <= least->time) &&
            (!j.again.empty() || (!j.ended && !j.starved && open_window(j) > 0))) {
            least = &j;
            made.job = number;
        }
    if (least == nullptr)
        return std::nullopt;
    const auto& j = *least;
    const bool one_by_one = j.rules.deadline && !w.shows_items;
    if (!w.held.empty() && (j.cost <= 0 || j.cost > longest_pair))
        return std::nullopt;
    if (j.again.empty()) {
        made.most = std::min(open_window(j), one_by_one ? 1 : wanted(j));
        return made;
    }
    const auto& [first, count] = *j.again.begin();
    // What may bring the worker down has nobody waiting behind it, nor waits itself.
    if (!w.held.empty() && j.strikes.contains(first))
        return std::nullopt;
    made.again = true;
    made.first = first;
    made.most = one_by_one ? 1 : count;
    return made;
}

std::optional<offer> scheduler::next() const
{
    for (const bool second : {false, true})
        for (const auto& [id, w] : workers_)
            if (has_room(w, second))
                if (auto made = offer_to(id, w))
                    return made;
    return std::nullopt;
}

chunk scheduler::assign(const offer& taken, std::size_t count, duration now)
{
    auto& j = jobs_.at(taken.job);
    auto& w = workers_.at(taken.worker);
    held_chunk made;
    made.what = {++last_chunk_, taken.job, taken.worker, taken.first,
                 static_cast<std::uint32_t>(count)};
    if (taken.again) {
        const auto found = j.again.find(taken.first);
        const auto left = found->second - static_cast<std::uint32_t>(taken.most);
        made.what.count = static_cast<std::uint32_t>(taken.most);
        j.again.erase(found);
        if (left > 0)
            j.again.emplace(taken.first + taken.most, left);
        made.alone = j.strikes.contains(taken.first);
    } else {
        made.what.first = j.taken;
        j.taken += count;
    }
    made.expected = j.cost * made.what.count;
    made.since = now;
    j.time += made.expected;
    w.held.push_back(made);
    return made.what;
}

std::optional<verdict> scheduler::refused(worker_id which, chunk_id id)
{
    const auto at = workers_.find(which);
    if (at == workers_.end() || at->second.held.empty() || at->second.held.back().what.id != id)
        return std::nullopt;
    const auto last = at->second.held.back();
    at->second.held.pop_back();
    auto& j = jobs_.at(last.what.job);
    j.time -= last.expected;
    if (last.what.count == 1) {
        ++j.settled;
        return verdict{last.what.job, last.what.first, false};
    }
    const auto middle = last.what.first + last.what.count / 2;
    put_back(j, last.what.first, middle);
    put_back(j, middle, last.what.first + last.what.count);
    return std::nullopt;
}

// What is heard ---------------------------------------------------------------------------------

void scheduler::put_back(known_job& j, std::uint64_t first, std::uint64_t end)
{
    if (first < end)
        j.again.emplace(first, static_cast<std::uint32_t>(end - first));
}

/// True when that was the last one.
bool scheduler::strike(known_job& j, std::uint64_t item, bool killed)
{
    if (++j.strikes[item] <= (killed ? j.rules.kill_retries : j.rules.retries)) {
        put_back(j, item, item + 1);
        return false;
    }
    j.strikes.erase(item);
    ++j.settled;
    return true;
}

void scheduler::start_front(known_worker& w, duration now)
{
    if (w.held.empty())
        return;
    w.held.front().since = now;
    w.held.front().item = 0;
}

std::optional<scheduler::finish> scheduler::finished(worker_id which, chunk_id id,
                                                     std::uint32_t done,
                                                     std::span<const std::uint32_t> failures,
                                                     duration elapsed, duration now)
{
    const auto at = workers_.find(which);
    if (at == workers_.end() || at->second.held.empty())
        return std::nullopt;
    auto& w = at->second;
    const auto front = w.held.front();
    if (front.what.id != id || done > front.what.count || failures.size() > done)
        return std::nullopt;
    for (std::size_t i = 0; i != failures.size(); ++i)
        if (failures[i] >= done || (i > 0 && failures[i] <= failures[i - 1]))
            return std::nullopt;
    w.held.pop_front();
    start_front(w, now);

    finish made;
    made.done = front.what;
    made.done.count = done;
    if (front.orphan)
        return made;
    made.wanted = true;
    auto& j = jobs_.at(front.what.job);
    j.untouched.erase(front.what.first);
    put_back(j, front.what.first + done, front.what.first + front.what.count);
    j.settled += done;
    for (const auto each : failures) {
        const auto item = front.what.first + each;
        if (++j.throws[item] <= j.rules.exception_retries) {
            --j.settled;
            put_back(j, item, item + 1);
            made.retried.push_back(item);
        } else {
            j.throws.erase(item);
            made.failed.push_back(item);
        }
    }
    if (front.alone || !j.strikes.empty())
        for (auto item = j.strikes.lower_bound(front.what.first);
             item != j.strikes.end() && item->first < front.what.first + done;)
            item = j.strikes.erase(item);
    if (done > 0) {
        const auto spent = std::max(static_cast<double>(elapsed.count()), 1.0);
        const auto cost = spent / done;
        j.cost = done >= j.measured || j.cost <= 0 ? cost : 0.7 * j.cost + 0.3 * cost;
        j.measured = std::max<std::size_t>(j.measured, done);
        j.time += spent - front.expected;
    }
    return made;
}

std::vector<verdict> scheduler::worker_gone(worker_id which, std::optional<last_sign> sign,
                                            death how)
{
    std::vector<verdict> told;
    const auto at = workers_.find(which);
    if (at == workers_.end())
        return told;
    const auto gone = std::move(at->second);
    workers_.erase(at);
    for (std::size_t i = 0; i != gone.held.size(); ++i) {
        const auto& each = gone.held[i];
        if (each.orphan)
            continue;
        auto& j = jobs_.at(each.what.job);
        const auto first = each.what.first;
        const auto end = first + each.what.count;
        if (i > 0) { // it had not come to these
            put_back(j, first, end);
            continue;
        }
        const bool begun = sign && sign->chunk == each.what.id;
        const bool untouched = !begun && !each.overdue && (gone.shows_items || sign);
        // Nor to this one; it is not what has ended it, unless that happens time and again.
        if (how == death::lost || (untouched && ++j.untouched[first] <= most_untouched)) {
            put_back(j, first, end);
            continue;
        }
        j.untouched.erase(first);
        std::optional<std::uint64_t> guilty;
        if (begun && sign->item < each.what.count)
            guilty = first + sign->item;
        else if (each.overdue)
            guilty = first + each.item;
        else if (each.what.count == 1)
            guilty = first;
        if (!guilty) {
            const auto middle = first + each.what.count / 2;
            put_back(j, first, middle);
            put_back(j, middle, end);
            continue;
        }
        put_back(j, first, *guilty);
        put_back(j, *guilty + 1, end);
        if (each.overdue) {
            j.strikes.erase(*guilty);
            ++j.settled;
            told.push_back({each.what.job, *guilty, true});
        } else if (strike(j, *guilty, how == death::killed)) {
            told.push_back({each.what.job, *guilty, false});
        }
    }
    return told;
}

// Deadlines -------------------------------------------------------------------------------------

void scheduler::progress(worker_id which, last_sign sign, duration now)
{
    const auto at = workers_.find(which);
    if (at == workers_.end() || at->second.held.empty())
        return;
    auto& front = at->second.held.front();
    if (front.what.id != sign.chunk || sign.item == front.item || sign.item >= front.what.count)
        return;
    front.item = sign.item;
    front.since = now;
}

std::vector<worker_id> scheduler::overdue(duration now)
{
    std::vector<worker_id> all;
    for (auto& [id, w] : workers_) {
        if (w.held.empty() || w.held.front().orphan || w.held.front().overdue)
            continue;
        auto& front = w.held.front();
        const auto& deadline = jobs_.at(front.what.job).rules.deadline;
        if (deadline && now - front.since >= *deadline) {
            front.overdue = true;
            all.push_back(id);
        }
    }
    return all;
}

std::optional<duration> scheduler::look_every() const
{
    std::optional<duration> least;
    for (const auto& [id, w] : workers_)
        if (!w.held.empty() && !w.held.front().orphan)
            if (const auto& each = jobs_.at(w.held.front().what.job).rules.deadline)
                least = std::min(least.value_or(*each / 8), *each / 8);
    if (least)
        least = std::clamp<duration>(*least, std::chrono::milliseconds(1), std::chrono::seconds(1));
    return least;
}

} // namespace zproc::swarming
