#include "store/past.hpp"

#include "store/events.hpp"
#include "value/decode.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

namespace zproc::store {

namespace {

/// Shows `see` every record of the namespace, and `restart` that those so far did not count.
template <class See, class Restart>
error_code scan(journal::reader& ring, std::string_view name_space, See see, Restart restart)
{
    for (;;) {
        switch (ring.next()) {
        case journal::read_result::got:
            if (ring.record().name_space == name_space)
                see(ring.record());
            break;
        case journal::read_result::none: return {};
        case journal::read_result::lapped: restart(); break;
        case journal::read_result::damaged: return errc::state_lost;
        }
    }
}

/// How far back the records seen reach, and how far forward.
class reach {
public:
    void see(const journal::record_view& record)
    {
        latest_ = std::max(latest_, record.revision);
        if (record.is_event() && !first_)
            first_ = record.revision;
    }

    std::uint64_t latest() const { return latest_; }
    /// Everything is known right before the first event that is retained.
    std::uint64_t oldest() const { return first_ ? *first_ - 1 : latest_; }

private:
    std::uint64_t latest_ = 0;
    std::optional<std::uint64_t> first_;
};

/// Follows what the records say of each key, up to the first event after the revision.
class moment_builder {
public:
    moment_builder(const journal::reader& ring, std::uint64_t revision, const key_filter& wants)
        : ring_(ring), wants_(wants)
    {
        moment_.as_of = revision;
    }

    void see(const journal::record_view& record)
    {
        reach_.see(record);
        if (record.is_event() && !passed_ && record.revision > moment_.as_of) {
            passed_ = true;
            moment_.as_of = record.revision - 1;
            moment_.time = record.time;
        }
        if (!passed_)
            moment_.time = std::max(moment_.time, record.time);
        for (const auto& each : record.changes)
            if ((!wants_ || wants_(each.key)) && !settled_.contains(each.key))
                learn(record, each);
    }

    moment finish() &&
    {
        moment_.oldest = std::max(reach_.oldest(), unknown_before_);
        moment_.latest = reach_.latest();
        if (!passed_)
            moment_.as_of = moment_.latest;
        return std::move(moment_);
    }

private:
    /// What is carried and not yet settled is older than every event that was passed: its source
    /// lay behind the tail.
    void learn(const journal::record_view& record, const journal::change_view& change)
    {
        if (passed_ && record.is_event())
            settle(record, change);
        else if (change.after)
            put(change.key, *change.after);
        else
            moment_.content.erase(change.key);
    }

    void settle(const journal::record_view& record, const journal::change_view& change)
    {
        settled_.emplace(change.key);
        if (moment_.content.contains(change.key))
            return;
        if (change.before == journal::before_kind::inlined) {
            put(change.key, change.before_bytes);
        } else if (change.before != journal::before_kind::absent) {
            if (ring_.fetch(change.before_at, scratch_))
                return put(change.key, scratch_);
            unknown_before_ = std::max(unknown_before_, record.revision);
            if (change.after)
                put(change.key, *change.after);
        }
    }

    void put(std::string_view key, std::span<const std::byte> bytes)
    {
        if (auto v = decode_any(bytes))
            moment_.content.insert_or_assign(key, std::move(*v));
    }

    const journal::reader& ring_;
    const key_filter& wants_;
    reach reach_;
    moment moment_;
    bool passed_ = false; ///< an event after the revision was
    std::set<std::string, std::less<>> settled_;
    std::uint64_t unknown_before_ = 0; ///< a value was still there at this revision, and is gone
    std::vector<std::byte> scratch_;
};

} // namespace

moment moment_at(const journal::reader& ring, std::string_view name_space, std::uint64_t revision,
                 const key_filter& wants)
{
    auto reader = ring;
    reader.seek(reader.tail());
    std::optional<moment_builder> builder(std::in_place, ring, revision, wants);
    const auto ec = scan(
        reader, name_space, [&](const auto& record) { builder->see(record); },
        [&] { builder.emplace(ring, revision, wants); });
    auto m = std::move(*builder).finish();
    m.error = ec;
    return m;
}

key_history history_of(const journal::reader& ring, std::string_view name_space,
                       std::string_view key)
{
    auto reader = ring;
    reader.seek(reader.tail());
    const auto fetch = [&ring](journal::value_place place, std::vector<std::byte>& out) {
        return ring.fetch(place, out);
    };
    key_history h;
    std::vector<std::byte> scratch;
    h.error = scan(
        reader, name_space,
        [&](const journal::record_view& record) {
            if (!record.is_event())
                return;
            for (const auto& each : record.changes) {
                if (each.key != key)
                    continue;
                auto& e = h.events.emplace_back();
                describe(record, e);
                add_change(each, fetch, scratch, e.changes);
            }
        },
        [&] { h.events.clear(); });
    return h;
}

point point_at(const journal::reader& ring, std::string_view name_space, std::int64_t time)
{
    auto reader = ring;
    reader.seek(reader.tail());
    reach seen;
    std::uint64_t earlier = 0;         ///< the last revision known to be not after that time
    std::optional<std::uint64_t> next; ///< that of the first event after it
    bool later = false;                ///< something was made after it
    point p;
    p.error = scan(
        reader, name_space,
        [&](const journal::record_view& record) {
            seen.see(record);
            if (record.time <= time) {
                earlier = std::max(earlier, record.revision);
                return;
            }
            later = true;
            if (record.is_event() && !next)
                next = record.revision;
        },
        [&] {
            seen = {};
            earlier = 0;
            next.reset();
            later = false;
        });
    p.certain = later ? next && *next == earlier + 1 : earlier == seen.latest();
    p.revision = next ? *next - 1 : earlier;
    p.known = earlier;
    p.oldest = seen.oldest();
    return p;
}

std::vector<change> difference(const dict& from, const dict& to)
{
    std::vector<change> all;
    for (const auto& [key, before] : from) {
        const auto* after = to.find(key);
        if (!after)
            all.push_back({key, before, std::nullopt});
        else if (!identical(before, *after))
            all.push_back({key, before, *after});
    }
    for (const auto& [key, after] : to)
        if (!from.contains(key))
            all.push_back({key, std::nullopt, after});
    std::ranges::sort(all, {}, &change::key);
    return all;
}

} // namespace zproc::store
