#include "stress/watchers/sightings.hpp"

#include <utility>

namespace zproc::test::watching {

bool sightings::take(const event& e)
{
    revision_ = e.revision;
    ++taken_;
    auto all = entries_of(e);
    if (e.kind == event_kind::resync)
        look_at_tail(all);
    follow(e);
    if (round_plan.injected == fault::none)
        write(all);
    else
        write_with_faults(std::move(all));
    const auto last = page->last[static_cast<unsigned>(spec_.where)].load();
    const bool more = last == 0 || e.revision < last;
    if (!more && held_)
        write(*std::exchange(held_, std::nullopt));
    return more;
}

void sightings::overrun(std::uint64_t missed)
{
    entries one(1);
    one.front().what = sight::overrun;
    one.front().missed = missed - std::exchange(missed_, missed);
    look_at_tail(one);
    write(one);
}

void sightings::skipped(std::uint64_t low, std::uint64_t high)
{
    seen_entry entry;
    entry.what = sight::skipped;
    entry.revision = low;
    entry.missed = high;
    write({entry});
}

sightings::entries sightings::entries_of(const event& e)
{
    seen_entry entry;
    entry.what = e.kind == event_kind::change    ? sight::change
                 : e.kind == event_kind::present ? sight::present
                                                 : sight::resync;
    entry.revision = e.revision;
    entry.missed = e.missed;
    entry.time = e.time.time_since_epoch().count();
    entry.session = e.origin.session;
    entry.handle = e.origin.handle;
    entries all;
    for (const auto& c : e.changes) {
        entry.change = {number_of(c.key), cell_of(c.before), cell_of(c.after)};
        all.push_back(entry);
        entry.first = false;
    }
    if (all.empty())
        all.push_back(entry);
    return all;
}

/// Where the ring begins by now: what was missed must be behind that.
void sightings::look_at_tail(entries& all)
{
    if (!ring_)
        ring_ = std::make_unique<ring_view>(address_);
    if (ring_->replaced())
        ring_->attach();
    for (auto& each : all) {
        each.tail = ring_->reader().tail();
        each.epoch = ring_->epoch();
    }
}

void sightings::write(const entries& all)
{
    for (const auto& each : all)
        if (!seen[which_].push(each))
            page->stop = true;
}

void sightings::write_with_faults(entries all)
{
    const bool resync = all.front().what == sight::resync;
    const bool now = !resync && taken_ % 50 == 40;
    page->injected = page->injected || now || (resync && all.front().change.after);
    switch (round_plan.injected) {
    case fault::none: break;
    case fault::dropped:
        if (now)
            return;
        break;
    case fault::duplicated:
        if (now)
            write(all);
        break;
    case fault::reordered:
        if (now && !held_) {
            held_ = std::move(all);
            return;
        }
        break;
    case fault::wrong_missed:
        if (resync)
            for (auto& each : all)
                ++each.missed;
        break;
    case fault::wrong_value:
        if (resync && all.front().change.after)
            ++*all.front().change.after;
        break;
    case fault::needless_resync:
        if (now)
            all = needless_resync(all);
        break;
    }
    write(all);
    if (held_)
        write(*std::exchange(held_, std::nullopt));
}

/// As true as can be, had the event been lost.
sightings::entries sightings::needless_resync(const entries& in_place_of)
{
    seen_entry entry;
    entry.what = sight::resync;
    entry.revision = in_place_of.front().revision;
    entry.missed = 1;
    entries all;
    for (const auto& [key, now] : mirror_) {
        entry.change = {key, std::nullopt, now};
        all.push_back(entry);
        entry.first = false;
    }
    look_at_tail(all);
    return all;
}

void sightings::follow(const event& e)
{
    if (round_plan.injected != fault::needless_resync)
        return;
    if (e.kind == event_kind::resync)
        mirror_.clear();
    for (const auto& c : e.changes) {
        if (c.after)
            mirror_[number_of(c.key)] = *cell_of(c.after);
        else
            mirror_.erase(number_of(c.key));
    }
}

} // namespace zproc::test::watching
