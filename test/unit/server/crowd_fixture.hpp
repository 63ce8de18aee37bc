#pragma once

#include "unit/server/session_fixture.hpp"

#include <map>

namespace session_test {

inline constexpr std::int64_t ms = 1'000'000;
inline const std::byte eight[] = {std::byte{8}};

/// Several connections, and what their host does at the end of each turn of its loop.
struct crowd : house {
    std::map<seat, std::unique_ptr<peer>> peers;
    std::map<seat, std::uint64_t> sessions;
    std::map<seat, std::uint64_t> numbers;

    crowd() { shared.lease_clock = 100 * ms; }

    peer& at(seat where)
    {
        auto& found = peers[where];
        if (!found) {
            found = std::make_unique<peer>(*this, where);
            sessions[where] = found->greet().session;
        }
        return *found;
    }
    mutation by(seat where) { return {++numbers[where], numbers[where] - 1, 1}; }

    /// Sends what was asked, and lets happen what is due.
    void run()
    {
        for (auto& [where, each] : peers)
            if (!each->to_send.empty())
                each->send();
        pass_turns();
    }
    void pass_turns()
    {
        while (const auto due = shared.turns.next(shared.lease_clock)) {
            auto& machine = peers.at(due->where)->machine;
            if (due->begun)
                machine.turn_begins(*due->begun, 5);
            else
                machine.resume(5);
        }
        for (auto& [where, each] : peers)
            each->receive();
    }
    void after(std::int64_t time)
    {
        shared.lease_clock += time;
        pass_turns();
    }
    void disconnect(seat where)
    {
        peers.at(where)->machine.disconnected(7, 1);
        peers.erase(where);
        pass_turns();
    }

    void set(seat where, std::string_view key)
    {
        at(where).ask(set_request{by(where), "n", key, seven});
        run();
        at(where).answer<mutation_reply>();
    }
    /// Has the turn for these keys, after this.
    turn_reply take_turn(seat where, std::uint64_t id, std::vector<std::string_view> keys)
    {
        at(where).ask(turn_request{id, "n", std::move(keys), false, 0});
        run();
        return at(where).answer<turn_reply>();
    }
    bool commit(seat where, std::uint64_t turn, std::vector<protocol::read_stamp> reads)
    {
        at(where).ask(
            commit_request{by(where), "n", {}, std::move(reads), {{"a", bytes_view(eight)}}, turn});
        run();
        return at(where).next().status == 0;
    }
};

} // namespace session_test
