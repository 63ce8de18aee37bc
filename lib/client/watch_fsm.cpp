#include "client/watch_fsm.hpp"

#include "client/decode.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace zproc::client {

namespace {

std::optional<value> decoded(std::span<const std::byte> bytes)
{
    value v;
    if (decode_any(bytes, v))
        return std::nullopt;
    return v;
}

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

std::optional<event> watch_fsm::begin(std::uint64_t revision, const dict& present, bool test)
{
    revision_ = revision;
    if (!is_condition())
        return std::nullopt;
    mirror_ = present;
    held_ = holds();
    if (!held_ || !test || options_.edge)
        return std::nullopt;
    event e = make_event(revision, 0);
    e.kind = event_kind::present;
    for (const auto& [key, v] : mirror_)
        if (what_.what == kind::key)
            e.changes.push_back({key, v, v});
    return e;
}

std::optional<event> watch_fsm::feed(const journal::record_view& record, const fetch& fetch_value)
{
    if (record.revision <= revision_)
        return std::nullopt;
    revision_ = record.revision;
    const origin by{record.by.session, record.by.handle};
    if (!is_condition() && (record.revision <= skip_to_ || (!options_.own && by == self_)))
        return std::nullopt;

    event e = make_event(record.revision, record.time);
    e.origin = by;
    for (const auto& each : record.changes) {
        if (!wants(each.key) || (each.identical && !options_.identical))
            continue;
        change c;
        c.key = std::string(each.key);
        if (each.before == journal::before_kind::inlined)
            c.before = decoded(each.before_bytes);
        else if (each.before == journal::before_kind::elsewhere &&
                 fetch_value(each.before_at, scratch_))
            c.before = decoded(scratch_);
        if (each.after)
            c.after = decoded(*each.after);
        e.changes.push_back(std::move(c));
    }
    return conclude(std::move(e));
}

std::optional<event> watch_fsm::resume(std::uint64_t revision, std::int64_t time, dict base)
{
    const auto seen = std::max(std::exchange(revision_, revision), skip_to_);
    if (is_condition()) {
        mirror_ = base;
        held_ = holds();
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

std::optional<event> watch_fsm::conclude(event&& e)
{
    if (e.changes.empty())
        return std::nullopt;
    if (is_condition()) {
        remember(e);
        const bool held = std::exchange(held_, holds());
        if (!held_ || (options_.edge && held) || e.revision <= skip_to_)
            return std::nullopt;
    }
    return std::move(e);
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
