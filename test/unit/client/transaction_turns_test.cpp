#include "unit/client/transaction_fixture.hpp"

using namespace transaction_test;

BOOST_AUTO_TEST_SUITE(transaction_fsm_suite)

BOOST_FIXTURE_TEST_CASE(third_conflict_asks_for_a_turn_with_what_was_read, script)
{
    put("k", 1);
    fail_thrice(increment, 700'000);
    const auto asked_for = asks<protocol::turn_request>();
    BOOST_TEST(asked_for.id == 100u);
    BOOST_TEST(asked_for.name_space == "n");
    BOOST_TEST((asked_for.keys == std::vector<std::string_view>{"k"}));
    BOOST_TEST(!asked_for.scanned);
    BOOST_TEST(asked_for.round_trip == 700'000u);
}

BOOST_FIXTURE_TEST_CASE(longest_attempt_counts_but_not_the_one_that_found_the_keys, script)
{
    run(increment);
    now += 90'000'000;
    read();
    now += 90'000'000;
    run(increment);
    for (const std::int64_t attempt : {3'000'000, 8'000'000}) {
        conflict();
        now += attempt;
        run(increment);
    }
    conflict();
    BOOST_TEST(asks<protocol::turn_request>().round_trip == 8'000'000u);
}

BOOST_FIXTURE_TEST_CASE(turn_brings_the_present_and_ends_with_the_commit, script)
{
    put("k", 1);
    fail_thrice(increment);
    put("k", 7);
    BOOST_TEST((grant() == action::run));
    BOOST_TEST(machine.turn() == 100u);
    BOOST_TEST(machine.turn_until() == now + 2'000'000);
    BOOST_TEST((run(increment) == action::ask));
    const auto asked_for = asks<protocol::commit_request>();
    BOOST_TEST(asked_for.turn == 100u);
    BOOST_TEST(asked_for.reads[0].modified == 2u);
    BOOST_TEST((commit() == action::finish));
    BOOST_TEST(machine.turn() == 0u);
    BOOST_TEST(machine.ticket() == 0u); // nothing is to be given up
}

BOOST_FIXTURE_TEST_CASE(turn_of_a_scan_brings_everything, script)
{
    put("a", 1);
    put("b", 2);
    const auto f = [](draft& d) { d["sum"] = sum(d); };
    run(f);
    snapshot();
    for (int i = 0; i != 2; ++i) {
        run(f);
        conflict(true);
        snapshot();
    }
    run(f);
    BOOST_TEST((conflict(true) == action::ask));
    BOOST_TEST(asks<protocol::turn_request>().scanned);
    BOOST_TEST((grant() == action::run));
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(asks<protocol::commit_request>().scanned.value() == 2u);
    BOOST_TEST((commit() == action::finish));
}

BOOST_FIXTURE_TEST_CASE(reads_within_a_turn_name_it, script)
{
    put("k", 1);
    bool more = false;
    bool all = false;
    const auto f = [&](draft& d) {
        increment(d);
        if (more)
            d["k"] += d["other"].get<int>();
        if (all)
            d["k"] += sum(d);
    };
    fail_thrice(f);
    put("other", 5);
    grant();
    more = true;
    run(f);
    BOOST_TEST((read(100) == texts{"other"}));
    all = true;
    run(f);
    snapshot(100);
    run(f);
    BOOST_TEST(asks<protocol::commit_request>().turn == 100u);
}

BOOST_FIXTURE_TEST_CASE(conflict_within_the_lease_goes_on_with_the_turn, script)
{
    put("k", 1);
    fail_thrice(increment);
    grant();
    run(increment);
    now += 1'999'999;
    BOOST_TEST((conflict() == action::run)); // with what its own session did
    BOOST_TEST(machine.turn() == 100u);
    run(increment);
    BOOST_TEST(asks<protocol::commit_request>().turn == 100u);
    BOOST_TEST((commit() == action::finish));
}

BOOST_FIXTURE_TEST_CASE(conflict_after_the_lease_asks_for_another_turn_and_a_longer_one, script)
{
    put("k", 1);
    fail_thrice(increment, 1'000'000);
    grant();
    run(increment);
    now += 5'000'000;
    BOOST_TEST((conflict() == action::ask));
    BOOST_TEST(machine.turn() == 0u);
    const auto asked_for = asks<protocol::turn_request>();
    BOOST_TEST(asked_for.id == 101u); // the server may still have the other
    BOOST_TEST(asked_for.round_trip == 5'000'000u);
    grant(10'000'000);
    BOOST_TEST(machine.turn() == 101u);
    run(increment);
    BOOST_TEST(asks<protocol::commit_request>().turn == 101u);
}

BOOST_FIXTURE_TEST_CASE(turn_that_was_over_before_its_reply_is_asked_for_again, script)
{
    put("k", 1);
    fail_thrice(increment);
    BOOST_TEST((grant(0) == action::ask));
    BOOST_TEST(machine.turn() == 0u);
    BOOST_TEST(asks<protocol::turn_request>().id == 101u);
    BOOST_TEST((grant() == action::run));
}

BOOST_AUTO_TEST_CASE(function_within_a_turn_always_ends_it_with_a_commit)
{
    struct row {
        const char* name;
        function f;
    };
    const row rows[] = {
        {"only reads", [](draft& d) { static_cast<void>(d.contains("k")); }},
        {"reads nothing any more", [](draft&) {}},
        {"throws",
         [](draft& d) {
             increment(d);
             throw std::runtime_error("x");
         }},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.put("k", 1);
            s.fail_thrice(increment);
            s.grant();
            BOOST_TEST((s.run(row.f) == action::ask));
            const auto asked_for = s.asks<protocol::commit_request>();
            BOOST_TEST(asked_for.turn == 100u);
            BOOST_TEST(asked_for.writes.empty());
            BOOST_TEST((s.commit() == action::finish));
            BOOST_TEST(!s.machine.error().failed());
            BOOST_TEST(s.machine.ticket() == 0u);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(turn_is_taken_in_place_of_the_first_fetch_where_it_is_expected, script)
{
    put("k", 1);
    BOOST_TEST((run(increment) == action::ask));
    BOOST_TEST(machine.asks_first());
    machine.begin_with_turn();
    BOOST_TEST(!machine.asks_first());
    BOOST_TEST(machine.asks_turn());
    const auto asked_for = asks<protocol::turn_request>();
    BOOST_TEST(asked_for.id == 100u);
    BOOST_TEST((asked_for.keys == std::vector<std::string_view>{"k"}));
    BOOST_TEST(!asked_for.scanned);
    BOOST_TEST(asked_for.round_trip == 0u);
    BOOST_TEST((grant() == action::run));
    BOOST_TEST((run(increment) == action::ask));
    BOOST_TEST(asks<protocol::commit_request>().turn == 100u);
    now += 900'000;
    BOOST_TEST((commit() == action::finish));
    BOOST_TEST(machine.ticket() == 0u);
    BOOST_TEST(machine.took() == 900'000);
}

BOOST_FIXTURE_TEST_CASE(turn_in_place_of_the_first_fetch_brings_everything_after_a_scan, script)
{
    put("a", 1);
    const auto f = [](draft& d) { d["sum"] = sum(d); };
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(machine.asks_first());
    machine.begin_with_turn();
    BOOST_TEST(asks<protocol::turn_request>().scanned);
    BOOST_TEST((grant() == action::run));
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(asks<protocol::commit_request>().scanned.value() == 1u);
}

BOOST_FIXTURE_TEST_CASE(only_the_first_fetch_may_be_a_turn, script)
{
    put("k", 1);
    const auto f = [](draft& d) { d["sum"] = d["k"].get<int>() + d["l"].is_null(); };
    run(f);
    read();
    BOOST_TEST(!machine.asks_first());
    run(f);
    BOOST_TEST(!machine.asks_first()); // something was fetched
    read();
    run(f);
    BOOST_TEST(!machine.asks_first()); // a commit
    put("k", 2);
    conflict();
    run(f);
    BOOST_TEST(!machine.asks_first());
    script blind;
    blind.run(add_one);
    BOOST_TEST(!blind.machine.asks_first());
}

BOOST_AUTO_TEST_CASE(lesson_of_a_function_is_as_its_row_says)
{
    using lesson = client::contention::lesson;
    const function look = [](draft& d) { static_cast<void>(d.contains("k")); };
    const auto begin = [](const function& f, bool crowded) {
        return [f, crowded](script& s) {
            s.run(f);
            s.machine.begin_with_turn();
            s.grant(2'000'000, crowded);
            s.run(f);
        };
    };
    struct row {
        const char* name;
        std::function<void(script&)> until_commit;
        lesson expected;
    };
    const row rows[] = {
        {"without a turn", [](script& s) { s.run(increment), s.read(), s.run(increment); },
         lesson::none},
        {"after conflicts",
         [](script& s) { s.fail_thrice(increment), s.grant(), s.run(increment); }, lesson::fought},
        {"began with a turn", begin(increment, false), lesson::alone},
        {"and others wanted one", begin(increment, true), lesson::crowded},
        {"and changed nothing", begin(look, true), lesson::only_read},
        {"and the first of two was crowded",
         [&](script& s) {
             begin(increment, true)(s);
             s.now += 5'000'000;
             s.conflict();
             s.grant();
             s.run(increment);
         },
         lesson::crowded},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.put("k", 1);
            row.until_commit(s);
            BOOST_TEST((s.machine.lesson() == lesson::none));
            BOOST_TEST(s.machine.asks_commit());
            BOOST_TEST((s.commit() == action::finish));
            BOOST_TEST((s.machine.lesson() == row.expected));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
