#include "unit/client/transaction_fixture.hpp"

using namespace transaction_test;

namespace {

/// As many keys as a fourth says.
void some_or_all(draft& d)
{
    const auto which = d["which"].get<int>();
    int all = 0;
    for (int i = 0; i < which; ++i)
        all += static_cast<int>(d["k" + std::to_string(i)].is_null());
    d["sum"] = which < 0 ? sum(d) : all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(transaction_fsm_suite)

BOOST_FIXTURE_TEST_CASE(function_is_run_again_with_each_key_it_touches_first, script)
{
    put("a", 1);
    put("b", 2);
    const auto f = [](draft& d) { d["c"] = d["a"].get<int>() + d["b"].get<int>(); };
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST((read() == texts{"a"}));
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST((read() == texts{"b"}));
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(machine.asks_commit());
    const auto asked_for = asks<protocol::commit_request>();
    BOOST_TEST(asked_for.by.number == 9u);
    BOOST_TEST(asked_for.by.handle == 3u);
    BOOST_TEST(asked_for.name_space == "n");
    BOOST_TEST(!asked_for.scanned.has_value());
    BOOST_REQUIRE(asked_for.reads.size() == 2u);
    BOOST_TEST(asked_for.reads[1].modified == 2u);
    BOOST_REQUIRE(asked_for.writes.size() == 1u);
    BOOST_TEST(asked_for.writes[0].key == "c");
    BOOST_TEST(asked_for.turn == 0u);
    BOOST_TEST((commit() == action::finish));
    BOOST_TEST(!machine.error().failed());
    BOOST_TEST(machine.ticket() == 0u);
}

BOOST_FIXTURE_TEST_CASE(function_that_only_reads_is_validated_unless_it_saw_one_revision, script)
{
    struct row {
        const char* name;
        function f;
        int fetches;
        bool commits;
    };
    const auto look = [](draft& d, const char* key) { static_cast<void>(d.contains(key)); };
    const row rows[] = {
        {"nothing", [](draft&) {}, 0, false},
        {"one key", [&](draft& d) { look(d, "a"); }, 1, false},
        {"two keys", [&](draft& d) { look(d, "a"), look(d, "b"); }, 2, true},
        {"everything", [&](draft& d) { sum(d); }, 1, false},
        {"one key, and throws", [&](draft& d) { look(d, "a"), throw std::runtime_error("x"); }, 1,
         false},
        {"two keys, and throws",
         [&](draft& d) { look(d, "a"), look(d, "b"), d["c"] = 1, throw std::runtime_error("x"); },
         2, true},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.put("a", 1);
            int fetches = 0;
            auto next = s.run(row.f);
            for (; next == action::ask && !s.machine.asks_commit(); ++fetches) {
                s.request.clear();
                s.machine.write(s.request, 5, {});
                if (s.request[protocol::operation_at] == std::byte{7})
                    s.snapshot();
                else
                    s.read();
                next = s.run(row.f);
            }
            BOOST_TEST(fetches == row.fetches);
            BOOST_TEST(s.machine.asks_commit() == row.commits);
            if (row.commits) {
                BOOST_TEST(s.asks<protocol::commit_request>().writes.empty());
                BOOST_TEST((s.commit() == action::finish));
            } else {
                BOOST_TEST((next == action::finish));
            }
            BOOST_TEST(!s.machine.error().failed());
        }
    }
}

BOOST_FIXTURE_TEST_CASE(addition_is_sent_at_once_and_read_where_it_cannot_be_made, script)
{
    const auto add = [](draft& d) {
        d["k"] += 2;
        d["other"] -= 1;
        d["w"] = 1;
    };
    BOOST_TEST((run(add) == action::ask));
    auto asked_for = asks<protocol::commit_request>();
    BOOST_TEST(asked_for.reads.empty());
    BOOST_TEST(asked_for.writes.size() == 1u);
    BOOST_TEST_REQUIRE(asked_for.additions.size() == 2u);
    BOOST_TEST(asked_for.additions[0].key == "k");
    BOOST_TEST(asked_for.additions[0].amount.size() == 1u);
    BOOST_TEST(asked_for.additions[1].key == "other");

    put("k", "a text");
    BOOST_TEST((conflict() == action::run)); // brings "k"
    BOOST_TEST((run(add) == action::finish));
    BOOST_TEST((failed == errc::type_mismatch));
}

BOOST_FIXTURE_TEST_CASE(addition_that_could_not_be_made_is_a_write_of_what_is_read, script)
{
    put("k", nullptr); // counts as 0 here, but not there
    BOOST_TEST((run(add_one) == action::ask));
    BOOST_TEST((conflict() == action::run));
    BOOST_TEST((run(add_one) == action::ask));
    const auto asked_for = asks<protocol::commit_request>();
    BOOST_TEST(asked_for.reads.size() == 1u);
    BOOST_TEST(asked_for.writes.size() == 1u);
    BOOST_TEST(asked_for.additions.empty());
    BOOST_TEST((commit() == action::finish));
}

/// What it throws might be because of what it has added to.
BOOST_FIXTURE_TEST_CASE(function_that_throws_after_an_addition_is_run_again_with_its_keys, script)
{
    put("a", 1);
    put("b", "a text");
    const auto f = [](draft& d) {
        d["a"] += 1;
        d["b"] += 1;
        throw std::runtime_error("x");
    };
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(threw);
    BOOST_TEST((read() == texts{"a", "b"}));
    BOOST_TEST((run(f) == action::finish));
    BOOST_TEST((failed == errc::type_mismatch));
    put("b", 2);
    script again;
    again.there = there;
    BOOST_TEST((again.run(f) == action::ask));
    again.read();
    BOOST_TEST((again.run(f) == action::finish));
    BOOST_TEST(again.threw);
    BOOST_TEST(!again.failed.failed());
}

BOOST_FIXTURE_TEST_CASE(conflict_gives_the_present_to_the_next_run, script)
{
    put("k", 1);
    run(increment);
    read();
    run(increment);
    put("k", 5);
    BOOST_TEST((conflict() == action::run));
    BOOST_TEST((run(increment) == action::ask));
    const auto asked_for = asks<protocol::commit_request>();
    BOOST_TEST(asked_for.reads[0].modified == 2u);
    value v;
    BOOST_TEST(!msgpack::decode(*asked_for.writes[0].value, v).failed());
    BOOST_TEST(v == value(6));
}

BOOST_FIXTURE_TEST_CASE(conflict_of_a_scan_asks_for_everything_again, script)
{
    put("a", 1);
    const auto f = [](draft& d) { d["sum"] = sum(d); };
    run(f);
    snapshot();
    run(f);
    BOOST_TEST(asks<protocol::commit_request>().scanned.value() == 1u);
    put("b", 2);
    BOOST_TEST((conflict(true) == action::ask));
    snapshot();
    run(f);
    BOOST_TEST(asks<protocol::commit_request>().scanned.value() == 2u);
    BOOST_TEST((commit() == action::finish));
}

BOOST_AUTO_TEST_CASE(failure_ends_it_and_names_the_ticket_to_be_given_up)
{
    struct row {
        const char* name;
        std::function<action(script&)> fail;
        error_code error;
        std::uint64_t ticket;
    };
    const auto answered = [](errc code) {
        return [code](script& s) { return s.machine.answered(code, {}, s.now); };
    };
    const protocol::buffer garbage{std::byte{0xc1}};
    const row rows[] = {
        {"a read fails",
         [&](script& s) { return s.run(increment), answered(errc::connection_lost)(s); },
         errc::connection_lost, 0},
        {"a commit fails",
         [&](script& s) {
             return s.run(increment), s.read(), s.run(increment), answered(errc::too_large)(s);
         },
         errc::too_large, 0},
        {"the ticket is refused",
         [&](script& s) { return s.fail_thrice(increment), answered(errc::too_busy)(s); },
         errc::too_busy, 100},
        {"a commit within the turn fails",
         [&](script& s) {
             return s.fail_thrice(increment), s.grant(), s.run(increment),
                    answered(errc::outcome_unknown)(s);
         },
         errc::outcome_unknown, 100},
        {"a value cannot be encoded within the turn",
         [&](script& s) {
             s.fail_thrice(increment), s.grant();
             return s.run([](draft& d) { d["k"] = std::string(2u << 20, 'x'); });
         },
         errc::too_large, 100},
        {"a read that is none",
         [&](script& s) { return s.run(increment), s.machine.answered({}, garbage, s.now); },
         errc::malformed_frame, 0},
        {"a conflict that is none",
         [&](script& s) {
             s.run(increment), s.read(), s.run(increment);
             return s.machine.answered(errc::conflict, garbage, s.now);
         },
         errc::malformed_frame, 0},
        {"a turn that is none",
         [&](script& s) {
             return s.fail_thrice(increment), s.machine.answered({}, garbage, s.now);
         },
         errc::malformed_frame, 100},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            script s;
            s.put("k", 1);
            BOOST_TEST((row.fail(s) == action::finish));
            BOOST_TEST(s.machine.error() == row.error);
            BOOST_TEST(s.machine.ticket() == row.ticket);
        }
    }
}

/// It looks at two keys of many, as a third says, and that changes all the time.
BOOST_FIXTURE_TEST_CASE(keys_of_the_attempt_before_are_fetched_together_with_a_missing_one, script)
{
    put("which", "a");
    const auto f = [](draft& d) {
        const auto name = d["which"].get<std::string>();
        d["sum"] = d[name + "1"].is_null() && d[name + "2"].is_null();
    };
    run(f);
    BOOST_TEST((read() == texts{"which"}));
    for (const char* key : {"a1", "a2"}) { // one by one: nobody knows what comes
        run(f);
        BOOST_TEST((read() == texts{key}));
    }
    run(f);
    put("which", "b");
    conflict();
    for (const char* key : {"b1", "b2"}) {
        run(f);
        BOOST_TEST((read() == texts{key}));
    }
    run(f);
    put("which", "a");
    conflict(); // brings the keys of "b"
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST((read() == texts{"a1", "a2"}));
    BOOST_TEST((run(f) == action::ask));
    BOOST_TEST(machine.asks_commit());
}

BOOST_FIXTURE_TEST_CASE(prefetch_is_limited, script)
{
    put("which", 300);
    while (run(some_or_all) == action::ask && !machine.asks_commit())
        read();
    put("which", 0);
    conflict();
    run(some_or_all);
    put("which", 300);
    conflict(); // brings "which", and loses the rest
    run(some_or_all);
    BOOST_TEST(read().size() == 1 + transaction_fsm::most_prefetched);
}

BOOST_FIXTURE_TEST_CASE(prefetch_is_not_made_of_what_a_scan_knew, script)
{
    for (int i = 0; i != 100; ++i)
        put("k" + std::to_string(i), i);
    put("which", -1);
    run(some_or_all);
    read();
    run(some_or_all);
    snapshot();
    run(some_or_all);
    put("which", 0);
    conflict(true);
    snapshot();
    run(some_or_all);
    BOOST_TEST(!asks<protocol::commit_request>().scanned.has_value());
    put("which", 1);
    conflict();
    run(some_or_all);
    BOOST_TEST((read() == texts{"k0"}));
}

BOOST_AUTO_TEST_SUITE_END()
