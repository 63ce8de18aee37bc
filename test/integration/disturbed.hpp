#pragma once

#include "integration/forked_root.hpp"
#include "support/operation_world.hpp"
#include "support/server_fixture.hpp"

#include <zproc.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>

namespace zproc::test {

inline constexpr std::uint64_t long_lease = 125'000'000; ///< as a round trip: 250 ms

/// Somebody else, beside a context.
struct stranger : raw_client {
    explicit stranger(operation_world& w)
        : raw_client(w.ctx.address().substr(std::string("unix://").size()))
    {
        greet();
    }

    void set(std::string_view key) { get<protocol::mutation_reply>(request(key)); }
    void begin_to_set(std::string_view key)
    {
        protocol::buffer out;
        protocol::write_request(out, 1, request(key));
        send(out);
    }
    protocol::set_request request(std::string_view key) { return {by(), "default", key, one}; }

    /// It is answered when it begins. Others wait for their turns, and otherwise for nothing.
    void ask_for_turn(std::uint64_t id)
    {
        protocol::buffer out;
        protocol::write_request(
            out, 1, protocol::turn_request{id, "default", {"nothing"}, false, long_lease});
        send(out);
    }
    void take_turn(std::uint64_t id)
    {
        ask_for_turn(id);
        protocol::turn_reply begun;
        if (protocol::decode(receive().body, begun).failed() || begun.lease == 0)
            throw std::runtime_error("the turn did not begin");
    }

    /// Whether an answer to what was sent is there. The server handles what comes on several
    /// connections in order, so behind another's ping it is, unless it has to wait.
    bool answered(stranger& other)
    {
        other.get<protocol::ping_reply>(protocol::ping_request());
        pollfd one_socket{socket(), POLLIN, 0};
        return ::poll(&one_socket, 1, 0) == 1;
    }

    std::vector<std::byte> one = packed(1);
};

/// A world in which the key "k" is there, others, and a function that is its own disturbance, by
/// the connection of somebody else: each of its first three runs to the end has a conflict.
struct disturbed : operation_world {
    stranger other;
    stranger third;
    int runs = 0;
    pid_t process;
    asio::cancellation_signal signal;
    outcome<int> seen;

    explicit disturbed(context_options options = {})
        : operation_world(std::move(options)), other(ready(*this)), third(*this), process(server())
    {
    }

    static operation_world& ready(operation_world& w)
    {
        w.put("k", 1);
        return w;
    }

    int add(draft& d)
    {
        const auto sum = d["k"].get<int>() + 1;
        d["k"] = sum;
        if (++runs <= 3)
            other.set("k");
        return sum;
    }

    void run_until(auto done)
    {
        while (!done()) {
            io.restart();
            io.run_one();
        }
    }
    /// Everything asked before is answered, if it is to be answered at once.
    void pass_a_ping()
    {
        bool done = false;
        ctx.ping([&](error_code, pong) { done = true; });
        run_until([&] { return done; });
    }
    /// Runs the loop up to where the server has the ticket. False when the machine was so busy
    /// that the turn before it is over.
    bool wait_in_the_queue()
    {
        state.atomic([this](draft& d) { return add(d); },
                     asio::bind_cancellation_slot(
                         signal.slot(), [this](std::exception_ptr e, int n) { seen(e, n); }));
        run_until([&] { return runs == 2; });
        other.take_turn(7);
        run_until([&] { return runs == 3; });
        pass_a_ping(); // the third commit has its conflict
        pass_a_ping(); // the ticket is in the queue
        return !seen.done();
    }
};

/// `body(world)`, in a world where an atomic function waits for its turn.
inline void while_one_waits(checks& check, context_options options, auto body)
{
    for (int tries = 0; tries != 10; ++tries) {
        disturbed w(options);
        if (w.wait_in_the_queue())
            return body(w);
        w.run();
        w.empty();
    }
    check(false, "it never waits");
}

} // namespace zproc::test
