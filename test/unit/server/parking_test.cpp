#include "unit/server/crowd_fixture.hpp"

#include <functional>

using namespace session_test;

namespace {

struct attempt {
    const char* name;
    std::function<void(peer&, mutation)> ask;
    bool waits;
};

/// Key "a" is there, and read by a holder.
const attempt mutations[] = {
    {"set", [](peer& p, mutation by) { p.ask(set_request{by, "n", "a", eight}); }, true},
    {"set of another key", [](peer& p, mutation by) { p.ask(set_request{by, "n", "b", eight}); },
     false},
    {"set elsewhere", [](peer& p, mutation by) { p.ask(set_request{by, "m", "a", eight}); }, false},
    {"erase", [](peer& p, mutation by) { p.ask(erase_request{by, "n", {"b", "a"}}); }, true},
    {"erase of another key", [](peer& p, mutation by) { p.ask(erase_request{by, "n", {"b"}}); },
     false},
    {"update",
     [](peer& p, mutation by) { p.ask(update_request{by, "n", {{"b", eight}, {"a", eight}}}); },
     true},
    {"update of other keys",
     [](peer& p, mutation by) { p.ask(update_request{by, "n", {{"b", eight}, {"c", eight}}}); },
     false},
    {"replace", [](peer& p, mutation by) { p.ask(replace_request{by, "n", {}}); }, true},
    {"clear", [](peer& p, mutation by) { p.ask(clear_request{by, "n"}); }, true},
    {"pop", [](peer& p, mutation by) { p.ask(pop_request{by, "n", "a"}); }, true},
    {"pop_item", [](peer& p, mutation by) { p.ask(pop_item_request{by, "n"}); }, true},
    {"set_default", [](peer& p, mutation by) { p.ask(set_default_request{by, "n", "a", eight}); },
     true},
    {"increment",
     [](peer& p, mutation by) {
         p.ask(increment_request{operation::increment, by, "n", "a", eight});
     },
     true},
    {"decrement",
     [](peer& p, mutation by) {
         p.ask(increment_request{operation::decrement, by, "n", "a", eight});
     },
     true},
    {"append of another key",
     [](peer& p, mutation by) { p.ask(append_request{by, "n", "c", eight}); }, false},
    {"compare_exchange",
     [](peer& p, mutation by) {
         p.ask(compare_exchange_request{by, "n", "a", bytes_view(seven), {}});
     },
     true},
    {"commit that writes it",
     [](peer& p, mutation by) {
         p.ask(commit_request{by, "n", {}, {}, {{"a", bytes_view(eight)}}, 0});
     },
     true},
    {"commit that adds to it",
     [](peer& p, mutation by) {
         p.ask(commit_request{by, "n", {}, {}, {{"b", {}}}, 0, {{"a", eight}}});
     },
     true},
    {"commit that adds to another key",
     [](peer& p, mutation by) {
         p.ask(commit_request{by, "n", {}, {{"a", 1}}, {}, 0, {{"b", eight}}});
     },
     false},
    {"commit that only reads it",
     [](peer& p, mutation by) {
         p.ask(commit_request{by, "n", {}, {{"a", 1}}, {{"b", bytes_view(eight)}}, 0});
     },
     false},
};

} // namespace

BOOST_AUTO_TEST_SUITE(server_parking)

BOOST_AUTO_TEST_CASE(mutation_waits_for_a_turn_that_has_read_what_it_touches)
{
    for (const auto& row : mutations) {
        BOOST_TEST_CONTEXT(row.name)
        {
            crowd f;
            f.set(1, "a");
            f.take_turn(1, 1, {"a"});
            auto& other = f.at(2);
            other.ask(get_request{"n", "a"});
            row.ask(other, f.by(2));
            other.ask(get_request{"n", "a"}); // in order, so it waits as well
            f.run();
            BOOST_TEST(other.answer<get_reply>().modified == 1u); // what was before it does not
            BOOST_TEST(other.machine.parked() == row.waits);
            if (row.waits) {
                BOOST_TEST(!other.machine.unhandled()); // no reason to be busy
                BOOST_TEST(other.silent());
                BOOST_TEST(f.shared.data->revision("n") == 1u);
                f.at(3).ask(get_request{"n", "a"});
                f.run();
                f.at(3).answer<get_reply>(); // reads wait for nobody
                BOOST_TEST(f.commit(1, 1, {{"a", 1}}));
                BOOST_TEST(!other.machine.parked());
            }
            other.next();
            other.answer<get_reply>();
            BOOST_TEST(other.silent()); // and each was done once
        }
    }
}

BOOST_AUTO_TEST_CASE(mutation_waits_for_any_key_after_a_scan)
{
    for (const auto& row : mutations) {
        BOOST_TEST_CONTEXT(row.name)
        {
            crowd f;
            f.set(1, "a");
            f.at(1).ask(turn_request{1, "n", {}, true, 0});
            f.run();
            f.at(1).answer<turn_reply>();
            row.ask(f.at(2), f.by(2));
            f.run();
            const bool elsewhere = row.name == std::string_view("set elsewhere");
            BOOST_TEST(f.at(2).machine.parked() == !elsewhere);
            f.after(2 * ms);
            f.at(2).next();
            BOOST_TEST(!f.at(2).machine.parked());
        }
    }
}

BOOST_FIXTURE_TEST_CASE(parked_session_goes_on_when_the_lease_is_over, crowd)
{
    take_turn(1, 1, {"a"});
    for (int i = 0; i != 3; ++i)
        at(2).ask(increment_request{operation::increment, by(2), "n", "a", seven});
    run();
    after(2 * ms - 1);
    BOOST_TEST(at(2).silent());
    after(1);
    for (std::uint64_t i = 1; i != 4; ++i)
        BOOST_TEST(at(2).answer<mutation_reply>().revision == i);
    BOOST_TEST(shared.turns.idle());
    // The holder comes too late: its commit is as good as any, and no better.
    BOOST_TEST(!commit(1, 1, {{"a", 0}}));
    BOOST_TEST(commit(1, 1, {{"a", 3}}));
}

BOOST_FIXTURE_TEST_CASE(parked_frame_survives_what_arrives_behind_it, crowd)
{
    take_turn(1, 1, {"a"});
    set_request large{by(2), "n", "a", {}};
    const auto text = pack(std::string(3000, 'x'));
    large.value = text;
    at(2).ask(large);
    run();
    for (int i = 0; i != 100; ++i) {
        at(2).ask(set_request{by(2), "n", "b", text});
        run();
        BOOST_TEST_REQUIRE(at(2).machine.parked());
    }
    BOOST_TEST(at(2).silent());
    BOOST_TEST(shared.data->revision("n") == 0u);
    after(2 * ms);
    for (std::uint64_t i = 1; i != 102; ++i)
        BOOST_TEST_REQUIRE(at(2).answer<mutation_reply>().revision == i);
    BOOST_TEST(at(2).silent());
    BOOST_TEST(unpack(*shared.data->get("n", "a").value) == value(std::string(3000, 'x')));
}

BOOST_FIXTURE_TEST_CASE(parked_session_that_disconnects_leaves_nothing_behind, crowd)
{
    take_turn(1, 1, {"a"});
    at(2).ask(set_request{by(2), "n", "a", seven});
    run();
    BOOST_TEST(at(2).machine.parked());
    disconnect(2);
    after(2 * ms);
    BOOST_TEST(shared.data->revision("n") == 0u);
    BOOST_TEST(shared.turns.idle());
}

BOOST_FIXTURE_TEST_CASE(parked_session_that_is_resumed_elsewhere_is_applied_once, crowd)
{
    take_turn(1, 1, {"a"});
    const auto set = set_request{by(2), "n", "a", seven};
    at(2).ask(set);
    run();
    peers[3] = std::make_unique<peer>(*this, 3);
    BOOST_TEST(at(3).greet(sessions[2]).resumed);
    at(3).ask(set);
    run();
    BOOST_TEST(at(3).machine.parked());
    after(2 * ms);
    BOOST_TEST(at(3).answer<mutation_reply>().revision == 1u);
    BOOST_TEST(at(2).silent());
    at(2).machine.resume(5);
    BOOST_TEST(at(2).machine.closing());
    BOOST_TEST(shared.data->revision("n") == 1u);
}

BOOST_FIXTURE_TEST_CASE(mutation_of_the_holders_own_session_does_not_wait, crowd)
{
    take_turn(1, 1, {"a"});
    at(1).ask(set_request{by(1), "n", "a", seven}); // sent before the turn had arrived
    run();
    BOOST_TEST(at(1).answer<mutation_reply>().revision == 1u);
    at(2).ask(set_request{by(2), "n", "a", seven});
    run();
    // The commit conflicts with it, and brings the present; the turn goes on.
    BOOST_TEST(!commit(1, 1, {{"a", 0}}));
    BOOST_TEST(at(2).machine.parked());
    BOOST_TEST(commit(1, 1, {{"a", 1}}));
    BOOST_TEST(at(2).answer<mutation_reply>().revision == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
