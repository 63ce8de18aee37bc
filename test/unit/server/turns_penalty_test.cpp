#include "unit/server/turns_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>

using namespace turns_test;

BOOST_AUTO_TEST_SUITE(server_turns)

BOOST_FIXTURE_TEST_CASE(expired_session_is_passed_over_for_longer_each_time, script)
{
    // Its lease is 4 ms: then it is not eligible for 8, 16, 32 … ms.
    for (const turns::time pause : {8, 16, 32, 64, 128}) {
        ask(1, 1, {"a"}, 2 * ms);
        BOOST_TEST(step() == "1:1");
        BOOST_TEST(after(4 * ms) == "");
        BOOST_TEST(!machine.find(1, 1));
        ask(1, 2, {"a"}, 2 * ms);
        ask(2, 1, {"a"});
        BOOST_TEST(step() == "2:1"); // the younger, but eligible
        machine.committed(2, 1);
        BOOST_TEST(step() == "");
        BOOST_TEST(machine.next_deadline() == now + pause * ms);
        BOOST_TEST(after(pause * ms - 1) == "");
        BOOST_TEST(after(1) == "1:2");
        machine.give_up(1, 2); // neither good nor bad
    }
}

BOOST_FIXTURE_TEST_CASE(penalty_has_a_limit_and_is_of_the_session_wherever_it_sits, script)
{
    for (int i = 0; i != 20; ++i) {
        ask(1, 1, {"a"}, 125 * ms);
        after(machine.next_deadline() - now);
        BOOST_TEST_REQUIRE(machine.find(1, 1));
        after(250 * ms);
    }
    const auto from = now;
    machine.leave(1);
    machine.ask({9, 101, 1, 1}, "n", keys{"a"}, false, 0); // the same session, resumed
    BOOST_TEST(step() == "");
    BOOST_TEST(machine.next_deadline() == from + turns::longest_penalty);
    ask(1, 1, {"a"}, 0, "m"); // a namespace of its own changes nothing
    BOOST_TEST(step() == "");
    BOOST_TEST((after(turns::longest_penalty) == "9:1 1:1" || machine.find(9, 1)));
}

BOOST_FIXTURE_TEST_CASE(penalty_is_forgotten_after_a_success, script)
{
    for (int i = 0; i != 3; ++i) {
        ask(1, 1, {"a"});
        after(machine.next_deadline() - now);
        after(2 * ms);
    }
    ask(1, 1, {"a"});
    BOOST_TEST(after(16 * ms) == "1:1");
    ask(1, 2, {"a"}, 0, "m"); // eligible at once again, also elsewhere
    machine.committed(1, 1);
    BOOST_TEST(step() == "1:2");
    BOOST_TEST(after(2 * ms) == "");
    ask(1, 3, {"a"});
    BOOST_TEST(machine.next_deadline() == now + 4 * ms); // as for a first offence
}

BOOST_FIXTURE_TEST_CASE(penalty_is_forgotten_after_a_long_time, script)
{
    for (int i = 0; i != 3; ++i) {
        ask(1, 1, {"a"});
        after(machine.next_deadline() - now);
        after(2 * ms);
    }
    after(16 * ms + turns::longest_penalty);
    ask(1, 1, {"a"});
    BOOST_TEST(step() == "1:1");
    after(2 * ms);
    ask(1, 2, {"a"});
    BOOST_TEST(machine.next_deadline() == now + 4 * ms);
}

BOOST_FIXTURE_TEST_CASE(late_commit_is_none_of_the_turn, script)
{
    ask(1, 1, {"a"});
    step();
    after(2 * ms);
    machine.committed(1, 1);
    machine.reads(1, 1, "n", keys{"b"});
    BOOST_TEST(!machine.give_up(1, 1));
    ask(1, 2, {"a"});
    BOOST_TEST(step() == ""); // the penalty stands
}

BOOST_FIXTURE_TEST_CASE(seat_pays_for_tickets_and_keys_up_to_a_limit, script)
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i != turns::most; ++i)
        names.push_back(std::to_string(i));
    const keys all(names.begin(), names.end());
    BOOST_TEST((ask(1, 1, all) == turns::answer::queued)); // one too many: everything it is
    step();
    BOOST_TEST(machine.find(1, 1)->reads.everything);
    BOOST_TEST(machine.find(1, 1)->reads.keys.empty());
    BOOST_TEST(waits(2, {"x"}));

    const keys fewer(names.begin(), names.end() - 2);
    BOOST_TEST((ask(1, 2, fewer, 0, "m") == turns::answer::queued));
    step();
    BOOST_TEST(!machine.find(1, 2)->reads.everything);
    BOOST_TEST((ask(1, 3, {"a"}, 0, "o") == turns::answer::too_many));
    BOOST_TEST((ask(2, 3, {"a"}, 0, "o") == turns::answer::queued)); // another's purse
    machine.reads(1, 2, "m", keys{"1", "2"});                        // known already: free
    BOOST_TEST(!machine.find(1, 2)->reads.everything);
    machine.reads(1, 2, "m", keys{"another"});
    BOOST_TEST(machine.find(1, 2)->reads.everything);

    for (std::uint64_t id = 10; id != turns::most + 8; ++id)
        BOOST_TEST_REQUIRE((ask(1, id, {}, 0, "p") == turns::answer::queued));
    BOOST_TEST((ask(1, 9, {}, 0, "p") == turns::answer::too_many));
    machine.committed(1, 1);
    machine.give_up(1, 10);
    BOOST_TEST((ask(1, 9, {"a"}, 0, "p") == turns::answer::queued));
    machine.leave(1);
    BOOST_TEST((ask(1, 1, fewer) == turns::answer::queued));
    step();
    BOOST_TEST(!machine.find(1, 1)->reads.everything);
}

BOOST_FIXTURE_TEST_CASE(seat_pays_for_long_keys_by_what_they_take, script)
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i != turns::most / 63 + 1; ++i) {
        names.emplace_back(4000, 'k');
        names.back() += std::to_string(i);
    }
    const keys all(names.begin(), names.end());
    const keys fewer(names.begin(), names.end() - 2);
    ask(1, 1, all);
    ask(2, 1, fewer, 0, "m");
    step();
    BOOST_TEST(machine.find(1, 1)->reads.everything);
    BOOST_TEST(!machine.find(2, 1)->reads.everything);
    machine.committed(2, 1); // what it took is given back
    ask(2, 2, fewer, 0, "m");
    step();
    BOOST_TEST(!machine.find(2, 2)->reads.everything);
}

/// What a seat has paid for is forgotten for all of its tickets at once, however many.
BOOST_FIXTURE_TEST_CASE(committed_forgives_a_crowd_of_tickets_at_once, script)
{
    ask(1, 1, {"a"});
    step();
    after(2 * ms); // its lease is over: it is not eligible for a while
    ask(1, 2, {"a"}, 0, "m");
    for (std::uint64_t id = 3; id != 30'000; ++id)
        ask(1, id, {}, 0, "n");
    BOOST_TEST(step() == "");
    const auto begun = after(4 * ms); // it has paid; of two namespaces either may be the first
    BOOST_TEST((begun == "1:2 1:3" || begun == "1:3 1:2"), begun);
    machine.committed(1, 3);
    BOOST_TEST(step() == "1:4");
}

/// Everything at random, against a list of what must hold after each step.
BOOST_AUTO_TEST_CASE(turns_hold_their_invariants_whatever_happens)
{
    std::mt19937 random(5);
    script s;
    std::map<std::pair<seat, std::uint64_t>, std::string> held;
    const auto forget_what_is_over = [&] {
        std::erase_if(
            held, [&](const auto& h) { return !s.machine.find(h.first.first, h.first.second); });
    };
    for (int i = 0; i != 100'000; ++i) {
        const auto who = static_cast<seat>(random() % 6);
        const std::uint64_t id = 1 + random() % 3;
        const std::string space(1, static_cast<char>('a' + random() % 3));
        switch (random() % 8) {
        case 0:
        case 1: s.ask(who, id, {"a"}, random() % (4 * ms), space); break;
        case 2: s.machine.committed(who, id); break;
        case 3:
            if (random() % 4 == 0)
                s.machine.give_up(who, id);
            break;
        case 4:
            if (random() % 16 == 0)
                s.machine.leave(who);
            break;
        case 5:
            if (s.waits(who, {"a"}, space))
                s.machine.park(who, space);
            break;
        case 6: s.now += random() % ms; break;
        default:
            while (const auto due = s.machine.next(s.now)) {
                forget_what_is_over();
                if (!due->begun)
                    continue;
                const auto* turn = s.machine.find(due->where, due->begun->id);
                BOOST_TEST_REQUIRE(turn);
                for (const auto& [name, where] : held)
                    BOOST_TEST_REQUIRE(where != turn->name_space);
                held[{due->where, due->begun->id}] = turn->name_space;
            }
        }
        forget_what_is_over();
        BOOST_TEST_REQUIRE(s.machine.held() == !held.empty());
        for (const auto& [name, where] : held) {
            const auto& deadline = s.machine.find(name.first, name.second)->deadline;
            BOOST_TEST_REQUIRE(s.machine.next_deadline() <= deadline);
        }
    }
    for (seat who = 0; who != 6; ++who)
        s.machine.leave(who);
    BOOST_TEST(s.machine.idle());
    BOOST_TEST(s.machine.next_deadline() == turns::never);
}

BOOST_AUTO_TEST_SUITE_END()
