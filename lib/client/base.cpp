#include "client/base.hpp"

#include "client/decode.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace zproc::client {

namespace {

/// One way through the ring, from its tail.
class pass {
public:
    pass(std::uint64_t revision, const std::function<bool(std::string_view)>& wants) : wants_(wants)
    {
        base_.revision = revision;
    }

    void take(const journal::reader& reader)
    {
        const auto& record = reader.record();
        if (record.is_event() && !passed_ && record.revision > base_.revision) {
            passed_ = true;
            base_.revision = record.revision - 1;
            base_.time = record.time;
        }
        // What is carried and not yet settled is older than every event that was passed: its
        // source lay behind the tail.
        if (!passed_) {
            latest_ = std::max(latest_, record.revision);
            base_.time = std::max(base_.time, record.time);
        }
        for (const auto& each : record.changes) {
            if (!wants_(each.key) || settled_.contains(each.key))
                continue;
            if (passed_ && record.is_event())
                settle(reader, each);
            else if (each.after)
                put(each.key, *each.after);
            else
                base_.values.erase(each.key);
        }
    }

    base result() &&
    {
        if (!passed_)
            base_.revision = std::max(base_.revision, latest_);
        return std::move(base_);
    }

private:
    void settle(const journal::reader& reader, const journal::change_view& change)
    {
        settled_.emplace(change.key);
        if (base_.values.contains(change.key))
            return;
        if (change.before == journal::before_kind::inlined)
            put(change.key, change.before_bytes);
        else if (change.before != journal::before_kind::absent)
            put(change.key, reader.fetch(change.before_at, fetched_)
                                ? std::span<const std::byte>(fetched_)
                            : change.after ? *change.after
                                           : std::span<const std::byte>());
    }

    void put(std::string_view key, std::span<const std::byte> bytes)
    {
        value v;
        if (!decode_any(bytes, v))
            base_.values.insert_or_assign(key, std::move(v));
    }

    const std::function<bool(std::string_view)>& wants_;
    base base_;
    bool passed_ = false; ///< an event after the revision was
    std::uint64_t latest_ = 0;
    std::set<std::string, std::less<>> settled_;
    std::vector<std::byte> fetched_;
};

} // namespace

base base_at(journal::reader reader, std::string_view name_space, std::uint64_t revision,
             const std::function<bool(std::string_view)>& wants)
{
    for (;;) {
        pass through(revision, wants);
        for (;;) {
            const auto result = reader.next();
            if (result == journal::read_result::lapped)
                break; // forget everything: what was passed may have a successor that was not
            if (result != journal::read_result::got)
                return std::move(through).result();
            if (reader.record().name_space == name_space)
                through.take(reader);
        }
    }
}

std::uint64_t revision_before(journal::reader reader, std::string_view name_space,
                              std::int64_t time)
{
    std::uint64_t last = 0;
    for (;;) {
        const auto result = reader.next();
        if (result == journal::read_result::lapped)
            continue;
        if (result != journal::read_result::got)
            return last;
        const auto& record = reader.record();
        if (record.name_space != name_space)
            continue;
        if (record.time <= time)
            last = std::max(last, record.revision);
        else if (record.revision == last + 1)
            return last; // or else a carry further on may say more
    }
}

} // namespace zproc::client
