#include "stress/watchers/oracle.hpp"

#include <algorithm>
#include <string>

namespace zproc::test::watching {

history::history(std::span<const truth_entry> entries)
{
    for (const auto& each : entries) {
        if (events_.empty() || events_.back().revision != each.revision) {
            if (each.revision != events_.size() + 1)
                flaw_ = "revision " + std::to_string(each.revision) + " follows " +
                        std::to_string(events_.size());
            if (!events_.empty() && each.time < events_.back().time)
                flaw_ = "time goes back at revision " + std::to_string(each.revision);
            events_.push_back(
                {each.revision, each.time, each.session, each.handle, each.at, each.epoch, {}});
        }
        auto change = each.change;
        auto& values = values_[change.key];
        change.before = values.empty() ? cell() : values.back().second;
        if (each.identical != (change.before == change.after))
            flaw_ = "revision " + std::to_string(each.revision) + " is not as identical as it says";
        values.emplace_back(each.revision, change.after);
        events_.back().changes.emplace_back(change, each.identical);
    }
}

cell history::value_at(std::uint32_t key, std::uint64_t revision) const
{
    const auto found = values_.find(key);
    if (found == values_.end())
        return std::nullopt;
    const auto after = std::ranges::upper_bound(found->second, revision, {},
                                                [](const auto& each) { return each.first; });
    return after == found->second.begin() ? cell() : std::prev(after)->second;
}

std::vector<std::uint32_t> history::keys() const
{
    std::vector<std::uint32_t> out;
    for (const auto& [key, values] : values_)
        out.push_back(key);
    return out;
}

std::uint64_t history::revision_at(std::int64_t time) const
{
    const auto after = std::ranges::upper_bound(events_, time, {}, &true_event::time);
    return static_cast<std::uint64_t>(after - events_.begin());
}

bool oracle::wants(std::uint32_t key) const
{
    if (spec_.test == condition::whole)
        return true;
    if (spec_.test != condition::none)
        return key == flag_key;
    if (spec_.keys.front() == no_key)
        return true;
    const bool named = std::ranges::find(spec_.keys, key) != spec_.keys.end();
    return named != spec_.exclude;
}

bool oracle::holds(std::uint64_t revision) const
{
    const auto flag = history_.value_at(flag_key, revision);
    switch (spec_.test) {
    case condition::none: return false;
    case condition::when: return flag && is_wanted(*flag);
    case condition::equal: return flag == wanted_flag;
    case condition::available: return flag.has_value();
    case condition::whole:
        return flag && is_wanted(*flag) && history_.value_at(0, revision).has_value();
    }
    return false;
}

std::vector<change_entry> oracle::visible(std::uint64_t revision) const
{
    const auto& e = history_.at(revision);
    const bool conditional = spec_.test != condition::none;
    if (!conditional && !spec_.own && e.origin() == self_)
        return {};
    std::vector<change_entry> out;
    for (const auto& [change, identical] : e.changes)
        if (wants(change.key) && (!identical || spec_.identical))
            out.push_back(change);
    if (conditional && (!holds(revision) || (spec_.edge && holds(revision - 1))))
        return {};
    return out;
}

std::uint64_t oracle::next_after(std::uint64_t revision) const
{
    do
        ++revision;
    while (revision <= history_.last() && visible(revision).empty());
    return revision;
}

} // namespace zproc::test::watching
