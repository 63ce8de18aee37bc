#include "unit/server/crowd_fixture.hpp"

#include <set>

using namespace session_test;
using serving::turns;

BOOST_AUTO_TEST_SUITE(server_tickets)

BOOST_FIXTURE_TEST_CASE(turn_request_brings_the_present_when_the_turn_begins, crowd)
{
    set(1, "a");
    at(2).ask(turn_request{7, "n", {"a", "b"}, false, 0}, 44);
    at(2).send();
    BOOST_TEST(at(2).silent()); // not within the request: others may be before it
    set(1, "a");
    pass_turns();
    const auto f = at(2).next();
    BOOST_TEST(f.correlation == 44u);
    BOOST_TEST((f.code == operation::turn));
    turn_reply reply;
    BOOST_TEST_REQUIRE(!decode(f.body, reply).failed());
    BOOST_TEST(reply.lease == 2u * ms);
    BOOST_TEST(!reply.whole);
    BOOST_TEST(reply.revision == 2u);
    BOOST_TEST_REQUIRE(reply.items.size() == 2u);
    const auto& a = reply.items[reply.items[0].key == "a" ? 0 : 1];
    const auto& b = reply.items[reply.items[0].key == "a" ? 1 : 0];
    BOOST_TEST(a.modified == 2u);
    BOOST_TEST(a.value.has_value());
    BOOST_TEST(b.key == "b");
    BOOST_TEST(b.modified == 0u);
    BOOST_TEST(!b.value.has_value());
}

BOOST_FIXTURE_TEST_CASE(turn_request_for_everything_brings_all_there_is, crowd)
{
    set(1, "a");
    set(1, "b");
    at(2).ask(turn_request{7, "n", {}, true, 0});
    run();
    const auto reply = at(2).answer<turn_reply>();
    BOOST_TEST(reply.whole);
    BOOST_TEST(reply.revision == 2u);
    BOOST_TEST(reply.items.size() == 2u);
    at(2).ask(turn_request{8, "elsewhere", {}, true, 0});
    run();
    BOOST_TEST(at(2).answer<turn_reply>().items.empty());
}

BOOST_FIXTURE_TEST_CASE(turn_request_waits_for_those_before_it, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(turn_request{2, "n", {"a"}, false, 0});
    at(2).ask(ping_request()); // is not kept waiting
    run();
    at(2).answer<ping_reply>();
    BOOST_TEST(at(2).silent());
    BOOST_TEST(commit(1, 1, {{"a", 0}}));
    const auto reply = at(2).answer<turn_reply>();
    BOOST_TEST(reply.revision == 1u);
    BOOST_TEST(reply.items.front().modified == 1u);
}

BOOST_FIXTURE_TEST_CASE(reads_in_a_turn_are_protected_from_then_on, crowd)
{
    take_turn(1, 1, {"a"});
    set(2, "b");
    at(1).ask(read_request{"n", {"b"}, 1});
    run();
    BOOST_TEST(at(1).answer<read_reply>().items.front().modified == 1u);
    at(2).ask(set_request{by(2), "n", "b", seven});
    run();
    BOOST_TEST(at(2).machine.parked());
    at(3).ask(set_request{by(3), "n", "c", seven});
    run();
    BOOST_TEST(!at(3).machine.parked());
    at(1).ask(snapshot_request{"n", 1});
    run();
    at(3).ask(set_request{by(3), "n", "c", seven});
    run();
    BOOST_TEST(at(3).machine.parked());
    BOOST_TEST(commit(1, 1, {{"b", 1}}));
    BOOST_TEST(!at(2).machine.parked());
    BOOST_TEST(!at(3).machine.parked());
    at(1).ask(read_request{"n", {"b"}, 1}); // it is over: a read like any other
    run();
    set(2, "c");
}

BOOST_FIXTURE_TEST_CASE(holder_of_a_turn_adds_while_others_wait_to_add, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(commit_request{by(2), "n", {}, {}, {}, 0, {{"a", seven}}});
    run();
    BOOST_TEST(at(2).machine.parked());
    at(1).ask(commit_request{by(1), "n", {}, {}, {}, 1, {{"a", seven}}});
    run();
    BOOST_TEST(at(1).answer<mutation_reply>().revision == 1u);
    BOOST_TEST(at(2).answer<mutation_reply>().revision == 2u);
    BOOST_TEST(!shared.turns.held());
}

BOOST_FIXTURE_TEST_CASE(turn_says_whether_others_wanted_one, crowd)
{
    BOOST_TEST(!take_turn(1, 1, {"a"}).crowded);
    for (const seat each : {2u, 3u})
        at(each).ask(turn_request{each, "n", {"b"}, false, 0});
    at(4).ask(turn_request{1, "elsewhere", {"a"}, false, 0});
    run();
    BOOST_TEST(!at(4).answer<turn_reply>().crowded);
    BOOST_TEST(commit(1, 1, {{"a", 0}}));
    BOOST_TEST(at(2).answer<turn_reply>().crowded); // it has waited, and one waits for it
    at(2).ask(end_turn_request{2});
    run();
    at(2).answer<empty_reply>();
    BOOST_TEST(at(3).answer<turn_reply>().crowded); // it has waited
    at(3).ask(end_turn_request{3});
    run();
    at(3).answer<empty_reply>();
    BOOST_TEST(!take_turn(1, 2, {"a"}).crowded);
}

BOOST_FIXTURE_TEST_CASE(commit_that_is_refused_does_not_end_the_turn, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(set_request{by(2), "n", "a", seven});
    at(1).ask(commit_request{{1, 0, 1}, "n", {}, {{"a", 0}}, {{"b", bytes_view(seven)}}, 1});
    numbers[1] = 1;
    shared.data->close_session(sessions[1], 5); // its outcome is unknown now
    run();
    BOOST_TEST((at(1).next().error() == errc::outcome_unknown));
    BOOST_TEST(at(2).machine.parked());
    BOOST_TEST(shared.turns.held());
}

BOOST_FIXTURE_TEST_CASE(end_turn_ends_it_wherever_it_is, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(turn_request{2, "n", {"a"}, false, 0}, 21);
    at(3).ask(turn_request{3, "n", {"a"}, false, 0});
    run();
    at(2).ask(end_turn_request{2}, 22);
    run();
    auto f = at(2).next(); // it is answered: there is no turn
    BOOST_TEST(f.correlation == 21u);
    turn_reply none;
    BOOST_TEST_REQUIRE(!decode(f.body, none).failed());
    BOOST_TEST(none.lease == 0u);
    f = at(2).next();
    BOOST_TEST(f.correlation == 22u);
    BOOST_TEST(f.status == 0u);

    at(1).ask(end_turn_request{1});
    run();
    at(1).answer<empty_reply>();
    BOOST_TEST(at(3).answer<turn_reply>().lease == 2u * ms);
    at(1).ask(end_turn_request{1}); // there is none: as good
    run();
    at(1).answer<empty_reply>();
    BOOST_TEST(shared.turns.held());
}

BOOST_FIXTURE_TEST_CASE(ticket_of_a_number_in_use_is_a_strangers, crowd)
{
    take_turn(1, 1, {"a"});
    at(1).ask(turn_request{1, "m", {"a"}, false, 0});
    run();
    BOOST_TEST((at(1).next().error() == errc::malformed_frame));
    BOOST_TEST(at(1).machine.closing());
}

BOOST_FIXTURE_TEST_CASE(tickets_without_number_are_refused, crowd)
{
    for (std::uint64_t id = 1; id != turns::most + 2; ++id) {
        at(1).ask(turn_request{id, "n", {}, false, 0});
        at(1).send();
    }
    BOOST_TEST((at(1).next().error() == errc::too_busy));
    BOOST_TEST(!at(1).machine.closing());
}

BOOST_FIXTURE_TEST_CASE(disconnected_holder_keeps_nobody_waiting, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(set_request{by(2), "n", "a", seven});
    at(3).ask(turn_request{1, "n", {"a"}, false, 0});
    run();
    disconnect(1);
    BOOST_TEST(at(2).answer<mutation_reply>().revision == 1u);
    BOOST_TEST(at(3).answer<turn_reply>().revision == 1u);
}

BOOST_FIXTURE_TEST_CASE(resumed_session_has_no_tickets_and_asks_again, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(set_request{by(2), "n", "a", seven});
    at(3).ask(turn_request{1, "n", {"a"}, false, 0});
    run();
    peers[4] = std::make_unique<peer>(*this, 4);
    at(4).greet(sessions[1]);
    pass_turns();
    at(3).answer<turn_reply>();
    at(4).ask(turn_request{1, "n", {"a"}, false, 0}); // the same number, on the new connection
    run();
    BOOST_TEST(at(4).silent());
    disconnect(1); // the old one goes, later
    disconnect(3);
    BOOST_TEST(at(4).answer<turn_reply>().lease == 2u * ms);
}

/// A client that does not read gets no more replies than it has room for.
BOOST_FIXTURE_TEST_CASE(turn_that_begins_while_much_output_waits_is_answered_later, crowd)
{
    const auto text = pack(std::string(1u << 16, 'x'));
    at(1).ask(set_request{by(1), "n", "a", text});
    for (int i = 0; i != 20; ++i)
        at(1).ask(get_request{"n", "a"});
    at(1).ask(turn_request{1, "n", {"a"}, false, 3u * ms});
    at(1).ask(turn_request{2, "m", {"a"}, false, 0});
    const auto bytes = std::exchange(at(1).to_send, {});
    auto& machine = at(1).machine;
    for (std::size_t sent = 0; sent != bytes.size();) {
        const auto room = machine.prepare();
        const auto count = std::min(room.size(), bytes.size() - sent);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(sent), count, room.begin());
        machine.received(count, 0, 5);
        sent += count;
    }
    BOOST_TEST(machine.congested());
    at(1).receive();
    machine.resume(5);
    BOOST_TEST(!machine.congested());
    at(1).receive();
    for (int i = 0; i != 21; ++i)
        at(1).next();
    for (int i = 0; i != 16; ++i) // and it is congested again, by others' doing
        machine.output().resize(machine.output().size() + (1u << 16));
    const auto junk = machine.output().size();
    while (const auto due = shared.turns.next(shared.lease_clock))
        machine.turn_begins(*due->begun, 5);
    BOOST_TEST(machine.output().size() == junk);
    BOOST_TEST(machine.unhandled());
    shared.lease_clock += 2 * ms;
    machine.output().clear();
    machine.resume(5);
    at(1).receive();
    std::multiset<std::uint64_t> leases{at(1).answer<turn_reply>().lease};
    leases.insert(at(1).answer<turn_reply>().lease);
    BOOST_TEST((leases == std::multiset<std::uint64_t>{0, 4u * ms})); // what is left of them
}

BOOST_AUTO_TEST_SUITE_END()
