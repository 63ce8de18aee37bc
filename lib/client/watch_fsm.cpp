#include "client/watch_fsm.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace zproc::client {

namespace {

event make_event(std::uint64_t revision, std::int64_t time)
{
    event e;
    e.revision = revision;
    e.time = decltype(e.time)(std::chrono::nanoseconds(time));
    return e;
}

} // namespace

watch_fsm::watch_fsm(detail::watch_condition condition, const watch_options& options,
                     std::uint32_t handle)
    : what_(std::move(condition)), options_(options), self_{0, handle}
{
    if (is_condition())
        options_.exclude = false;
}

bool watch_fsm::wants(std::string_view key) const
{
    if (what_.keys.empty())
        return true;
    return (std::find(what_.keys.begin(), what_.keys.end(), key) != what_.keys.end()) !=
           options_.exclude;
}

std::optional<event> watch_fsm::begin(std::uint64_t revision, const dict& present, bool test,
                                      std::int64_t now, std::int64_t time)
{
    revision_ = revision;
    if (!is_condition())
        return std::nullopt;
    mirror_ = present;
    held_ = holds();
    if (!held_ || !test || options_.edge)
        return std::nullopt;
    auto e = present_at(revision, time);
    return options_.held_for ? hold(std::move(e), false, now) : std::move(e);
}

/// The keys that a condition looks at, as they are.
event watch_fsm::present_at(std::uint64_t revision, std::int64_t time) const
{
    event e = make_event(revision, time);
    e.kind = event_kind::present;
    for (const auto& [key, v] : mirror_)
        if (what_.what == kind::key)
            e.changes.push_back({key, v, v});
    return e;
}

bool watch_fsm::feed(const journal::record_view& record, const fetch& fetch_value, event& out)
{
    if (record.revision <= revision_)
        return false;
    revision_ = record.revision;
    const bool own = record.by.session == self_.session && record.by.handle == self_.handle;
    if (!is_condition() && (record.revision <= skip_to_ || (!options_.own && own)))
        return false;
    for (const auto& each : record.changes)
        if (wants(each.key) && (options_.identical || !each.identical))
            store::add_change(each, fetch_value, scratch_, out.changes);
    if (out.changes.empty())
        return false;
    store::describe(record, out);
    if (!is_condition() || conclude(out))
        return true;
    out.changes.clear();
    return false;
}

std::optional<event> watch_fsm::resume(std::uint64_t revision, std::int64_t time, dict base)
{
    const auto seen = std::max(std::exchange(revision_, revision), skip_to_);
    if (is_condition()) {
        mirror_ = base;
        held_ = holds();
        holding_.reset();
        if (held_ && options_.held_for) // nobody knows since when
            holding_ = {present_at(revision, time), time};
    }
    if (revision <= seen)
        return std::nullopt;
    event e = make_event(revision, time);
    e.kind = event_kind::resync;
    e.missed = revision - seen;
    missed_ += e.missed;
    for (const auto& [key, v] : base)
        e.changes.push_back({key, std::nullopt, v});
    return e;
}

std::optional<std::int64_t> watch_fsm::due() const
{
    if (!holding_)
        return std::nullopt;
    return holding_->since + options_.held_for->count();
}

std::optional<event> watch_fsm::ripen(std::int64_t now)
{
    if (!holding_ || now < *due())
        return std::nullopt;
    auto told = std::move(holding_->made_true);
    holding_.reset();
    return told;
}

/// A record says that until its own time nothing had changed.
std::optional<event> watch_fsm::hold(event&& e, bool held_before, std::int64_t now)
{
    auto told = ripen(now);
    if (!held_)
        holding_.reset();
    else if (!held_before)
        holding_ = {std::move(e), now};
    return told;
}

void watch_fsm::delivered(const event& e) noexcept
{
    if (e.kind != event_kind::resync)
        ++yielded_;
}

void watch_fsm::not_delivered(const event& e) noexcept
{
    if (e.kind != event_kind::resync)
        --yielded_;
}

/// Of a condition: whether it is told of, now; perhaps of another one that was held back.
bool watch_fsm::conclude(event& e)
{
    remember(e);
    const bool held = std::exchange(held_, holds());
    if (options_.held_for) {
        const auto time = e.time.time_since_epoch().count();
        auto told = hold(std::move(e), held, time);
        if (told)
            e = std::move(*told);
        return told.has_value();
    }
    return held_ && !(options_.edge && held) && e.revision > skip_to_;
}

void watch_fsm::remember(const event& e)
{
    for (const auto& c : e.changes) {
        if (c.after)
            mirror_.insert_or_assign(c.key, *c.after);
        else
            mirror_.erase(c.key);
    }
}

bool watch_fsm::holds() const
{
    if (what_.what == kind::key) {
        const value* v = mirror_.find(what_.keys.front());
        return v && test_key(*v);
    }
    try {
        return what_.whole_predicate(mirror_);
    } catch (...) {
        return false;
    }
}

bool watch_fsm::test_key(const value& v) const
{
    try {
        return what_.key_predicate(v);
    } catch (...) {
        return false;
    }
}

} // namespace zproc::client
