#include "support/linear_search.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <tuple>
#include <utility>

namespace zproc::test {

namespace {

constexpr std::size_t most_places = 64;

std::uint64_t bit(std::size_t place)
{
    return std::uint64_t{1} << place;
}

/// Whatever is there when it happens, given what it was told.
bool never_changes(const key_operation& o)
{
    switch (o.what) {
    case action::read:
    case action::contains: return true;
    case action::erase:
    case action::compare_exchange: return o.result == 0;
    case action::pop: return !o.result;
    case action::set_default: return o.result != o.argument;
    default: return false;
    }
}

} // namespace

bool linear_search::configurations::add(const configuration& c)
{
    // What is free where they differ can do as the other does.
    const auto covers = [](const configuration& more, const configuration& less) {
        return (((more.done ^ less.done) | (more.free ^ less.free)) & ~more.free) == 0;
    };
    auto& others = by_state_[c.now];
    if (std::ranges::any_of(others, [&](const auto& each) { return covers(each, c); }))
        return false;
    std::erase_if(others, [&](const auto& each) { return covers(c, each); });
    others.push_back(c);
    return true;
}

std::vector<linear_search::configuration> linear_search::configurations::all() const
{
    std::vector<configuration> out;
    for (const auto& [now, each] : by_state_)
        out.insert(out.end(), each.begin(), each.end());
    return out;
}

linear_search::linear_search(std::span<const key_operation> history, std::span<const cell> initial,
                             std::uint64_t most_steps)
    : history_(history.begin(), history.end()),
      most_steps_(most_steps),
      at_(most_places),
      place_of_(history.size())
{
    for (const auto& each : initial)
        now_.add({each, 0, 0});
    at_quiescence_ = now_;
}

/// In order; what happens at the same time is taken to overlap.
std::vector<linear_search::moment> linear_search::moments() const
{
    std::vector<moment> all;
    all.reserve(2 * history_.size());
    for (std::size_t i = 0; i != history_.size(); ++i) {
        all.push_back({history_[i].invoked, false, i});
        if (history_[i].responded != never)
            all.push_back({history_[i].responded, true, i});
    }
    std::ranges::sort(all, [](const moment& a, const moment& b) {
        return std::tuple(a.time, a.response, a.index) < std::tuple(b.time, b.response, b.index);
    });
    return all;
}

void linear_search::run()
{
    for (const auto& o : history_)
        if (o.responded < o.invoked || (!o.unknown && o.responded == never)) {
            what_ = judgement::verdict::undecided;
            why_ = "an operation has no proper end: process " + std::to_string(o.process) + ' ' +
                   in_words(o);
            return;
        }
    for (const auto& each : moments())
        if (!(each.response ? respond(each.index) : invoke(each.index)))
            return;
}

bool linear_search::invoke(std::size_t index)
{
    const auto place = static_cast<std::size_t>(std::countr_one(open_));
    if (place == most_places) {
        what_ = judgement::verdict::undecided;
        why_ = "more operations are pending at once than can be followed";
        return false;
    }
    open_ |= bit(place);
    if (history_[index].what == action::write)
        writes_ |= bit(place);
    if (history_[index].unknown) {
        configurations with_it;
        for (auto c : now_.all()) {
            c.free |= bit(place);
            with_it.add(c);
        }
        now_ = std::move(with_it);
    }
    if (history_[index].responded == never)
        endless_ |= bit(place);
    at_[place] = index;
    place_of_[index] = place;
    since_.push_back(index);
    return true;
}

bool linear_search::respond(std::size_t index)
{
    const auto place = place_of_[index];
    if (!expand(place))
        return false;
    if (now_.empty()) {
        note_violation(index);
        return false;
    }
    open_ &= ~bit(place);
    writes_ &= ~bit(place);
    if ((open_ & ~endless_) == 0)
        note_quiescence();
    return true;
}

/// What changes nothing, ever, happens as soon as it can.
linear_search::configuration linear_search::with_reads(configuration c) const
{
    for (auto others = open_ & ~c.done & ~c.free; others != 0; others &= others - 1) {
        const auto place = static_cast<std::size_t>(std::countr_zero(others));
        const auto& o = history_[at_[place]];
        if (never_changes(o) && effect_of(o, c.now).told == o.result)
            c.done |= bit(place);
    }
    return c;
}

/// The operation at a place has happened.
linear_search::configuration linear_search::after(configuration c, std::size_t place,
                                                  const cell& now) const
{
    c.now = now;
    c.done |= bit(place);
    if ((writes_ & bit(place)) != 0)
        c.free |= writes_;
    c.free &= ~c.done;
    return with_reads(c);
}

/// Makes the operation at a place happen in every configuration, in every way: alone, or after
/// others that are pending.
bool linear_search::expand(std::size_t place)
{
    configurations seen;
    configurations next;
    std::deque<configuration> left;
    const auto consider = [&](const configuration& c) {
        if (seen.add(c))
            left.push_back(c);
    };
    for (const auto& each : now_.all())
        consider(with_reads(each));
    for (; !left.empty(); left.pop_front()) {
        const auto& c = left.front();
        if (((c.done | c.free) & bit(place)) != 0)
            next.add({c.now, c.done & ~bit(place), c.free & ~bit(place)});
        if ((c.done & bit(place)) != 0)
            continue;
        for (auto others = open_ & ~c.done; others != 0; others &= others - 1) {
            if (++steps_ > most_steps_) {
                what_ = judgement::verdict::undecided;
                why_ = "more steps than " + std::to_string(most_steps_);
                return false;
            }
            const auto which = static_cast<std::size_t>(std::countr_zero(others));
            const auto& o = history_[at_[which]];
            const auto [now, told] = effect_of(o, c.now);
            if (o.unknown || told == o.result)
                consider(after(c, which, now));
        }
    }
    now_ = std::move(next);
    return true;
}

void linear_search::note_quiescence()
{
    for (const auto each : since_)
        if (history_[each].responded == never)
            older_.push_back(each);
    since_.clear();
    at_quiescence_ = now_;
}

void linear_search::note_violation(std::size_t index)
{
    what_ = judgement::verdict::violated;
    has_older_ = !older_.empty();
    auto indices = older_;
    indices.insert(indices.end(), since_.begin(), since_.end());
    for (const auto each : indices)
        if (each != index)
            window_.push_back(history_[each]);
    window_.push_back(history_[index]);
    for (const auto& each : at_quiescence_.all())
        before_window_.push_back(each.now);
    std::ranges::sort(before_window_);
    const auto same = std::ranges::unique(before_window_);
    before_window_.erase(same.begin(), same.end());
}

} // namespace zproc::test
