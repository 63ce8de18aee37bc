#include "server/session_fsm.hpp"
#include "value/msgpack.hpp"

#include <algorithm>
#include <unordered_set>

/// What each request does, and what it answers.
namespace zproc::serving {

using namespace protocol;

namespace {

present present_of(std::string_view key, const store::item& item)
{
    return {key, item.modified, item.value};
}

/// Before it is made: a key may be asked for very often, and each time its value is sent. Who does
/// that gets no more than so much.
bool fits(const std::vector<present>& items)
{
    constexpr std::uint64_t around = 32; // more than all else that an item takes
    const auto size_of = [](const present& each) {
        return around + each.key.size() + (each.value ? each.value->size() : 0);
    };
    std::uint64_t total = around;
    for (const auto& each : items)
        total += size_of(each);
    if (total <= session_fsm::largest_repetition)
        return true;
    std::unordered_set<std::string_view> seen;
    seen.reserve(items.size());
    return total <= max_reply_bytes && std::ranges::all_of(items, [&](const present& each) {
               return seen.insert(each.key).second;
           });
}

std::string kind_of(const std::optional<bytes_view>& encoded)
{
    return std::string(encoded ? to_string(msgpack::reader(*encoded).next_kind()) : "nothing");
}

constexpr std::string_view ask_for_less = "the reply is too large for one frame: ask for less";

/// Of a refused mutation, what its code alone cannot say.
std::string_view text_of(const error_code& ec)
{
    if (ec == make_error_code(errc::too_large))
        return "the change, or the value that it makes, is larger than this state and its journal "
               "take: split it";
    if (ec == make_error_code(errc::too_busy))
        return "there is no memory for the larger journal that this change needs: erase something, "
               "or try again later";
    if (ec == make_error_code(errc::outcome_unknown))
        return "the reply was acknowledged, or is of a session that is not known any more: read "
               "what became of the change";
    return {};
}

} // namespace

template <class Reply>
bool session_fsm::answer(const frame& f, const Reply& reply)
{
    const auto at = begin_frame(output_, f.correlation, f.code);
    encode(output_, reply);
    if (output_.size() - at - header_bytes > max_reply_bytes) {
        output_.resize(at);
        fail(f, errc::too_large, ask_for_less);
        return false;
    }
    end_frame(output_, at);
    return true;
}

// Of tickets.cpp and streaming.cpp.
template bool session_fsm::answer(const frame& f, const stream_end& reply);
template bool session_fsm::answer(const frame& f, const turn_reply& reply);
template bool session_fsm::answer(const frame& f, const empty_reply& reply);

void session_fsm::answer(const frame& f, const store::outcome& done)
{
    if (done.error.failed())
        return fail(f, done.error, done.text.empty() ? text_of(done.error) : done.text);
    answer(f, mutation_reply{done.revision, done.made, done.result});
}

store::author session_fsm::author_of(const mutation& by, std::int64_t now) const
{
    return {session_, by.handle, by.number, by.acknowledged, now, passed_};
}

// ---- reads -------------------------------------------------------------------------------------

void session_fsm::handle(const frame& f, const ping_request&, std::int64_t now)
{
    answer(f, ping_reply{shared_.about.pid, now});
}

void session_fsm::handle(const frame& f, const get_request& m, std::int64_t)
{
    const auto found = shared_.data->get(m.name_space, m.key);
    answer(f, get_reply{shared_.data->revision(m.name_space), found.modified, found.value});
}

void session_fsm::handle(const frame& f, const contains_request& m, std::int64_t)
{
    answer(f, contains_reply{shared_.data->contains(m.name_space, m.key)});
}

void session_fsm::handle(const frame& f, const size_request& m, std::int64_t)
{
    answer(f, size_reply{shared_.data->size(m.name_space)});
}

void session_fsm::handle(const frame& f, const keys_request& m, std::int64_t)
{
    keys_reply reply;
    reply.revision = shared_.data->revision(m.name_space);
    reply.keys.reserve(shared_.data->size(m.name_space));
    shared_.data->for_each(
        m.name_space, [&](std::string_view key, const store::item&) { reply.keys.push_back(key); });
    answer(f, reply);
}

void session_fsm::handle(const frame& f, const snapshot_request& m, std::int64_t)
{
    if (m.turn != 0)
        shared_.turns.reads_everything(where_, m.turn, m.name_space);
    snapshot_reply reply;
    reply.revision = shared_.data->revision(m.name_space);
    reply.items.reserve(shared_.data->size(m.name_space));
    shared_.data->for_each(m.name_space, [&](std::string_view key, const store::item& item) {
        reply.items.push_back(present_of(key, item));
    });
    answer(f, reply);
}

void session_fsm::handle(const frame& f, const read_request& m, std::int64_t)
{
    if (m.turn != 0)
        shared_.turns.reads(where_, m.turn, m.name_space, m.keys);
    read_reply reply;
    reply.revision = shared_.data->revision(m.name_space);
    reply.items.reserve(m.keys.size());
    for (const auto key : m.keys)
        reply.items.push_back(present_of(key, shared_.data->get(m.name_space, key)));
    if (!fits(reply.items))
        return fail(f, errc::too_large, ask_for_less);
    answer(f, reply);
}

void session_fsm::handle(const frame& f, const who_request& m, std::int64_t)
{
    const auto found = shared_.data->find_peer(m.session);
    if (!found)
        return fail(f, errc::no_such_key,
                    "this session has ended, or never was: who it belonged to is known only while "
                    "its client is connected, and for a while after");
    answer(f, who_reply{found->pid, found->name});
}

void session_fsm::handle(const frame& f, const namespaces_request&, std::int64_t)
{
    namespaces_reply reply;
    shared_.data->for_each_namespace(
        [&](std::string_view name, std::uint64_t revision, std::size_t size) {
            // It is there as long as it has keys; ours are nobody's to look after.
            if (size != 0 && !name.starts_with("zproc."))
                reply.namespaces.push_back({name, revision, size});
        });
    answer(f, reply);
}

// ---- wake-ups ----------------------------------------------------------------------------------

void session_fsm::handle(const frame& f, const watch_request& m, std::int64_t)
{
    const auto others = shared_.who.count(where_) - shared_.who.count(where_, m.id);
    if (others + interests::weight(m.keys) > most_interests)
        return fail(f, errc::too_busy,
                    "this session watches too much: end some of its watchers, or watch a "
                    "namespace as a whole");
    shared_.who.add(where_, m.id, m.name_space, m.keys);
    // Written, not yet published: the reply is not sent before it is.
    const auto& ring = shared_.data->ring();
    answer(f, watch_reply{shared_.data->revision(m.name_space), shared_.about.epoch, ring.written(),
                          ring.last_commit()});
}

void session_fsm::handle(const frame& f, const unwatch_request& m, std::int64_t)
{
    shared_.who.remove(where_, m.id);
    answer(f, empty_reply());
}

void session_fsm::handle(const frame& f, const attach_request& m, std::int64_t)
{
    if (remote_)
        return fail(f, errc::no_shared_memory);
    if (m.with_eventfd) {
        if (descriptors_ == 0) {
            closing_ = true;
            return fail(f, errc::malformed_frame, "the descriptor of the attach did not come");
        }
        --descriptors_;
    }
    attachments_.push_back({output_.size(), m.with_eventfd});
    answer(f, attach_reply{shared_.about.epoch, shared_.generation, shared_.ring_bytes});
}

// ---- mutations ---------------------------------------------------------------------------------

void session_fsm::handle(const frame& f, const set_request& m, std::int64_t now)
{
    answer(f, shared_.data->set(author_of(m.by, now), m.name_space, m.key, m.value));
}

void session_fsm::handle(const frame& f, const erase_request& m, std::int64_t now)
{
    answer(f, shared_.data->erase(author_of(m.by, now), m.name_space, m.keys));
}

void session_fsm::handle(const frame& f, const update_request& m, std::int64_t now)
{
    changes_.clear();
    for (const auto& each : m.entries)
        changes_.push_back({each.key, each.value});
    answer(f, shared_.data->update(author_of(m.by, now), m.name_space, changes_));
}

void session_fsm::handle(const frame& f, const replace_request& m, std::int64_t now)
{
    changes_.clear();
    for (const auto& each : m.entries)
        changes_.push_back({each.key, each.value});
    answer(f, shared_.data->replace(author_of(m.by, now), m.name_space, changes_));
}

void session_fsm::handle(const frame& f, const clear_request& m, std::int64_t now)
{
    answer(f, shared_.data->clear(author_of(m.by, now), m.name_space));
}

void session_fsm::handle(const frame& f, const pop_request& m, std::int64_t now)
{
    answer(f, shared_.data->pop(author_of(m.by, now), m.name_space, m.key));
}

void session_fsm::handle(const frame& f, const pop_item_request& m, std::int64_t now)
{
    answer(f, shared_.data->pop_item(author_of(m.by, now), m.name_space));
}

void session_fsm::handle(const frame& f, const set_default_request& m, std::int64_t now)
{
    answer(f, shared_.data->set_default(author_of(m.by, now), m.name_space, m.key, m.value));
}

void session_fsm::handle(const frame& f, const increment_request& m, std::int64_t now)
{
    auto& data = *shared_.data;
    const auto by = author_of(m.by, now);
    const auto done = f.code == operation::decrement
                          ? data.decrement(by, m.name_space, m.key, m.amount)
                          : data.increment(by, m.name_space, m.key, m.amount);
    if (done.error == make_error_code(errc::type_mismatch))
        return fail(f, done.error,
                    "wanted: numbers, in " + kind_of(data.get(m.name_space, m.key).value) +
                        (f.code == operation::decrement ? " - " : " + ") + kind_of(m.amount));
    answer(f, done);
}

void session_fsm::handle(const frame& f, const append_request& m, std::int64_t now)
{
    auto& data = *shared_.data;
    const auto done = data.append(author_of(m.by, now), m.name_space, m.key, m.value);
    if (done.error == make_error_code(errc::type_mismatch))
        return fail(f, done.error,
                    "held: " + kind_of(data.get(m.name_space, m.key).value) + ", wanted: list");
    answer(f, done);
}

void session_fsm::handle(const frame& f, const compare_exchange_request& m, std::int64_t now)
{
    answer(f, shared_.data->compare_exchange(author_of(m.by, now), m.name_space, m.key, m.expected,
                                             m.desired));
}

void session_fsm::handle(const frame& f, const commit_request& m, std::int64_t now)
{
    stamps_.clear();
    for (const auto& read : m.reads)
        stamps_.push_back({read.key, read.modified});
    changes_.clear();
    for (const auto& write : m.writes)
        changes_.push_back({write.key, write.value});
    additions_.clear();
    for (const auto& each : m.additions)
        additions_.push_back({each.key, each.amount});
    const auto done = shared_.data->commit(author_of(m.by, now), m.name_space, m.scanned, stamps_,
                                           changes_, additions_);
    if (done.error == make_error_code(errc::conflict))
        return conflict(f, m);
    if (m.turn != 0 && !done.error.failed())
        shared_.turns.committed(where_, m.turn);
    answer(f, done);
}

void session_fsm::conflict(const frame& f, const commit_request& m)
{
    const auto& data = *shared_.data;
    conflict_reply reply;
    reply.revision = data.revision(m.name_space);
    reply.scan_failed = m.scanned && *m.scanned != reply.revision;
    for (const auto& read : m.reads)
        reply.items.push_back(present_of(read.key, data.get(m.name_space, read.key)));
    for (const auto& each : additions_)
        if (!data.can_add(m.name_space, each))
            reply.items.push_back(present_of(each.key, data.get(m.name_space, each.key)));
    if (!fits(reply.items))
        return fail(f, errc::too_large, ask_for_less);
    const auto at =
        begin_frame(output_, f.correlation, f.code, static_cast<std::uint16_t>(errc::conflict));
    encode(output_, reply);
    end_frame(output_, at);
}

} // namespace zproc::serving
