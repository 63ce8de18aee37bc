#include "unit/client/multiplexer_fixture.hpp"

#include <limits>

using namespace multiplexer_test;

BOOST_AUTO_TEST_SUITE(multiplexer_suite)

BOOST_FIXTURE_TEST_CASE(write_holds_mutations_back_while_a_turn_lasts, fixture)
{
    add("a", true);
    BOOST_TEST(write() == "a");
    mux.hold_back(7, 50);
    add("r");
    add("b", true);
    add("s");
    BOOST_TEST(write() == "r"); // what is behind the mutation waits with it: order is kept
    now = 49;
    BOOST_TEST(write() == "");
    mux.let_go(8); // another's
    BOOST_TEST(write() == "");
    mux.let_go(7);
    BOOST_TEST(write() == "bs");
}

BOOST_FIXTURE_TEST_CASE(write_goes_on_when_the_lease_is_over, fixture)
{
    mux.hold_back(7, 50);
    mux.hold_back(8, 60); // in another namespace
    add("b", true);
    BOOST_TEST(mux.next_deadline() == 60);
    now = 50;
    BOOST_TEST(write() == "");
    BOOST_TEST(mux.expire(55).empty());
    now = 60;
    BOOST_TEST(mux.expire(60).empty());
    BOOST_TEST(mux.next_deadline() == 100); // that of the call
    BOOST_TEST(write() == "b");
}

BOOST_FIXTURE_TEST_CASE(next_deadline_is_none_when_nothing_is_held_back, fixture)
{
    mux.hold_back(7, 50);
    BOOST_TEST(mux.next_deadline() == std::numeric_limits<std::int64_t>::max());
}

BOOST_FIXTURE_TEST_CASE(write_lets_urgent_calls_pass_what_is_held_back, fixture)
{
    add("a", true);
    add("r");
    mux.hold_back(7, 50);
    add_urgent("x", false);
    add_urgent("c", true);
    BOOST_TEST(mux.anything_to_write());
    BOOST_TEST(write() == "xc");
    BOOST_TEST(mux.anything_to_write());
    answer("c");
    mux.let_go(7);
    BOOST_TEST(write() == "ar");
    // Numbers follow the order of writing: for a server, what has a smaller one came before.
    BOOST_TEST(number("c") == 1u);
    BOOST_TEST(number("a") == 2u);
}

BOOST_FIXTURE_TEST_CASE(write_holds_urgent_mutations_back_behind_a_fence_and_the_window, fixture)
{
    add_fence("w");
    write();
    add_urgent("x", false);
    add_urgent("c", true);
    add_urgent("y", false);
    BOOST_TEST(write() == "x");
    answer("w");
    BOOST_TEST(write() == "cy");
    answer("c");
    for (int i = 0; i != 8192; ++i)
        add(std::to_string(i), true);
    write();
    add_urgent("d", true);
    BOOST_TEST(write() == "");
    answer("0");
    BOOST_TEST(write() == "d");
}

BOOST_FIXTURE_TEST_CASE(disconnected_writes_again_in_the_order_of_writing, fixture)
{
    add("a", true);
    add("r");
    mux.hold_back(7, 50);
    add_urgent("c", true);
    write();
    add_urgent("d", true);
    mux.disconnected(); // and nothing is held back any more
    BOOST_TEST(write() == "card");
    BOOST_TEST(number("c") == 1u);
    BOOST_TEST(number("a") == 2u);
    BOOST_TEST(number("d") == 3u);
    mux.disconnected();
    BOOST_TEST(write() == "card");
    BOOST_TEST(number("a") == 2u);
}

BOOST_FIXTURE_TEST_CASE(session_lost_keeps_what_was_held_back, fixture)
{
    add("a", true);
    mux.hold_back(7, 50);
    add_urgent("c", true);
    write();
    mux.disconnected();
    const auto lost = mux.session_lost();
    BOOST_REQUIRE(lost.size() == 1u);
    lost.front()->done(errc::outcome_unknown, {});
    BOOST_TEST(log.contains("c"));
    BOOST_TEST(write() == "a");
    BOOST_TEST(mux.acknowledged() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
