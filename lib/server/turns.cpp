#include "server/turns.hpp"

#include <algorithm>

namespace zproc::serving {

namespace {

constexpr turns::time at_once = 0; // before any time that it is told

/// Twice what its owner needs: a commit may meet what its own session had sent before the turn
/// began, and be tried again.
turns::time lease_for(std::uint64_t round_trip)
{
    const auto most = static_cast<std::uint64_t>(turns::longest_lease);
    const auto wanted = static_cast<turns::time>(2 * std::min(round_trip, most));
    return std::clamp(wanted, turns::shortest_lease, turns::longest_lease);
}

bool same(const turns::ticket& a, seat where, std::uint64_t id)
{
    return a.where == where && a.id == id;
}

std::size_t cost_of(const turns::read_set& reads)
{
    return 1 + reads.weight;
}

} // namespace

// ---- tickets -----------------------------------------------------------------------------------

turns::answer turns::ask(const ticket& who, std::string_view name_space,
                         std::span<const std::string_view> keys, bool everything,
                         std::uint64_t round_trip)
{
    if (tickets_.contains({who.where, who.id}))
        return answer::known_already;
    if (const auto it = expenses_.find(who.where); it != expenses_.end() && it->second >= most)
        return answer::too_many;
    auto it = spaces_.find(name_space);
    if (it == spaces_.end()) {
        it = spaces_.try_emplace(std::string(name_space)).first;
        it->second.name = it->first;
    }
    auto& s = it->second;
    tickets_.emplace(name{who.where, who.id}, &s);
    ++expenses_[who.where];
    auto& made = s.queue.emplace_back();
    made.who = who;
    made.lease = lease_for(round_trip);
    made.waits = s.turn || s.queue.size() > 1;
    if (everything)
        protect_everything(who, made.reads);
    else
        protect(who, made.reads, keys);
    if (!s.turn) // else it has to wait for the end of that
        set_due(s, std::min(s.due, eligible_at(who.session)));
    return answer::queued;
}

void turns::protect(const ticket& who, read_set& reads, std::span<const std::string_view> keys)
{
    auto& spent = expenses_[who.where];
    for (const auto key : keys) {
        if (reads.everything || reads.keys.contains(key))
            continue;
        const auto weight = weight_of(key);
        if (spent + weight > most)
            return protect_everything(who, reads);
        reads.keys.emplace(key);
        reads.weight += weight;
        spent += weight;
    }
}

void turns::protect_everything(const ticket& who, read_set& reads)
{
    expenses_[who.where] -= std::exchange(reads.weight, 0);
    reads.everything = true;
    reads.keys.clear();
}

const turns::holder* turns::find(seat where, std::uint64_t id) const
{
    const auto it = tickets_.find({where, id});
    if (it == tickets_.end() || !it->second->turn || !same(it->second->turn->who, where, id))
        return nullptr;
    return &*it->second->turn;
}

turns::holder* turns::find(seat where, std::uint64_t id, std::string_view name_space)
{
    const auto it = tickets_.find({where, id});
    return it == tickets_.end() || it->second->name != name_space
               ? nullptr
               : const_cast<holder*>(std::as_const(*this).find(where, id));
}

void turns::reads(seat where, std::uint64_t id, std::string_view name_space,
                  std::span<const std::string_view> keys)
{
    if (auto* turn = find(where, id, name_space))
        protect(turn->who, turn->reads, keys);
}

void turns::reads_everything(seat where, std::uint64_t id, std::string_view name_space)
{
    if (auto* turn = find(where, id, name_space))
        protect_everything(turn->who, turn->reads);
}

void turns::committed(seat where, std::uint64_t id)
{
    if (const auto* turn = find(where, id)) {
        forgive(turn->who);
        end(*tickets_.find({where, id})->second);
    }
}

std::optional<turns::ticket> turns::give_up(seat where, std::uint64_t id)
{
    const auto it = tickets_.find({where, id});
    if (it == tickets_.end())
        return std::nullopt;
    auto& s = *it->second;
    if (find(where, id)) {
        end(s);
        return std::nullopt;
    }
    const auto at =
        std::ranges::find_if(s.queue, [&](const entry& e) { return same(e.who, where, id); });
    const auto who = at->who;
    expenses_[where] -= cost_of(at->reads);
    tickets_.erase(it);
    s.queue.erase(at);
    plan(s);
    return who;
}

void turns::leave(seat where)
{
    const auto first = tickets_.lower_bound({where, 0});
    auto last = first;
    std::set<space*> left;
    for (; last != tickets_.end() && last->first.first == where; ++last)
        left.insert(last->second);
    tickets_.erase(first, last);
    for (auto* s : left) {
        std::erase_if(s->queue, [&](const entry& e) { return e.who.where == where; });
        if (s->turn && s->turn->who.where == where)
            end(*s);
        else
            plan(*s);
    }
    unpark(where);
    std::erase(released_, where);
    expenses_.erase(where);
}

// ---- mutations ---------------------------------------------------------------------------------

std::optional<turns::time> turns::obstacle(seat where, std::string_view name_space,
                                           std::span<const std::string_view> keys, bool everything,
                                           time now) const
{
    const auto it = spaces_.find(name_space);
    if (it == spaces_.end() || !it->second.turn)
        return std::nullopt;
    const auto& turn = *it->second.turn;
    if (turn.deadline <= now || holders_.contains(where))
        return std::nullopt;
    const auto is_read = [&](std::string_view key) {
        return turn.reads.everything || turn.reads.keys.contains(key);
    };
    const bool touched = everything ? turn.reads.everything || !turn.reads.keys.empty()
                                    : std::ranges::any_of(keys, is_read);
    return touched ? std::optional(turn.deadline) : std::nullopt;
}

void turns::park(seat where, std::string_view name_space)
{
    const auto it = spaces_.find(name_space);
    if (it != spaces_.end() && it->second.turn && parked_.try_emplace(where, &it->second).second)
        it->second.parked.push_back(where);
}

void turns::unpark(seat where)
{
    if (const auto it = parked_.find(where); it != parked_.end()) {
        std::erase(it->second->parked, where);
        parked_.erase(it);
    }
}

// ---- what time brings --------------------------------------------------------------------------

std::optional<turns::step> turns::next(time now)
{
    for (;;) {
        if (!released_.empty()) {
            const auto who = released_.front();
            released_.pop_front();
            return step{who, std::nullopt};
        }
        if (agenda_.empty() || agenda_.begin()->first > now)
            return std::nullopt;
        auto& s = *agenda_.begin()->second;
        if (s.turn) {
            punish(s.turn->who.session, s.turn->lease, now);
            end(s);
        } else if (const auto who = begin(s, now)) {
            return step{who->where, who};
        }
    }
}

turns::time turns::next_deadline() const noexcept
{
    if (!released_.empty())
        return at_once;
    return agenda_.empty() ? never : agenda_.begin()->first;
}

/// The oldest eligible ticket gets the turn.
std::optional<turns::ticket> turns::begin(space& s, time now)
{
    const auto at = std::ranges::find_if(
        s.queue, [&](const entry& e) { return eligible_at(e.who.session) <= now; });
    if (at != s.queue.end()) {
        s.turn = {at->who,   s.name,          std::move(at->reads),
                  at->lease, now + at->lease, at->waits || s.queue.size() > 1};
        s.queue.erase(at);
        ++held_;
        ++holders_[s.turn->who.where];
        unpark(s.turn->who.where); // waits for nobody from now on
    }
    plan(s);
    return s.turn ? std::optional(s.turn->who) : std::nullopt;
}

void turns::end(space& s)
{
    const auto& who = s.turn->who;
    --held_;
    if (const auto it = holders_.find(who.where); --it->second == 0)
        holders_.erase(it);
    expenses_[who.where] -= cost_of(s.turn->reads);
    tickets_.erase({who.where, who.id});
    for (const auto each : s.parked)
        parked_.erase(each);
    released_.insert(released_.end(), s.parked.begin(), s.parked.end());
    s.parked.clear();
    s.turn.reset();
    plan(s);
}

void turns::punish(std::uint64_t session, time lease, time now)
{
    // Whoever has been good for long enough has paid: also what nobody comes back for goes.
    std::erase_if(penalties_, [&](const auto& each) {
        return each.first != session && each.second.until + longest_penalty <= now;
    });
    auto& owed = penalties_[session];
    if (owed.until + longest_penalty <= now)
        owed.times = 0;
    owed.times = std::min(owed.times + 1, 12u); // 2 ms doubled so often is beyond the longest
    owed.until = now + std::min(lease << owed.times, longest_penalty);
}

void turns::forgive(const ticket& who)
{
    if (penalties_.erase(who.session) == 0)
        return;
    std::set<space*> waited;
    for (auto it = tickets_.lower_bound({who.where, 0});
         it != tickets_.end() && it->first.first == who.where; ++it)
        waited.insert(it->second);
    for (auto* s : waited) // none of them is empty: nothing of it goes
        plan(*s);
}

turns::time turns::eligible_at(std::uint64_t session) const
{
    const auto it = penalties_.find(session);
    return it == penalties_.end() ? at_once : it->second.until;
}

/// When there will be something to do for it; without a ticket there is nothing left of it.
void turns::plan(space& s)
{
    auto due = never;
    if (s.turn)
        due = s.turn->deadline;
    else
        for (const auto& each : s.queue)
            due = std::min(due, eligible_at(each.who.session));
    set_due(s, due);
    if (!s.turn && s.queue.empty())
        spaces_.erase(spaces_.find(s.name));
}

void turns::set_due(space& s, time due)
{
    if (due == s.due)
        return;
    agenda_.erase({s.due, &s});
    s.due = due;
    if (due != never)
        agenda_.emplace(due, &s);
}

} // namespace zproc::serving
