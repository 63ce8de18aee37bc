#include "client/transaction_fsm.hpp"

#include "value/decode.hpp"
#include "value/msgpack.hpp"

#include <algorithm>

namespace zproc::client {

using access = detail::draft_access;

transaction_fsm::transaction_fsm(std::string name_space, std::uint32_t handle,
                                 std::uint64_t first_ticket)
    : name_space_(std::move(name_space)), handle_(handle), last_ticket_(first_ticket - 1)
{
}

transaction_fsm::action transaction_fsm::ask(question what)
{
    asking_ = what;
    return action::ask;
}

transaction_fsm::action transaction_fsm::fail(error_code ec)
{
    error_ = ec;
    return action::finish;
}

// ---- the function has run ----------------------------------------------------------------------

transaction_fsm::action transaction_fsm::ran(const draft& d, bool threw)
{
    if (access::wants_all(d))
        return ask(question::snapshot);
    if (access::must_restart(d)) {
        want({*access::wanted(d)});
        return ask(question::read);
    }
    reads_ = access::reads(d);
    scanned_ = access::scanned(d);
    writes_.clear();
    additions_.clear();
    if (threw) {
        // It might have thrown earlier, and something else, had it known what it adds to.
        std::vector<std::string> unseen;
        for (auto& each : access::additions(d))
            unseen.push_back(std::move(each.key));
        if (!unseen.empty()) {
            want(std::move(unseen));
            return ask(question::read);
        }
    } else if (const auto ec = take_changes(d)) {
        return fail(ec);
    }
    if (writes_.empty() && additions_.empty() && fetches_ <= 1 && ticket_ == 0)
        return action::finish;
    return ask(question::commit);
}

error_code transaction_fsm::take_changes(const draft& d)
{
    for (auto& each : access::writes(d)) {
        auto& [key, bytes] = writes_.emplace_back(std::move(each.key), std::nullopt);
        if (each.content)
            if (const auto ec = msgpack::encode(*each.content, bytes.emplace()))
                return ec;
    }
    for (auto& each : access::additions(d)) {
        auto& [key, bytes] = additions_.emplace_back(std::move(each.key), protocol::buffer());
        if (const auto ec = msgpack::encode(each.amount, bytes))
            return ec;
    }
    return {};
}

/// What the attempt before knew is likely to be touched again: one round trip for all of it.
void transaction_fsm::want(std::vector<std::string> keys)
{
    wanted_ = std::move(keys);
    const auto needed = wanted_.size();
    for (auto& each : lost_)
        if (std::ranges::find(wanted_, each) == wanted_.end() && !source_.find(each) &&
            wanted_.size() < needed + most_prefetched)
            wanted_.push_back(std::move(each));
    lost_.clear();
}

// ---- the server has answered -------------------------------------------------------------------

transaction_fsm::action transaction_fsm::answered(error_code ec, protocol::bytes_view body,
                                                  time now)
{
    const auto asked = std::exchange(asking_, question::nothing);
    if (asked == question::commit && ec == errc::conflict)
        return conflicted(body, now);
    if (ec)
        return fail(ec);
    switch (asked) {
    case question::read: return fetched(body, false);
    case question::snapshot: return fetched(body, true);
    case question::turn: return begun(body, now);
    case question::commit: return committed(now);
    case question::nothing: break;
    }
    return action::finish;
}

transaction_fsm::action transaction_fsm::fetched(protocol::bytes_view body, bool everything)
{
    error_code ec;
    if (everything) {
        protocol::snapshot_reply reply;
        ec = protocol::decode(body, reply);
        if (!ec) {
            source_.clear();
            fetches_ = 0;
            ec = learn(reply.items);
            source_.put_all(reply.revision);
        }
    } else {
        protocol::read_reply reply;
        ec = protocol::decode(body, reply);
        if (!ec)
            ec = learn(reply.items);
    }
    if (ec)
        return fail(ec);
    ++fetches_;
    return action::run;
}

transaction_fsm::action transaction_fsm::conflicted(protocol::bytes_view body, time now)
{
    protocol::conflict_reply reply;
    if (const auto ec = protocol::decode(body, reply))
        return fail(ec);
    // The first attempt finds out which keys there are, one by one; the others show what it takes.
    if (began_ != 0)
        round_trip_ = std::max(round_trip_, now - began_);
    began_ = now;
    ++conflicts_;
    const bool over = until_ != 0 && now >= until_;
    if (over || (until_ == 0 && conflicts_ >= patience)) {
        protected_.clear();
        for (const auto& each : reads_)
            protected_.push_back(each.key);
        protects_all_ = scanned_;
        return ask_for_turn();
    }
    forget();
    if (const auto ec = learn(reply.items))
        return fail(ec);
    return reply.scan_failed ? ask(question::snapshot) : action::run;
}

/// Each time under another number: the server may not have noticed yet that a turn is over.
transaction_fsm::action transaction_fsm::ask_for_turn()
{
    ticket_ = ++last_ticket_;
    until_ = 0;
    return ask(question::turn);
}

bool transaction_fsm::asks_first() const noexcept
{
    return (asking_ == question::read || asking_ == question::snapshot) && ticket_ == 0 &&
           fetches_ == 0;
}

void transaction_fsm::begin_with_turn()
{
    began_with_turn_ = true;
    protects_all_ = asking_ == question::snapshot;
    protected_ = protects_all_ ? std::vector<std::string>() : wanted_;
    ask_for_turn();
}

transaction_fsm::action transaction_fsm::committed(time now)
{
    using enum contention::lesson;
    if (ticket_ != 0) {
        round_trip_ = std::max(round_trip_, now - began_);
        lesson_ = !began_with_turn_                       ? fought
                  : writes_.empty() && additions_.empty() ? only_read
                  : crowded_                              ? crowded
                                                          : alone;
    }
    ticket_ = 0; // the turn ended with it
    return action::finish;
}

transaction_fsm::action transaction_fsm::begun(protocol::bytes_view body, time now)
{
    protocol::turn_reply reply;
    if (const auto ec = protocol::decode(body, reply))
        return fail(ec);
    if (reply.lease == 0)
        return ask_for_turn();
    until_ = now + static_cast<time>(reply.lease);
    crowded_ = crowded_ || reply.crowded;
    began_ = now;
    forget();
    if (const auto ec = learn(reply.items))
        return fail(ec);
    if (reply.whole)
        source_.put_all(reply.revision);
    return action::run;
}

/// Everything there was; what comes in its place has one revision.
void transaction_fsm::forget()
{
    lost_.clear();
    if (!source_.complete())
        for (const auto& [key, entry] : source_.entries())
            lost_.push_back(key);
    source_.clear();
    fetches_ = 1;
}

error_code transaction_fsm::learn(const std::vector<protocol::present>& items)
{
    for (const auto& each : items) {
        std::optional<value> content;
        if (each.value)
            if (const auto ec = decode_any(*each.value, content.emplace()))
                return ec;
        source_.put(each.key, std::move(content), each.modified);
    }
    return {};
}

// ---- what is asked -----------------------------------------------------------------------------

void transaction_fsm::write(protocol::buffer& out, std::uint32_t correlation,
                            const protocol::mutation& by) const
{
    const auto put = [&](const auto& message) {
        protocol::write_request(out, correlation, message);
    };
    switch (asking_) {
    case question::read:
        return put(protocol::read_request{name_space_, {wanted_.begin(), wanted_.end()}, ticket_});
    case question::snapshot: return put(protocol::snapshot_request{name_space_, ticket_});
    case question::turn:
        return put(protocol::turn_request{ticket_,
                                          name_space_,
                                          {protected_.begin(), protected_.end()},
                                          protects_all_,
                                          static_cast<std::uint64_t>(round_trip_)});
    case question::commit: {
        protocol::commit_request request;
        request.by = by;
        request.by.handle = handle_;
        request.name_space = name_space_;
        if (scanned_)
            request.scanned = source_.revision();
        for (const auto& each : reads_)
            request.reads.push_back({each.key, each.revision});
        for (const auto& [key, bytes] : writes_)
            request.writes.push_back(
                {key, bytes ? std::optional<protocol::bytes_view>(*bytes) : std::nullopt});
        request.turn = ticket_;
        for (const auto& [key, bytes] : additions_)
            request.additions.push_back({key, bytes});
        return put(request);
    }
    case question::nothing: return;
    }
}

} // namespace zproc::client
