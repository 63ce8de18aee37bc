#include "support/linear_search.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace zproc::test {

namespace {

constexpr std::size_t most_places = 64;

std::uint64_t bit(std::size_t place)
{
    return std::uint64_t{1} << place;
}

} // namespace

std::size_t linear_search::configurations::hash::operator()(const known& k) const noexcept
{
    auto h = static_cast<std::uint64_t>(k.now.value_or(-1)) * 0x9e3779b97f4a7c15;
    h ^= (h >> 29) ^ (k.done * 0xbf58476d1ce4e5b9) ^ (k.now ? 0 : 0x94d049bb133111eb);
    return h ^ (h >> 32);
}

bool linear_search::configurations::add(const configuration& c)
{
    const auto more = c.done & unknown_;
    auto& sets = sets_[{c.now, c.done & ~unknown_}];
    if (std::ranges::any_of(sets, [more](std::uint64_t less) { return (less & ~more) == 0; }))
        return false;
    std::erase_if(sets, [more](std::uint64_t other) { return (more & ~other) == 0; });
    sets.push_back(more);
    return true;
}

std::vector<linear_search::configuration> linear_search::configurations::all() const
{
    std::vector<configuration> out;
    for (const auto& [key, sets] : sets_)
        for (const auto each : sets)
            out.push_back({key.now, key.done | each});
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
        now_.add({each, 0});
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
    std::ranges::stable_sort(all, [](const moment& a, const moment& b) {
        return std::pair(a.time, a.response) < std::pair(b.time, b.response);
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
    if (history_[index].unknown)
        unknown_ |= bit(place);
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
    unknown_ &= ~bit(place);
    if ((open_ & ~endless_) == 0)
        note_quiescence();
    return true;
}

/// Makes the operation at a place happen in every configuration, in every way: alone, or after
/// others that are pending. An unknown one may as well not happen.
bool linear_search::expand(std::size_t place)
{
    const bool optional = (unknown_ & bit(place)) != 0;
    configurations seen(unknown_);
    configurations next(unknown_ & ~bit(place));
    // By how many unknown operations they have: so those that need less are seen first.
    std::vector<std::vector<configuration>> left(most_places + 1);
    const auto consider = [&](const configuration& c) {
        if (seen.add(c))
            left[static_cast<std::size_t>(std::popcount(c.done & unknown_))].push_back(c);
    };
    for (const auto& each : now_.all()) {
        consider(each);
        if (optional)
            next.add({each.now, each.done & ~bit(place)});
    }
    for (auto& level : left) {
        while (!level.empty()) {
            const auto c = level.back();
            level.pop_back();
            if ((c.done & bit(place)) != 0) {
                next.add({c.now, c.done & ~bit(place)});
                continue;
            }
            for (auto others = open_ & ~c.done; others != 0; others &= others - 1) {
                if (++steps_ > most_steps_) {
                    what_ = judgement::verdict::undecided;
                    why_ = "more steps than " + std::to_string(most_steps_);
                    return false;
                }
                const auto which = static_cast<std::size_t>(std::countr_zero(others));
                const auto& o = history_[at_[which]];
                const auto [after, told] = effect_of(o, c.now);
                if (o.unknown || told == o.result)
                    consider({after, c.done | bit(which)});
            }
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
