#include "stress/watchers/check.hpp"

#include "stress/watchers/oracle.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace zproc::test::watching {

namespace {

using origins = std::map<std::uint32_t, std::pair<std::uint64_t, std::uint32_t>>;

/// Who is who, by the greetings.
origins origins_of(const history& greetings)
{
    origins out;
    for (const auto& each : greetings.events())
        out[each.changes.front().first.key] = each.origin();
    return out;
}

/// Walks along what one watcher was given. Where it may be at is not always known exactly: then
/// all places are followed that explain what came so far.
class comparison {
public:
    comparison(unsigned which, const history& h, std::pair<std::uint64_t, std::uint32_t> self)
        : which_(which), spec_(specs()[which]), history_(h), oracle_(spec_, h, self)
    {
        const auto& begun = page->begun[which];
        const auto low = begun.time != 0 ? h.revision_at(begun.time) : begun.low;
        const auto high = begun.time != 0 ? low : begun.high;
        for (auto at = low; at <= high; ++at)
            places_.push_back(at);
    }

    void run(verdict& out)
    {
        const auto all = seen[which_].entries();
        if (seen[which_].overflown())
            return wrong("was given more than could be written down");
        for (std::size_t i = 0; i != all.size() && !failed_;) {
            std::size_t end = i + 1;
            while (end != all.size() && !all[end].first)
                ++end;
            take(all.subspan(i, end - i), out);
            first_ = false;
            i = end;
        }
        if (!failed_ && std::ranges::none_of(places_, [this](std::uint64_t at) {
                return oracle_.next_after(at) > history_.last();
            }))
            wrong("was not given revision " + std::to_string(oracle_.next_after(places_.back())));
    }

private:
    using sighting = std::span<const seen_entry>;

    void wrong(const std::string& what)
    {
        failed_ = true;
        objection(std::string(spec_.name) + ' ' + what);
    }

    void take(sighting s, verdict& out)
    {
        switch (s.front().what) {
        case sight::change: ++out.events; return take_change(s);
        case sight::present: ++out.events; return take_present(s);
        case sight::resync:
            ++out.resyncs;
            out.missed += s.front().missed;
            return take_resync(s);
        case sight::overrun:
            ++out.overruns;
            out.missed += s.front().missed;
            return take_overrun(s.front());
        case sight::skipped: return take_skipped(s.front());
        }
    }

    void take_change(sighting s)
    {
        const auto revision = s.front().revision;
        if (std::ranges::none_of(
                places_, [&](std::uint64_t at) { return oracle_.next_after(at) == revision; }))
            return wrong("was given revision " + std::to_string(revision) + ", where " +
                         std::to_string(oracle_.next_after(places_.back())) + " had to come");
        compare(s);
        places_ = {revision};
    }

    void compare(sighting s)
    {
        const auto& e = history_.at(s.front().revision);
        if (s.front().time != e.time ||
            std::pair(s.front().session, s.front().handle) != e.origin())
            wrong("was told another time or origin of revision " + std::to_string(e.revision));
        auto expected = oracle_.visible(e.revision);
        for (const auto& each : s) {
            const auto is = [&](const change_entry& c) {
                return c.key == each.change.key && c.after == each.change.after &&
                       (c.before == each.change.before ||
                        (c.key == large_key && !each.change.before));
            };
            const auto found = std::ranges::find_if(expected, is);
            if (found == expected.end())
                return wrong("was given another change of " + name_of(each.change.key) +
                             " in revision " + std::to_string(e.revision));
            expected.erase(found);
        }
        if (!expected.empty())
            wrong("was not given all changes of revision " + std::to_string(e.revision));
    }

    void take_present(sighting s)
    {
        const auto revision = s.front().revision;
        if (std::ranges::find(places_, revision) == places_.end() || !first_)
            return wrong("was given the present at revision " + std::to_string(revision));
        if (!oracle_.holds(revision) || spec_.edge)
            wrong("was given a present that does not hold");
        const bool alone = spec_.test != condition::whole;
        const auto flag = history_.value_at(flag_key, revision);
        if (alone && (s.size() != 1 || s.front().change.after != flag))
            wrong("was given a present that is not so");
        places_ = {revision};
    }

    /// All that is between the place and the new one was visible to nobody any more, and nothing
    /// that this watcher wanted had passed unseen before that.
    void take_resync(sighting s)
    {
        const auto& r = s.front();
        if (r.missed == 0 || r.missed > r.revision)
            return wrong("missed " + std::to_string(r.missed) + " before revision " +
                         std::to_string(r.revision));
        const auto from = r.revision - r.missed;
        // Of a time that is no longer retained, less than its revision may be known.
        const bool uncertain = first_ && page->begun[which_].time != 0;
        if (std::ranges::none_of(places_, [&](std::uint64_t at) {
                return uncertain ? from <= at : at <= from && oracle_.next_after(at) > from;
            }))
            return wrong("was resynchronised from revision " + std::to_string(from) +
                         ", being at " + std::to_string(places_.back()));
        check_lapped(from + 1, r);
        check_base(s);
        places_ = {r.revision};
    }

    void check_lapped(std::uint64_t lost, const seen_entry& r)
    {
        const auto& e = history_.at(lost);
        if (e.epoch == r.epoch && r.tail <= e.at)
            wrong("lost revision " + std::to_string(lost) + ", which was still there");
    }

    void check_base(sighting s)
    {
        const auto revision = s.front().revision;
        std::map<std::uint32_t, cell> given;
        for (const auto& each : s)
            if (each.change.key != no_key)
                given[each.change.key] = each.change.after;
        for (const auto key : history_.keys()) {
            const auto found = given.find(key);
            const auto now = found == given.end() ? cell() : found->second;
            const auto expected = oracle_.wants(key) ? history_.value_at(key, revision) : cell();
            // What a large one was may not be derivable.
            if (now != expected && key != large_key)
                return wrong("was told another " + name_of(key) + " as of revision " +
                             std::to_string(revision));
            given.erase(key);
        }
        if (!given.empty())
            wrong("was told of keys that never were");
    }

    /// How many were missed is known, and not from where.
    void take_overrun(const seen_entry& o)
    {
        if (spec_.on_gap != gap::fail || o.missed == 0)
            return wrong("failed with an overrun of " + std::to_string(o.missed));
        std::set<std::uint64_t> places;
        for (const auto at : places_) {
            const auto next = oracle_.next_after(at);
            for (auto from = at; from != next && from + o.missed <= history_.last(); ++from)
                places.insert(from + o.missed);
        }
        if (places.empty())
            return wrong("missed " + std::to_string(o.missed) + ", more than there are");
        check_lapped(*places.begin() - o.missed + 1, o);
        places_.assign(places.begin(), places.end());
    }

    void take_skipped(const seen_entry& s)
    {
        const auto low = std::max(s.revision, places_.front());
        places_.clear();
        for (auto at = low; at <= std::max(s.missed, low); ++at)
            places_.push_back(at);
    }

    unsigned which_;
    const spec& spec_;
    const history& history_;
    oracle oracle_;
    std::vector<std::uint64_t> places_; ///< revisions that it may have come to, in their order
    bool failed_ = false;
    bool first_ = true;
};

/// What writers were told against what is in the ring.
void check_writers(const std::vector<std::unique_ptr<history>>& all, const origins& who)
{
    std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> made;
    for (unsigned i = 0; i + 1 != spaces; ++i)
        for (const auto& each : all[i]->events())
            ++made[each.origin()];
    for (unsigned i = 0; i != writers; ++i) {
        const auto self = who.find(greeting_of_writer + i);
        if (self == who.end())
            continue;
        const auto there = made[self->second];
        if (there != page->acknowledged[i])
            objection("writer " + std::to_string(i) + " was told of " +
                      std::to_string(page->acknowledged[i]) + " transactions, of which " +
                      std::to_string(there) + " are in the ring");
    }
}

} // namespace

verdict judge_round()
{
    verdict out;
    std::vector<std::unique_ptr<history>> all;
    for (const auto& each : truth) {
        all.push_back(std::make_unique<history>(each.entries()));
        out.transactions += all.back()->events().size();
        if (!all.back()->flaw().empty()) {
            objection("the truth: " + all.back()->flaw());
            return out;
        }
    }
    const auto who = origins_of(*all[static_cast<unsigned>(space::greetings)]);
    check_writers(all, who);
    for (unsigned i = 0; i != specs().size(); ++i) {
        if ((round_plan.watchers >> i & 1) == 0)
            continue;
        const auto self = who.find(greeting_of_watcher + i);
        if (self == who.end()) {
            objection(std::string(specs()[i].name) + " has never begun");
            continue;
        }
        comparison one(i, *all[static_cast<unsigned>(specs()[i].where)], self->second);
        one.run(out);
    }
    return out;
}

} // namespace zproc::test::watching
