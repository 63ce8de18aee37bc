#include "stress/consistency/journal.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace zproc::test::consistency {

namespace {

void wrong(std::uint64_t revision, space where, const std::string& what)
{
    objection(judge::journal, std::string(space_names[static_cast<unsigned>(where)]) +
                                  ", revision " + std::to_string(revision) + ": " + what);
}

/// What an operation has written where that was, if it has: the cell it left.
std::optional<cell> written(const key_operation& o, const cell& before = {})
{
    const auto if_so = [](bool so, const cell& to) {
        return so ? std::optional<cell>(to) : std::nullopt;
    };
    switch (o.what) {
    case action::read:
    case action::contains: return std::nullopt;
    case action::write: return if_so(true, o.argument);
    case action::erase: return if_so(o.result == 1, {});
    case action::pop: return if_so(o.result.has_value(), {});
    case action::set_default: return if_so(o.result == o.argument, o.argument); // it is unique
    case action::increment: return if_so(true, o.result);
    case action::add: return if_so(true, effect_of(o, before).after);
    case action::exchange: return if_so(o.result != o.argument, o.argument);
    case action::compare_exchange: return if_so(o.result == 1, o.argument);
    }
    return std::nullopt;
}

/// It must have made a revision: not only if there was something to erase.
bool surely_writes(const transaction& t)
{
    return std::ranges::any_of(t.parts, [](const key_operation& o) {
        const auto to = written(o);
        return !o.unknown && to && (*to || o.what != action::write);
    });
}

bool may_write(const transaction& t)
{
    return std::ranges::any_of(t.parts,
                               [](const key_operation& o) { return written(o).has_value(); });
}

using contents = std::map<std::uint32_t, cell>;

cell at(const contents& now, std::uint32_t key)
{
    const auto found = now.find(key);
    return found == now.end() ? cell() : found->second;
}

/// Whether the transaction makes exactly these changes.
bool makes(const transaction& t, std::span<const event_entry> changes, const contents& before)
{
    std::size_t found = 0;
    for (const auto& o : t.parts) {
        const auto to = written(o, at(before, o.key));
        if (!to)
            continue;
        const auto change = std::ranges::find(changes, o.key, &event_entry::key);
        if (change != changes.end() ? change->after != *to : at(before, o.key) != *to)
            return false;
        found += change != changes.end();
    }
    return found == changes.size();
}

class replay {
public:
    replay(space where, std::vector<transaction>& all) : where_(where)
    {
        for (auto& each : all) {
            if (each.where != where)
                continue;
            if (may_write(each))
                lanes_[each.lane].waiting.push_back(&each);
            else if (each.revision != 0)
                snapshots_.push_back(&each);
        }
        std::ranges::sort(snapshots_, {}, &transaction::revision);
    }

    void run()
    {
        look_at_snapshots();
        const auto entries = events[static_cast<unsigned>(where_)].entries();
        for (std::size_t i = 0; i != entries.size();) {
            std::size_t end = i;
            while (end != entries.size() && entries[end].revision == entries[i].revision)
                ++end;
            take(entries.subspan(i, end - i));
            i = end;
        }
        if (next_snapshot_ != snapshots_.size())
            wrong(snapshots_.back()->revision, where_, "a snapshot is newer than all events");
        for (const auto& [lane, its] : lanes_)
            look_for_missing(lane, its);
    }

    /// Greetings tell which origin is which lane.
    void learn_origins()
    {
        for (const auto& each : events[static_cast<unsigned>(space::greetings)].entries())
            if (each.after)
                origins_[{each.session, each.handle}] = static_cast<std::uint32_t>(*each.after);
    }

    std::size_t matched() const { return matched_; }
    std::span<transaction* const> snapshots() const { return snapshots_; }

private:
    struct progress {
        std::vector<transaction*> waiting;
        std::set<std::size_t> next{0}; ///< that may have come next, more than one if it is not sure
        bool lost = false;
    };

    void take(std::span<const event_entry> changes)
    {
        const auto& first = changes.front();
        if (first.revision != revision_ + 1)
            wrong(first.revision, where_, "came after revision " + std::to_string(revision_));
        if (first.time < time_)
            wrong(first.revision, where_, "its time is before that of the one before");
        revision_ = first.revision;
        time_ = first.time;
        for (const auto& c : changes)
            if (c.before != at(now_, c.key))
                wrong(revision_, where_, name_of(c.key) + " was not what it says it was");
        match(changes);
        for (const auto& c : changes)
            now_[c.key] = c.after;
        look_at_snapshots();
    }

    void look_for_missing(std::uint32_t lane, const progress& its)
    {
        const auto first = its.waiting.begin() + static_cast<std::ptrdiff_t>(*its.next.rbegin());
        const auto missing = std::find_if(first, its.waiting.end(),
                                          [](const transaction* t) { return surely_writes(*t); });
        if (missing != its.waiting.end() && !its.lost)
            wrong(revision_, where_,
                  "is the last one, and lane " + std::to_string(lane) + ' ' +
                      in_words((*missing)->parts.front()));
    }

    void match(std::span<const event_entry> changes)
    {
        const auto& first = changes.front();
        const auto origin = origins_.find({first.session, first.handle});
        if (origin == origins_.end())
            return wrong(revision_, where_, "nobody knows its origin");
        auto& its = lanes_[origin->second];
        if (its.lost)
            return;
        std::set<std::size_t> then;
        for (const auto from : its.next)
            for (auto i = from; i != its.waiting.size(); ++i) {
                if (makes(*its.waiting[i], changes, now_))
                    then.insert(i + 1);
                if (surely_writes(*its.waiting[i]))
                    break;
            }
        if (then.empty()) {
            its.lost = true;
            const auto next = *its.next.begin();
            return wrong(
                revision_, where_,
                "is nothing that lane " + std::to_string(origin->second) + " did next" +
                    (next == its.waiting.size()
                         ? ""
                         : ", such as that it " + in_words(its.waiting[next]->parts.front())));
        }
        its.next = std::move(then);
        ++matched_;
        if (its.next.size() > 1)
            return; // something that may have changed nothing would have done the same
        auto& t = *its.waiting[*its.next.begin() - 1];
        t.revision = revision_;
        if (first.seen < t.invoked)
            wrong(revision_, where_, "was seen before it was asked for");
    }

    void look_at_snapshots()
    {
        for (; next_snapshot_ != snapshots_.size() &&
               snapshots_[next_snapshot_]->revision <= revision_;
             ++next_snapshot_) {
            for (const auto& each : snapshots_[next_snapshot_]->parts)
                if (each.result != at(now_, each.key))
                    return wrong(revision_, where_,
                                 "a snapshot of it has another " + name_of(each.key));
        }
    }

    space where_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t> origins_;
    std::map<std::uint32_t, progress> lanes_;
    std::vector<transaction*> snapshots_;
    std::size_t next_snapshot_ = 0;
    contents now_;
    std::uint64_t revision_ = 0;
    std::int64_t time_ = 0;
    std::size_t matched_ = 0;
};

/// What was answered before something else was asked for comes first, also by revisions.
void compare_with_time(space where, const std::vector<transaction>& all)
{
    struct moment {
        std::int64_t time;
        bool response;
        const transaction* what;
    };
    std::vector<moment> moments;
    for (const auto& each : all)
        if (each.where == where && each.revision != 0) {
            moments.push_back({each.invoked, false, &each});
            moments.push_back({each.responded, true, &each});
        }
    std::ranges::sort(moments, [](const moment& a, const moment& b) {
        return std::pair(a.time, a.response) < std::pair(b.time, b.response);
    });
    std::uint64_t newest = 0;
    for (const auto& each : moments) {
        const auto revision = each.what->revision;
        if (each.response)
            newest = std::max(newest, revision);
        else if (may_write(*each.what) ? revision <= newest : revision < newest)
            return wrong(revision, where,
                         "was asked for after revision " + std::to_string(newest) +
                             " had been answered");
    }
}

} // namespace

journal_verdict judge_journal(space where, std::vector<transaction>& all)
{
    replay events_again(where, all);
    events_again.learn_origins();
    events_again.run();
    compare_with_time(where, all);
    return {events_again.matched(), events_again.snapshots().size()};
}

} // namespace zproc::test::consistency
