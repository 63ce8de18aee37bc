#include "unit/client/multiplexer_fixture.hpp"

using namespace multiplexer_test;

BOOST_AUTO_TEST_SUITE(multiplexer_suite)

BOOST_FIXTURE_TEST_CASE(write_appends_all_queued_calls_in_order, fixture)
{
    add("a");
    add("b");
    BOOST_TEST(mux.anything_to_write());
    BOOST_TEST(write() == "ab");
    BOOST_TEST(!mux.anything_to_write());
    BOOST_TEST(write() == "");
    BOOST_TEST(mux.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(reply_finds_its_call_in_any_order, fixture)
{
    add("a");
    add("b");
    write();
    BOOST_TEST(answer("b"));
    BOOST_TEST(answer("a"));
    BOOST_TEST(mux.empty());
    BOOST_TEST(log.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(reply_finds_nothing_for_one_that_came_already, fixture)
{
    add("a");
    write();
    BOOST_TEST(answer("a"));
    BOOST_TEST(!answer("a"));
    add("b"); // takes the slot of a, under another generation
    write();
    BOOST_TEST(!answer("a"));
    BOOST_TEST(correlations["a"] != correlations["b"]);
}

BOOST_FIXTURE_TEST_CASE(reply_finds_nothing_for_what_was_never_written, fixture)
{
    add("a");
    BOOST_TEST(!mux.reply(0));
    BOOST_TEST(!mux.reply(12345));
    BOOST_TEST(write() == "a");
}

BOOST_FIXTURE_TEST_CASE(abandon_takes_back_a_queued_call, fixture)
{
    const auto t = add("a");
    add("b");
    BOOST_TEST((mux.of(t) == standing::queued));
    BOOST_TEST(mux.abandon(t) != nullptr);
    BOOST_TEST((mux.of(t) == standing::unknown));
    BOOST_TEST(write() == "b");
}

BOOST_FIXTURE_TEST_CASE(abandon_drops_the_late_reply_of_a_written_call, fixture)
{
    const auto t = add("a");
    write();
    BOOST_TEST((mux.of(t) == standing::written));
    BOOST_TEST(mux.abandon(t) != nullptr);
    BOOST_TEST(mux.empty());
    add("b");
    write();
    BOOST_TEST(!answer("a"));
    BOOST_TEST(answer("b"));
}

BOOST_FIXTURE_TEST_CASE(abandon_finds_nothing_twice, fixture)
{
    const auto t = add("a");
    mux.abandon(t);
    BOOST_TEST(mux.abandon(t) == nullptr);
    BOOST_TEST(mux.abandon(0) == nullptr);
    add("b");
    BOOST_TEST(mux.abandon(t) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(disconnected_writes_everything_again_in_order_with_the_same_numbers,
                        fixture)
{
    add("a", true);
    add("b");
    write();
    add("c", true);
    mux.disconnected();
    BOOST_TEST(write() == "abc");
    BOOST_REQUIRE(stamps["a"].size() == 2u);
    BOOST_TEST(stamps["a"][0].number == stamps["a"][1].number);
    BOOST_TEST(stamps["c"][0].number == 2u);
}

BOOST_FIXTURE_TEST_CASE(disconnected_forgets_what_was_abandoned, fixture)
{
    const auto t = add("a");
    add("b");
    write();
    mux.abandon(t);
    mux.disconnected();
    BOOST_TEST(write() == "b");
}

BOOST_FIXTURE_TEST_CASE(session_lost_gives_back_only_mutations_that_may_have_happened, fixture)
{
    add("written mutation", true);
    add("written read");
    write();
    add("queued mutation", true);
    mux.disconnected();
    const auto lost = mux.session_lost();
    BOOST_REQUIRE(lost.size() == 1u);
    lost.front()->done(errc::outcome_unknown, {});
    BOOST_TEST(log.contains("written mutation"));
    BOOST_TEST(write() == "written readqueued mutation");
}

BOOST_FIXTURE_TEST_CASE(acknowledged_is_below_the_oldest_mutation_still_waited_for, fixture)
{
    add("a", true);
    add("b", true);
    add("r");
    add("c", true);
    write();
    BOOST_TEST(mux.acknowledged() == 0u);
    answer("b");
    BOOST_TEST(mux.acknowledged() == 0u);
    answer("a");
    BOOST_TEST(mux.acknowledged() == 2u);
    answer("r");
    BOOST_TEST(mux.acknowledged() == 2u);
    add("d", true);
    write();
    BOOST_TEST(stamps["d"].back().number == 4u);
    BOOST_TEST(stamps["d"].back().acknowledged == 2u);
    answer("c");
    answer("d");
    BOOST_TEST(mux.acknowledged() == 4u);
}

BOOST_FIXTURE_TEST_CASE(postpone_gives_time_to_what_is_written_and_patient, fixture)
{
    add_patient("turn", 10);
    add("read", false, 10);
    BOOST_TEST(!mux.postpone(10, 20)); // nobody has it yet
    write();
    BOOST_TEST(!mux.postpone(9, 20));
    BOOST_TEST(mux.postpone(10, 20));
    BOOST_TEST(mux.expire(10).size() == 1u); // the other one
    BOOST_TEST(mux.next_deadline() == 20);
    BOOST_TEST(mux.expire(19).empty());
    BOOST_TEST(mux.expire(20).size() == 1u);
    BOOST_TEST(!mux.postpone(20, 30));
}

BOOST_FIXTURE_TEST_CASE(expire_takes_what_is_due_and_says_whether_it_was_written, fixture)
{
    add("old", true, 10);
    write();
    add("older", false, 5);
    add("young", false, 50);
    BOOST_TEST(mux.next_deadline() == 5);
    const auto late = mux.expire(10);
    BOOST_REQUIRE(late.size() == 2u);
    BOOST_TEST(late[0].written);
    BOOST_TEST(!late[1].written);
    BOOST_TEST(mux.next_deadline() == 50);
    BOOST_TEST(write() == "young");
}

BOOST_FIXTURE_TEST_CASE(drain_takes_everything, fixture)
{
    add("a");
    write();
    add("b", true);
    BOOST_TEST(mux.drain().size() == 2u);
    BOOST_TEST(mux.empty());
    mux.disconnected();
    BOOST_TEST(write() == "");
}

BOOST_FIXTURE_TEST_CASE(add_reuses_slots_of_many_calls, fixture)
{
    for (int round = 0; round != 1000; ++round) {
        const auto name = std::to_string(round);
        add(name, round % 2 == 0);
        write();
        BOOST_REQUIRE(answer(name));
        // Correlations carry a slot in their low 20 bits: one slot serves them all.
        BOOST_REQUIRE((correlations[name] & 0xfffff) == 0u);
    }
    BOOST_TEST(mux.acknowledged() == 500u);
}

BOOST_FIXTURE_TEST_CASE(write_holds_mutations_back_until_a_fence_before_them_is_answered, fixture)
{
    add("a", true);
    add_fence("w");
    add("r");
    add("b", true);
    add("s");
    BOOST_TEST(write() == "awr"); // what is behind the mutation waits with it: order is kept
    BOOST_TEST(write() == "");
    mux.disconnected();
    BOOST_TEST(write() == "awr");
    BOOST_TEST(answer("w"));
    BOOST_TEST(write() == "bs");
}

BOOST_FIXTURE_TEST_CASE(write_goes_on_when_a_fence_is_abandoned, fixture)
{
    const auto t = add_fence("w");
    add("b", true);
    BOOST_TEST(write() == "w");
    mux.abandon(t);
    BOOST_TEST(write() == "b");
}

BOOST_FIXTURE_TEST_CASE(abandon_of_a_mutation_never_written_uses_no_number, fixture)
{
    mux.abandon(add("a", true));
    add("b", true);
    BOOST_TEST(write() == "b");
    BOOST_TEST(number("b") == 1u);
}

BOOST_FIXTURE_TEST_CASE(write_takes_out_what_is_too_large_and_goes_on, fixture)
{
    largest = 4;
    add("a", true);
    add(std::string(17, 'x'), true);
    add("b", true);
    BOOST_TEST(write() == "ab");
    BOOST_TEST((log[std::string(17, 'x')] == errc::too_large));
    answer("a");
    answer("b");
    BOOST_TEST(mux.acknowledged() == 3u);
}

BOOST_FIXTURE_TEST_CASE(write_keeps_a_window_of_mutations, fixture)
{
    for (int i = 0; i != 8200; ++i)
        add(std::to_string(i), true);
    write();
    BOOST_TEST(stamps["8191"].size() == 1u);
    BOOST_TEST(stamps["8192"].empty());
    answer("0");
    write();
    BOOST_TEST(stamps["8192"].size() == 1u);
    BOOST_TEST(stamps["8193"].empty());
}

BOOST_AUTO_TEST_SUITE_END()
