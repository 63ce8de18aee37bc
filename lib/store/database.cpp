#include "store/database.hpp"

#include "journal/recovery.hpp"
#include "store/kept_reply.hpp"
#include "store/session_key.hpp"

#include <algorithm>
#include <unordered_set>

namespace zproc::store {

database::database(std::unique_ptr<journal::writer> ring, surroundings& around,
                   database_options options)
    : around_(around), options_(options), ring_(std::move(ring))
{
}

database::~database() = default;

// ---- reads -------------------------------------------------------------------------------------

database::named_space* database::find_named(std::string_view name_space) const
{
    if (latest_ && latest_->first == name_space)
        return latest_;
    const auto it = spaces_.find(name_space);
    if (it == spaces_.end())
        return nullptr;
    return latest_ = const_cast<named_space*>(&*it);
}

const database::space* database::find(std::string_view name_space) const
{
    const auto* const named = find_named(name_space);
    return named ? &named->second : nullptr;
}

database::slot* database::find(std::string_view name_space, std::string_view key)
{
    auto* const s = find_named(name_space);
    if (!s)
        return nullptr;
    const auto it = s->second.keys.find(key);
    return it == s->second.keys.end() ? nullptr : &it->second;
}

item database::read(const slot& s) const
{
    return {s.modified, ring_->bytes(s.place)};
}

std::uint64_t database::revision(std::string_view name_space) const
{
    const auto* s = find(name_space);
    return s ? s->revision : 0;
}

item database::get(std::string_view name_space, std::string_view key) const
{
    const auto* s = const_cast<database*>(this)->find(name_space, key);
    return s ? read(*s) : item();
}

bool database::contains(std::string_view name_space, std::string_view key) const
{
    return const_cast<database*>(this)->find(name_space, key) != nullptr;
}

std::size_t database::size(std::string_view name_space) const
{
    const auto* s = find(name_space);
    return s ? s->keys.size() : 0;
}

// ---- one transaction ---------------------------------------------------------------------------

outcome database::failed(errc code, std::string_view text)
{
    outcome result;
    result.error = code;
    result.text = text;
    return result;
}

/// Whether the request had its turn before later ones of its session were applied. It changed
/// nothing then; now it would act on what those left, out of order.
bool database::passed_over(const author& by) const
{
    return by.request != 0 && by.request < by.passed &&
           by.request > sessions_.acknowledged(by.session) &&
           !sessions_.find(by.session, by.request);
}

std::optional<outcome> database::begin(const author& by, std::string_view name_space,
                                       named_space*& s)
{
    drafts_.clear();
    touched_.clear();
    value_.clear();
    has_result_ = false;

    if (by.request != 0) {
        if (!sessions_.knows(by.session) || by.request <= sessions_.acknowledged(by.session))
            return failed(errc::outcome_unknown);
        if (const auto* reply = sessions_.find(by.session, by.request))
            return kept_outcome(*reply);
        if (passed_over(by))
            return failed(errc::outcome_unknown);
        sessions_.acknowledge(by.session, std::min(by.acknowledged, by.request - 1));
        if (sessions_.kept_by(by.session) >= options_.kept_replies ||
            sessions_.bytes_kept_by(by.session) >= options_.kept_reply_bytes)
            return failed(errc::too_busy,
                          "so many replies of this session are kept that none is to be added: "
                          "acknowledge those that have come");
    }
    s = find_named(name_space);
    if (!s) {
        if (spaces_.size() >= options_.namespaces)
            return failed(errc::too_busy,
                          "there are as many namespaces as this state takes, those included that "
                          "are empty now: use keys of one of them");
        s = &*spaces_.try_emplace(std::string(name_space)).first;
    }
    return std::nullopt;
}

/// A namespace that never had a revision leaves no trace.
outcome database::refuse(named_space& s, errc code)
{
    auto result = nothing(s);
    result.error = code;
    return result;
}

outcome database::nothing(named_space& s)
{
    outcome result;
    result.revision = s.second.revision;
    if (s.second.revision == 0) {
        latest_ = nullptr;
        spaces_.erase(spaces_.find(s.first));
    }
    if (has_result_)
        result.result = result_;
    return result;
}

/// The change of one key; none when an absent one is erased.
void database::plan(named_space& s, std::string_view key, std::optional<bytes_view> after)
{
    const auto it = s.second.keys.find(key);
    slot* const now = it == s.second.keys.end() ? nullptr : &it->second;
    if (!now && !after)
        return;
    journal::change_draft draft;
    draft.key = now ? std::string_view(it->first) : key;
    draft.after = after;
    if (now) {
        draft.before = ring_->bytes(now->place);
        draft.before_at = now->place.at;
        draft.identical = after && std::ranges::equal(*draft.before, *after);
    }
    drafts_.push_back(draft);
    touched_.push_back({now});
}

void database::plan_all(named_space& s, std::span<const key_value> changes)
{
    if (changes.size() == 1)
        return plan(s, changes.front().key, changes.front().value);
    // One record holds a key once: the last change of it counts.
    constexpr std::size_t few = 8; // to compare them all takes less than a table of them
    std::unordered_set<std::string_view> seen;
    if (changes.size() > few)
        seen.reserve(changes.size());
    for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
        const bool last = changes.size() > few
                              ? seen.insert(it->key).second
                              : std::none_of(changes.rbegin(), it, [&](const key_value& later) {
                                    return later.key == it->key;
                                });
        if (last)
            plan(s, it->key, it->value);
    }
    std::ranges::reverse(drafts_);
    std::ranges::reverse(touched_);
}

/// Makes the planned changes one revision; none planned, none made.
outcome database::make(const author& by, named_space& s)
{
    if (drafts_.empty())
        return nothing(s);
    time_ = std::max(time_, by.time);
    journal::transaction what;
    what.name_space = s.first;
    what.revision = s.second.revision + 1;
    what.time = time_;
    what.by = {by.session, by.handle};
    what.changes = drafts_;
    if (by.request != 0) {
        encode_kept_reply({by.acknowledged, what.revision,
                           has_result_ ? std::optional<bytes_view>(result_) : std::nullopt},
                          by.request, reply_);
        what.request = by.request;
        what.reply = reply_;
    }
    journal::append_result written;
    if (const auto ec = append_record(what, written); ec.failed())
        return refuse(s, static_cast<errc>(ec.value()));

    // Before the index follows: the key of a draft may be the one in the index.
    if (!s.first.empty())
        for (const auto& draft : drafts_)
            around_.changed(s.first, draft.key);
    follow(s, written);
    if (by.request != 0)
        sessions_.keep(by.session, {by.request, written.record, written.reply});

    outcome result;
    result.made = true;
    result.revision = s.second.revision;
    if (has_result_)
        result.result = result_;
    return result;
}

error_code database::append_record(const journal::transaction& what,
                                   journal::append_result& written)
{
    for (;;) {
        if (const auto ec = around_.admit(what, *ring_); ec.failed())
            return ec;
        written = ring_->append(what, *this);
        if (written)
            return {};
        if (written.outcome == journal::append_outcome::too_large)
            return errc::too_large;
        if (const auto ec = grow(written.capacity); ec.failed())
            return ec;
        // The values lie elsewhere now; and what was carried before the ring proved too small may
        // have been written over where they lay.
        for (std::size_t i = 0; i != drafts_.size(); ++i)
            if (const auto* now = touched_[i].at) {
                drafts_[i].before = ring_->bytes(now->place);
                drafts_[i].before_at = now->place.at;
            }
    }
}

/// The index after the record was written.
void database::follow(named_space& s, const journal::append_result& written)
{
    const auto& name = s.first;
    auto& inside = s.second;
    if (inside.counter == journal::nowhere)
        live_ += journal::carried_counter_size(name.size());
    inside.counter = written.record;
    ++inside.revision;
    for (std::size_t i = 0; i != drafts_.size(); ++i) {
        const auto& draft = drafts_[i];
        auto* now = touched_[i].at;
        if (!draft.after) {
            forget(s, inside.keys.find(draft.key));
            continue;
        }
        if (now)
            live_ -= journal::carried_value_size(name.size(), draft.key.size(), now->place.size);
        else
            now = &inside.keys.try_emplace(std::string(draft.key)).first->second;
        *now = {written.values[i], written.record, inside.revision};
        live_ += journal::carried_value_size(name.size(), draft.key.size(), now->place.size);
    }
}

outcome database::kept_outcome(const sessions::kept& reply) const
{
    outcome result;
    const auto kept = decode_kept_reply(ring_->bytes(reply.place), reply.request);
    if (!kept) {
        result.error = errc::outcome_unknown;
        return result;
    }
    result.made = result.repeated = true;
    result.revision = kept->revision;
    result.result = kept->result;
    return result;
}

// ---- sessions ----------------------------------------------------------------------------------

error_code database::open_session(std::uint64_t id, std::int64_t time, const peer& who)
{
    if (sessions_.knows(id))
        return {};
    const auto key = session_key(id);
    std::vector<std::byte> said;
    encode_peer(who, said);
    const auto made = set({.time = time}, {}, key, said);
    if (!made.error.failed())
        sessions_.open(id);
    return made.error;
}

error_code database::mark_session(std::uint64_t id, std::int64_t gone, std::int64_t time)
{
    auto who = find_peer(id);
    if (!sessions_.knows(id) || !who || who->gone == gone)
        return {};
    who->gone = gone;
    std::vector<std::byte> said;
    encode_peer(*who, said);
    return set({.time = time}, {}, session_key(id), said).error;
}

std::optional<peer> database::find_peer(std::uint64_t id) const
{
    const auto said = get({}, session_key(id)).value;
    return said ? decode_peer(*said) : std::nullopt;
}

error_code database::close_session(std::uint64_t id, std::int64_t time)
{
    if (!sessions_.knows(id))
        return {};
    const auto key = session_key(id);
    const std::string_view keys[] = {key};
    // First, for it may fail: who comes back to a session finds what was kept for it.
    const auto erased = erase({.time = time}, {}, keys);
    if (!erased.error.failed())
        sessions_.close(id);
    return erased.error;
}

} // namespace zproc::store
