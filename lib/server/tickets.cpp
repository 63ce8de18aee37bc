#include "server/session_fsm.hpp"

/// What a session asks for itself: tickets, and what its turn brings.
namespace zproc::serving {

using namespace protocol;

void session_fsm::handle(const frame& f, const turn_request& m, std::int64_t)
{
    switch (shared_.turns.ask({where_, session_, m.id, f.correlation}, m.name_space, m.keys,
                              m.scanned, m.round_trip)) {
    case turns::answer::queued: return; // answered when its turn begins
    case turns::answer::known_already:
        closing_ = true;
        return fail(f, errc::malformed_frame, "a ticket of this number is there already");
    case turns::answer::too_many:
        return fail(f, errc::too_busy,
                    "too many atomic functions of this session wait for their turns: run fewer at "
                    "once");
    }
}

void session_fsm::handle(const frame& f, const end_turn_request& m, std::int64_t)
{
    if (const auto waiting = shared_.turns.give_up(where_, m.id))
        answer(reply_to(*waiting), turn_reply());
    answer(f, empty_reply());
}

void session_fsm::turn_begins(const turns::ticket& which, std::int64_t now)
{
    begun_.push_back(which);
    work(now);
}

frame session_fsm::reply_to(const turns::ticket& which)
{
    frame f;
    f.correlation = which.correlation;
    f.code = operation::turn;
    return f;
}

/// The lease counts from the beginning of the turn, also when the reply had to wait for room.
void session_fsm::answer_turn()
{
    const auto which = begun_.front();
    begun_.erase(begun_.begin());
    const auto f = reply_to(which);
    turn_reply reply;
    const auto* turn = shared_.turns.find(where_, which.id);
    if (!turn || turn->deadline <= shared_.lease_clock) {
        answer(f, reply);
        return;
    }
    const auto& data = *shared_.data;
    const auto name_space = turn->name_space;
    reply.lease = static_cast<std::uint64_t>(turn->deadline - shared_.lease_clock);
    reply.whole = turn->reads.everything;
    reply.crowded = turn->crowded;
    reply.revision = data.revision(name_space);
    if (reply.whole)
        data.for_each(name_space, [&](std::string_view key, const store::item& item) {
            reply.items.push_back({key, item.modified, item.value});
        });
    for (const auto& key : turn->reads.keys) {
        const auto item = data.get(name_space, key);
        reply.items.push_back({key, item.modified, item.value});
    }
    if (!answer(f, reply))
        shared_.turns.give_up(where_, which.id);
}

} // namespace zproc::serving
