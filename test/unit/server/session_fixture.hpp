#pragma once

#include "protocol/body.hpp"
#include "server/session_fsm.hpp"
#include "unit/store/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace session_test {

using namespace zproc;
using namespace zproc::protocol;
using namespace store_test;
using protocol::bytes_view;
using serving::hall;
using serving::seat;
using serving::session_fsm;

struct house {
    surroundings around;
    hall shared;
    std::uint64_t next_session = 1000;

    house()
    {
        journal::ring_header header;
        header.capacity = 1u << 16;
        shared.data = std::make_unique<store::database>(around.make_ring(header), around);
        shared.about.pid = 42;
        shared.about.epoch = 3;
        shared.about.instance = {std::byte{9}};
        shared.new_session_id = [this] { return ++next_session; };
    }
};

/// One connection, and what came back over it.
struct peer {
    session_fsm machine;
    frame_parser replies{max_reply_bytes};
    buffer to_send;

    peer(house& h, seat where, bool remote = false) : machine(h.shared, where, remote) {}

    void send(std::size_t descriptors = 0)
    {
        std::size_t at = 0;
        do {
            const auto room = machine.prepare();
            const auto count = std::min(room.size(), to_send.size() - at);
            std::copy_n(to_send.begin() + static_cast<std::ptrdiff_t>(at), count, room.begin());
            machine.received(count, descriptors, 5);
            while (machine.unhandled() && !machine.congested() && !machine.starved())
                machine.resume(5); // as its host does, when others have had their turn
            descriptors = 0;
            at += count;
        } while (at != to_send.size() && !machine.closing());
        to_send.clear();
        receive();
    }
    void receive()
    {
        auto& out = machine.output();
        const auto room = replies.prepare(out.size() + 1);
        std::ranges::copy(out, room.begin());
        replies.commit(out.size());
        out.clear();
        machine.output_written();
    }
    /// The next reply, which is there.
    frame next()
    {
        frame f;
        BOOST_TEST_REQUIRE(replies.next(f) == frame_parser::found);
        return f;
    }
    bool silent()
    {
        frame f;
        return replies.next(f) == frame_parser::incomplete;
    }
    template <class Reply>
    Reply answer()
    {
        const auto f = next();
        BOOST_TEST_REQUIRE(f.status == 0);
        Reply reply;
        BOOST_TEST_REQUIRE(!decode(f.body, reply).failed());
        return reply;
    }
    template <class Request>
    void ask(const Request& request, std::uint32_t correlation = 1)
    {
        write_request(to_send, correlation, request);
    }
    server_hello greet(std::uint64_t session = 0, instance_id instance = {},
                       std::uint64_t acknowledged = 0, std::uint32_t pid = 0,
                       std::string_view name = {})
    {
        client_hello hello;
        hello.pid = pid;
        hello.name = name;
        hello.session = session;
        hello.instance = instance;
        hello.acknowledged = acknowledged;
        write_hello(to_send, 0, hello);
        send();
        server_hello welcome;
        std::string text;
        BOOST_TEST_REQUIRE(!read_welcome(next(), welcome, text).failed());
        return welcome;
    }
};

inline const std::byte seven[] = {std::byte{7}};

inline mutation by(std::uint64_t number, std::uint64_t acknowledged = 0)
{
    return {number, acknowledged, 1};
}

} // namespace session_test
