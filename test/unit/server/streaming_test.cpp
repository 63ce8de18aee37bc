#include "journal/mirror.hpp"
#include "journal/recovery.hpp"
#include "protocol/stream_messages.hpp"
#include "unit/server/session_fixture.hpp"

#include <map>
#include <memory>
#include <string>

using namespace session_test;

namespace {

/// A client with a mirror of the journal.
struct follower : peer {
    std::vector<std::uint64_t> memory;
    std::unique_ptr<journal::mirror> mirror;
    stream_begun begun;
    std::size_t beginnings = 0;
    std::size_t bytes = 0; ///< of records, since the stream was asked for

    using peer::peer;

    /// Handles what was pushed in front of the next reply; false when nothing came but that.
    bool next_reply(frame& f)
    {
        while (replies.next(f) == frame_parser::found) {
            if (f.code == operation::stream_begun)
                begin(f);
            else if (f.code == operation::stream_piece)
                add(f);
            else
                return true;
        }
        return false;
    }
    void follow()
    {
        machine.stream();
        receive();
        frame f;
        while (next_reply(f)) {}
    }
    void ask_for_stream(std::uint64_t epoch, std::uint64_t from, std::uint64_t limit)
    {
        bytes = 0;
        ask(stream_request{epoch, from, limit});
        send();
    }
    std::map<std::string, std::size_t> values() const
    {
        std::map<std::string, std::size_t> found;
        const auto all = journal::scan(
            std::as_bytes(std::span(memory)), [&](const journal::record_view& record) {
                if (record.name_space == "n")
                    for (const auto& change : record.changes)
                        if (change.after)
                            found[std::string(change.key)] = change.after->size();
            });
        BOOST_TEST(all.complete);
        return found;
    }

private:
    void begin(const frame& f)
    {
        BOOST_TEST_REQUIRE(!decode(f.body, begun).failed());
        ++beginnings;
        if (mirror && mirror->header().epoch == begun.epoch && mirror->head() == begun.from)
            return;
        journal::ring_header header;
        header.epoch = begun.epoch;
        header.capacity = begun.capacity;
        memory.assign(journal::region_size(header.capacity) / 8, 0);
        mirror = std::make_unique<journal::mirror>(std::as_writable_bytes(std::span(memory)),
                                                   header, begun.from);
    }
    void add(const frame& f)
    {
        stream_piece piece;
        BOOST_TEST_REQUIRE(!decode(f.body, piece).failed());
        bytes += piece.records.size();
        BOOST_TEST_REQUIRE(mirror);
        BOOST_TEST_REQUIRE(mirror->append({piece.at, piece.end, piece.records}));
    }
};

constexpr std::uint64_t plenty = 1u << 30;

struct story {
    house h;
    peer writer{h, 0};
    follower reader{h, 1};
    std::uint64_t number = 0;

    story()
    {
        writer.greet();
        reader.greet();
    }
    const journal::writer& ring() const { return h.shared.data->ring(); }
    void set(std::string_view key, std::size_t size)
    {
        const auto value = bytes_of(size);
        ++number;
        writer.ask(set_request{by(number, number - 1), "n", key, value});
        writer.send();
        BOOST_TEST_REQUIRE(writer.next().status == 0);
        h.shared.data->publish();
    }
    static buffer bytes_of(std::size_t size)
    {
        buffer out;
        msgpack::writer(out).write_bin(buffer(size));
        return out;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(server_streaming)

BOOST_AUTO_TEST_CASE(stream_brings_all_there_is_and_then_what_is_new)
{
    story s;
    s.set("a", 10);
    s.reader.ask_for_stream(0, 0, plenty);
    BOOST_TEST(s.reader.answer<stream_end>().head == s.ring().written());
    s.reader.follow();
    BOOST_TEST(s.reader.mirror->head() == s.ring().head());
    BOOST_TEST(s.reader.begun.head == s.ring().head());
    s.set("b", 20);
    s.set("a", 30);
    s.reader.follow();
    BOOST_TEST(s.reader.values()["a"] > 30u);
    BOOST_TEST(s.reader.values()["b"] > 20u);
    BOOST_TEST(s.reader.beginnings == 1u);
    BOOST_TEST(!s.reader.machine.stream()); // nothing is new
}

BOOST_AUTO_TEST_CASE(stream_comes_before_the_replies_that_tell_of_it)
{
    story s;
    s.reader.ask_for_stream(0, 0, plenty);
    s.reader.answer<stream_end>();
    s.reader.follow();

    // One turn of the reader's connection: a reply, and what it changed.
    const auto value = story::bytes_of(5);
    write_request(s.reader.to_send, 7, set_request{by(1), "n", "mine", value});
    const auto room = s.reader.machine.prepare();
    std::ranges::copy(s.reader.to_send, room.begin());
    s.reader.machine.received(s.reader.to_send.size(), 0, 5);
    s.h.shared.data->publish();
    s.reader.machine.stream();
    s.reader.receive();
    frame f;
    BOOST_TEST_REQUIRE(s.reader.next_reply(f));
    BOOST_TEST(f.correlation == 7u);
    BOOST_TEST(s.reader.values().contains("mine"));
}

BOOST_AUTO_TEST_CASE(stream_stops_at_its_limit_and_goes_on_with_a_higher_one)
{
    story s;
    for (int i = 0; i != 20; ++i)
        s.set("k" + std::to_string(i), 400);
    s.reader.ask_for_stream(0, 0, 1000);
    s.reader.answer<stream_end>();
    s.reader.follow();
    BOOST_TEST(s.reader.mirror->head() != s.ring().head());
    BOOST_TEST(!s.reader.machine.streams_more());
    s.reader.ask(stream_more_request{1}); // a lower one takes nothing back
    s.reader.send();
    s.reader.follow();
    std::size_t rounds = 0;
    for (; s.reader.mirror->head() != s.ring().head(); ++rounds) {
        BOOST_TEST_REQUIRE(rounds < 100u);
        const auto before = s.reader.bytes;
        s.reader.ask(stream_more_request{before + 1000});
        s.reader.send();
        frame f;
        while (s.reader.next_reply(f)) {}
        s.reader.follow();
        BOOST_TEST(s.reader.bytes - before <= 64u << 10);
    }
    BOOST_TEST(rounds > 0u);
    BOOST_TEST(s.reader.values().size() == 20u);
}

BOOST_AUTO_TEST_CASE(stream_that_was_overwritten_begins_anew_at_the_tail)
{
    story s;
    s.set("kept", 10);
    s.reader.ask_for_stream(0, 0, 1);
    s.reader.answer<stream_end>();
    s.reader.follow();
    while (s.ring().tail() <= s.reader.mirror->head())
        s.set("hot", 900);
    s.reader.ask(stream_more_request{plenty});
    s.reader.send();
    s.reader.follow();
    BOOST_TEST(s.reader.beginnings == 2u);
    BOOST_TEST(s.reader.mirror->tail() == s.ring().tail());
    BOOST_TEST(s.reader.mirror->head() == s.ring().head());
    BOOST_TEST(s.reader.values().contains("kept"));
}

BOOST_AUTO_TEST_CASE(stream_of_a_ring_that_was_replaced_goes_on_in_the_next)
{
    story s;
    s.set("a", 10);
    s.reader.ask_for_stream(0, 0, plenty);
    s.reader.answer<stream_end>();
    s.reader.follow();
    const auto before = s.ring().header().epoch;
    for (int i = 0; s.ring().header().epoch == before; ++i)
        s.set("large" + std::to_string(i), 2000);
    s.reader.follow();
    BOOST_TEST(s.reader.begun.epoch == before + 1);
    BOOST_TEST(s.reader.begun.previous_epoch == before);
    BOOST_TEST(s.reader.mirror->head() == s.ring().head());
    BOOST_TEST(s.reader.values().contains("a"));
}

BOOST_AUTO_TEST_CASE(stream_resumes_where_the_client_has_come_to_and_nowhere_else)
{
    story s;
    s.set("a", 100);
    s.reader.ask_for_stream(0, 0, plenty);
    s.reader.answer<stream_end>();
    s.reader.follow();
    const auto have = s.reader.mirror->head();
    s.set("b", 100);

    const auto epoch = s.ring().header().epoch;
    s.reader.ask_for_stream(epoch, have, plenty);
    s.reader.answer<stream_end>();
    s.reader.follow();
    BOOST_TEST(s.reader.begun.from == have);
    BOOST_TEST(s.reader.values().size() == 2u);

    for (const auto& [of, from] :
         {std::pair(epoch, have + 8), std::pair(epoch, have - 8),
          std::pair(epoch, s.ring().head() + 8), std::pair(epoch + 1, have),
          std::pair(epoch, ~std::uint64_t{0})}) {
        s.reader.ask_for_stream(of, from, plenty);
        s.reader.answer<stream_end>();
        s.reader.follow();
        BOOST_TEST(s.reader.begun.from == s.ring().tail());
        BOOST_TEST(s.reader.values().size() == 2u);
    }
}

BOOST_AUTO_TEST_CASE(stream_keeps_to_the_room_of_the_output)
{
    story s;
    for (int i = 0; i != 30; ++i)
        s.set("k", 1000);
    s.reader.ask_for_stream(0, 0, plenty);
    // Nobody reads: what is asked again and again does not pile up.
    for (int i = 0; i != 2000; ++i) {
        s.reader.machine.stream();
        s.set("k", 1000);
    }
    BOOST_TEST(s.reader.machine.output().size() < session_fsm::high_water + (80u << 10));
    s.reader.machine.disconnected(9, 1);
    BOOST_TEST(s.h.shared.streams.empty());
    BOOST_TEST(s.h.shared.waiting < 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
