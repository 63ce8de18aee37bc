#include "unit/server/turns_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace turns_test;

BOOST_AUTO_TEST_SUITE(server_turns)

BOOST_FIXTURE_TEST_CASE(nobody_waits_while_there_are_no_tickets, script)
{
    BOOST_TEST(machine.idle());
    BOOST_TEST(!machine.held());
    BOOST_TEST(!waits(1, {"a"}));
    BOOST_TEST(step() == "");
    BOOST_TEST(machine.next_deadline() == turns::never);
}

BOOST_FIXTURE_TEST_CASE(ask_gives_the_turn_to_the_first, script)
{
    BOOST_TEST((ask(1, 7, {"a", "b"}) == turns::answer::queued));
    BOOST_TEST(!machine.idle());
    BOOST_TEST(!machine.held());
    BOOST_TEST(!waits(2, {"a"})); // it did not begin yet
    BOOST_TEST(machine.next_deadline() <= now);
    BOOST_TEST(step() == "1:7");
    BOOST_TEST(machine.held());
    const auto* turn = machine.find(1, 7);
    BOOST_TEST_REQUIRE(turn);
    BOOST_TEST(turn->who.session == 101u);
    BOOST_TEST(turn->who.correlation == 7u);
    BOOST_TEST(turn->name_space == "n");
    BOOST_TEST(turn->reads.keys.size() == 2u);
    BOOST_TEST(turn->deadline == now + 2 * ms);
    BOOST_TEST(machine.next_deadline() == turn->deadline);
    BOOST_TEST(!machine.find(1, 8));
    BOOST_TEST(!machine.find(2, 7));
}

BOOST_FIXTURE_TEST_CASE(turn_is_crowded_when_it_waited_or_was_waited_for, script)
{
    ask(1, 7, {"a"});
    ask(2, 8, {"z"}); // before the first has begun
    BOOST_TEST(step() == "1:7");
    BOOST_TEST(machine.find(1, 7)->crowded);
    machine.committed(1, 7);
    BOOST_TEST(step() == "2:8");
    BOOST_TEST(machine.find(2, 8)->crowded);
    machine.park(3, "n"); // who only changes something wants no turn
    machine.committed(2, 8);
    BOOST_TEST(step() == "3");
    ask(1, 9, {"a"});
    BOOST_TEST(step() == "1:9");
    BOOST_TEST(!machine.find(1, 9)->crowded);
    ask(2, 10, {"a"}, 0, "other");
    BOOST_TEST(step() == "2:10");
    BOOST_TEST(!machine.find(2, 10)->crowded);
}

BOOST_AUTO_TEST_CASE(lease_is_two_round_trips_within_its_bounds)
{
    struct {
        const char* name;
        std::uint64_t round_trip;
        turns::time lease;
    } const rows[] = {{"none measured", 0, 2 * ms},
                      {"quick", 10'000, 2 * ms},
                      {"as long as the shortest", 1 * ms, 2 * ms},
                      {"longer", 30 * ms, 60 * ms},
                      {"as long as the longest", 125 * ms, 250 * ms},
                      {"too long", 126 * ms, 250 * ms},
                      {"absurd", ~std::uint64_t{0}, 250 * ms}};
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.ask(1, 7, {"a"}, row.round_trip);
            BOOST_TEST(s.step() == "1:7");
            BOOST_TEST(s.machine.find(1, 7)->deadline == s.now + row.lease);
        }
    }
}

/// What a holder has read, and what others may do meanwhile.
BOOST_AUTO_TEST_CASE(obstacle_is_for_others_who_touch_what_was_read)
{
    struct row {
        const char* name;
        keys read;
        bool all_read;
        keys touched;
        bool all_touched;
        bool waits;
    };
    const row rows[] = {
        {"the same key", {"a"}, false, {"a"}, false, true},
        {"another key", {"a"}, false, {"b"}, false, false},
        {"one of many", {"a", "b"}, false, {"x", "y", "b"}, false, true},
        {"none of many", {"a", "b"}, false, {"x", "y", "z"}, false, false},
        {"a commit that only reads", {"a"}, false, {}, false, false},
        {"clear", {"a"}, false, {}, true, true},
        {"clear, nothing was read", {}, false, {}, true, false},
        {"any key after a scan", {}, true, {"x"}, false, true},
        {"clear after a scan", {}, true, {}, true, true},
        {"a commit that only reads after a scan", {}, true, {}, false, false},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            if (row.all_read)
                s.ask_for_everything(1, 7);
            else
                s.ask(1, 7, row.read);
            s.step();
            const auto asks = [&](seat who, std::string_view name_space) {
                return s.machine.obstacle(who, name_space, row.touched, row.all_touched, s.now);
            };
            BOOST_TEST(asks(2, "n").has_value() == row.waits);
            if (row.waits)
                BOOST_TEST(*asks(2, "n") == s.now + 2 * ms);
            BOOST_TEST(!asks(1, "n").has_value());
            BOOST_TEST(!asks(2, "other").has_value());
            s.now += 2 * ms; // over, though nobody has looked yet
            BOOST_TEST(!asks(2, "n").has_value());
        }
    }
}

BOOST_FIXTURE_TEST_CASE(reads_of_the_holder_are_protected_from_then_on, script)
{
    ask(1, 7, {"a"});
    ask(2, 8, {"z"});
    step();
    BOOST_TEST(!waits(3, {"b"}));
    const keys more{"b"};
    machine.reads(2, 8, "n", more);     // has no turn yet
    machine.reads(1, 8, "n", more);     // is none of its tickets
    machine.reads(1, 7, "other", more); // not there
    BOOST_TEST(!waits(3, {"b"}));
    machine.reads(1, 7, "n", more);
    BOOST_TEST(waits(3, {"b"}));
    BOOST_TEST(waits(3, {"a"}));
    BOOST_TEST(!waits(3, {"c"}));
    machine.reads_everything(1, 7, "n");
    BOOST_TEST(waits(3, {"c"}));
    machine.reads(1, 7, "n", more);
    BOOST_TEST(waits(3, {"c"}));
    machine.committed(1, 7);
    BOOST_TEST(step() == "2:8");
    BOOST_TEST(!waits(3, {"b"}));
    BOOST_TEST(waits(3, {"z"}));
}

BOOST_FIXTURE_TEST_CASE(turns_come_in_the_order_of_the_tickets, script)
{
    for (seat who = 1; who != 6; ++who)
        ask(who, 1, {"a"});
    ask(1, 2, {"a"}); // each atomic function of a connection has a ticket of its own
    BOOST_TEST(step() == "1:1");
    machine.committed(2, 1); // not its turn
    machine.committed(1, 2);
    BOOST_TEST(step() == "");
    for (seat who = 1; who != 5; ++who) {
        machine.committed(who, 1);
        BOOST_TEST(step() == std::to_string(who + 1) + ":1");
    }
    machine.committed(5, 1);
    BOOST_TEST(step() == "1:2");
    machine.committed(1, 2);
    BOOST_TEST(step() == "");
    BOOST_TEST(machine.idle());
    BOOST_TEST(!machine.held());
}

BOOST_FIXTURE_TEST_CASE(turns_of_different_namespaces_do_not_wait_for_each_other, script)
{
    ask(1, 1, {"a"}, 0, "n");
    ask(2, 1, {"a"}, 0, "m");
    ask(3, 1, {"a"}, 0, "n");
    const auto begun = step();
    BOOST_TEST((begun == "1:1 2:1" || begun == "2:1 1:1"));
    BOOST_TEST(waits(4, {"a"}, "n"));
    BOOST_TEST(waits(4, {"a"}, "m"));
    machine.committed(2, 1);
    BOOST_TEST(step() == "");
    BOOST_TEST(machine.held());
    BOOST_TEST(!waits(4, {"a"}, "m"));
    BOOST_TEST(waits(4, {"a"}, "n"));
}

BOOST_FIXTURE_TEST_CASE(ask_refuses_a_number_that_is_in_use, script)
{
    ask(1, 7, {"a"});
    BOOST_TEST((ask(1, 7, {"b"}) == turns::answer::known_already));
    step();
    BOOST_TEST((ask(1, 7, {"b"}, 0, "m") == turns::answer::known_already));
    BOOST_TEST((ask(2, 7, {"b"}) == turns::answer::queued)); // another connection's
    machine.committed(1, 7);
    BOOST_TEST((ask(1, 7, {"b"}) == turns::answer::queued));
}

/// However the turn ends, those who waited go on, in their order, and then the next one begins.
BOOST_AUTO_TEST_CASE(end_of_a_turn_resumes_who_waited_and_begins_the_next)
{
    struct row {
        const char* name;
        std::function<void(script&)> end;
        turns::time later;
    };
    const row rows[] = {
        {"committed", [](script& s) { s.machine.committed(1, 1); }, 0},
        {"given up", [](script& s) { s.machine.give_up(1, 1); }, 0},
        {"disconnected", [](script& s) { s.machine.leave(1); }, 0},
        {"expired", [](script&) {}, 2 * ms},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.ask(1, 1, {"a"});
            s.ask(2, 2, {"a"});
            BOOST_TEST(s.step() == "1:1");
            for (const seat who : {5u, 4u, 6u, 4u}) {
                BOOST_TEST(s.waits(who, {"a"}));
                s.machine.park(who, "n");
            }
            s.now += 2 * ms - 1;
            BOOST_TEST(s.step() == "");
            s.now -= 2 * ms - 1;
            row.end(s);
            BOOST_TEST(s.after(row.later) == "5 4 6 2:2");
            BOOST_TEST(!s.machine.find(1, 1));
            BOOST_TEST(s.machine.find(2, 2));
            s.machine.committed(2, 2);
            BOOST_TEST(s.step() == "");
            BOOST_TEST(s.machine.idle());
        }
    }
}

BOOST_FIXTURE_TEST_CASE(resumed_ones_may_change_things_before_the_next_turn, script)
{
    ask(1, 1, {"a"});
    ask(2, 2, {"a"});
    step();
    machine.park(5, "n");
    machine.committed(1, 1);
    const auto first = machine.next(now);
    BOOST_TEST_REQUIRE(first.has_value());
    BOOST_TEST(first->where == 5u);
    BOOST_TEST(!machine.held());
    BOOST_TEST(!waits(5, {"a"}));
    BOOST_TEST(step() == "2:2");
    BOOST_TEST(waits(5, {"a"}));
}

BOOST_FIXTURE_TEST_CASE(give_up_takes_a_ticket_out_of_the_queue, script)
{
    ask(1, 1, {"a"});
    ask(2, 2, {"a"});
    ask(3, 3, {"a"});
    step();
    const auto waiting = machine.give_up(2, 2);
    BOOST_TEST_REQUIRE(waiting.has_value());
    BOOST_TEST(waiting->correlation == 2u);
    BOOST_TEST(!machine.give_up(2, 2).has_value());
    BOOST_TEST(!machine.give_up(1, 1).has_value()); // had its turn: nobody waits for an answer
    BOOST_TEST(step() == "3:3");
    ask(1, 1, {"a"});
    machine.committed(3, 3);
    BOOST_TEST(step() == "1:1"); // no penalty
}

BOOST_FIXTURE_TEST_CASE(give_up_of_the_last_ticket_leaves_nothing, script)
{
    ask(1, 1, {"a"});
    BOOST_TEST(machine.give_up(1, 1).has_value());
    BOOST_TEST(machine.idle());
    BOOST_TEST(step() == "");
    BOOST_TEST(machine.next_deadline() == turns::never);
}

BOOST_AUTO_TEST_CASE(leave_takes_everything_of_a_seat_with_it)
{
    struct row {
        const char* name;
        std::function<void(script&)> before;
        const char* then;
    };
    const row rows[] = {
        {"a ticket", [](script& s) { s.ask(1, 1, {"a"}), s.ask(2, 1, {"a"}); }, "2:1"},
        {"many tickets",
         [](script& s) {
             for (std::uint64_t id = 1; id != 9; ++id)
                 s.ask(1, id, {"a"}, 0, id % 2 == 0 ? "n" : "m");
             s.ask(2, 1, {"a"});
         },
         "2:1"},
        {"a turn", [](script& s) { s.ask(1, 1, {"a"}), s.step(), s.ask(2, 1, {"a"}); }, "2:1"},
        {"a turn and tickets",
         [](script& s) {
             s.ask(1, 1, {"a"}), s.ask(1, 2, {"a"}), s.step();
             s.ask(1, 3, {"a"}), s.ask(2, 1, {"a"});
         },
         "2:1"},
        {"its waiting",
         [](script& s) {
             s.ask(2, 1, {"a"}), s.step(), s.machine.park(1, "n");
             s.machine.park(3, "n"), s.machine.committed(2, 1);
         },
         "3"},
        {"its waiting while the turn goes on",
         [](script& s) { s.ask(2, 1, {"a"}), s.step(), s.machine.park(1, "n"); }, ""},
        {"nothing", [](script&) {}, ""},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            row.before(s);
            s.machine.leave(1);
            BOOST_TEST(s.step() == row.then);
            s.machine.leave(2);
            BOOST_TEST(s.step() == "");
            BOOST_TEST(s.machine.idle());
            BOOST_TEST(!s.machine.held());
            // The seat is somebody else's now: nothing is left over.
            s.ask(1, 1, {"a"});
            BOOST_TEST(s.step() == "1:1");
        }
    }
}

BOOST_FIXTURE_TEST_CASE(holder_of_any_turn_waits_for_nobody, script)
{
    ask(1, 1, {"a"}, 0, "n");
    step();
    BOOST_TEST(waits(2, {"a"}, "n"));
    machine.park(2, "n");
    // Its commit may lie behind what waits: were it to go on waiting, both leases would pass.
    ask(2, 1, {"b"}, 0, "m");
    BOOST_TEST(step() == "2:1");
    BOOST_TEST(!waits(2, {"a"}, "n"));
    BOOST_TEST(waits(3, {"a"}, "n"));
    machine.committed(1, 1);
    BOOST_TEST(step() == ""); // it is not parked any more
    machine.committed(2, 1);
    ask(1, 2, {"a"});
    step();
    BOOST_TEST(waits(2, {"a"}, "n"));
}

BOOST_AUTO_TEST_SUITE_END()
