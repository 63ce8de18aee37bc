#include "journal/recovery.hpp"

#include "store/database.hpp"
#include "store/kept_reply.hpp"
#include "store/session_key.hpp"

#include <algorithm>

/// How the index follows its values: carried, moved to another ring, or found again in one.
namespace zproc::store {

// ---- journal::live_index -----------------------------------------------------------------------

bool database::value_live(std::string_view name_space, std::string_view key,
                          journal::position record)
{
    const auto* s = find(name_space, key);
    return s && s->record == record;
}

bool database::counter_live(std::string_view name_space, journal::position record)
{
    const auto* s = find(name_space);
    return s && s->counter == record;
}

bool database::reply_live(std::uint64_t session, std::uint64_t request, journal::position record)
{
    const auto* reply = sessions_.find(session, request);
    return reply && reply->record == record;
}

void database::value_moved(std::string_view name_space, std::string_view key,
                           journal::position record, journal::value_place place)
{
    if (auto* s = find(name_space, key)) {
        s->record = record;
        s->place = place;
    }
}

void database::counter_moved(std::string_view name_space, journal::position record)
{
    if (auto* const named = find_named(name_space))
        named->second.counter = record;
}

void database::reply_moved(std::uint64_t session, std::uint64_t request, journal::position record,
                           journal::value_place place)
{
    if (auto* reply = sessions_.find(session, request)) {
        reply->record = record;
        reply->place = place;
    }
}

// ---- another ring ------------------------------------------------------------------------------

error_code database::grow(std::uint64_t capacity)
{
    // First: it may take what is put by for the other ring.
    ring_->commit();
    if (const auto ec = around_.admit_ring(capacity); ec.failed())
        return ec;
    auto header = ring_->header();
    ++header.epoch;
    header.capacity = capacity;
    header.commit = ring_->last_commit();
    auto fresh = around_.make_ring(header);
    if (!fresh)
        return errc::too_busy; // no memory, or no descriptor: nothing that a smaller value mends
    const auto moved = journal::replicate(ring_->region(), *fresh);
    if (!moved)
        return errc::state_lost;
    ring_ = std::move(fresh);
    relocate(*moved);
    ring_->catch_up(*this);
    ring_->commit();
    around_.ring_replaced(*ring_);
    return {};
}

void database::relocate(const journal::relocation& moved)
{
    const auto follow = [&](journal::position& at) {
        if (at != journal::nowhere)
            at = moved(at).value_or(journal::nowhere);
    };
    for (auto& [name, s] : spaces_) {
        follow(s.counter);
        for (auto& [key, each] : s.keys) {
            follow(each.record);
            follow(each.place.at);
        }
    }
    sessions_.for_each_kept([&](sessions::kept& reply) {
        follow(reply.record);
        follow(reply.place.at);
    });
}

std::unique_ptr<database> database::recover(bytes_view old_region, surroundings& around,
                                            database_options options)
{
    auto header = journal::read_header(old_region);
    if (!header)
        return nullptr;
    ++header->epoch;
    auto fresh = around.make_ring(*header);
    if (!fresh || !journal::replicate(old_region, *fresh))
        return nullptr;
    auto result = std::make_unique<database>(std::move(fresh), around, options);
    result->rebuild(result->ring_->region());
    result->ring_->catch_up(*result);
    result->ring_->commit();
    around.ring_replaced(*result->ring_);
    return result;
}

void database::rebuild(bytes_view region)
{
    journal::scan(region, [&](const journal::record_view& record) { learn(record); });

    // Replies of sessions that ended may still lie about.
    std::vector<std::uint64_t> ended;
    sessions_.for_each([&](std::uint64_t id) {
        if (!contains({}, session_key(id)))
            ended.push_back(id);
    });
    for (const auto id : ended)
        sessions_.close(id);
    for_each({}, [&](std::string_view key, const item&) {
        if (const auto id = session_of(key))
            sessions_.open(*id);
    });
}

void database::learn(const journal::record_view& record)
{
    time_ = std::max(time_, record.time);
    auto it = spaces_.find(record.name_space);
    if (it == spaces_.end() && (record.counter || record.changes.size() != 0))
        it = spaces_.try_emplace(std::string(record.name_space)).first;

    if (record.counter) {
        auto& s = it->second;
        if (s.counter == journal::nowhere)
            live_ += journal::carried_counter_size(it->first.size());
        s.counter = record.at;
        s.revision = std::max(s.revision, record.revision);
    }
    for (const auto& change : record.changes) {
        auto& [name, s] = *it;
        auto at = s.keys.find(change.key);
        if (at != s.keys.end())
            live_ -=
                journal::carried_value_size(name.size(), at->first.size(), at->second.place.size);
        if (!change.after) {
            if (at != s.keys.end())
                s.keys.erase(at);
            continue;
        }
        if (at == s.keys.end())
            at = s.keys.try_emplace(std::string(change.key)).first;
        at->second = {change.after_at, record.at, record.revision};
        live_ += journal::carried_value_size(name.size(), at->first.size(), at->second.place.size);
    }
    if (record.kept_reply) {
        // The key of its session may have been carried to a place further on.
        sessions_.open(record.by.session);
        const auto at = record.at + journal::at_record::body + record.name_space.size();
        const auto size = static_cast<std::uint32_t>(record.reply.size());
        sessions_.keep(record.by.session, {record.request, record.at, {at, size}});
        if (const auto reply = decode_kept_reply(record.reply, record.request))
            sessions_.acknowledge(record.by.session, reply->acknowledged);
    }
}

void database::forget(named_space& s, by_text<slot>::iterator at)
{
    live_ -= journal::carried_value_size(s.first.size(), at->first.size(), at->second.place.size);
    s.second.keys.erase(at);
}

} // namespace zproc::store
