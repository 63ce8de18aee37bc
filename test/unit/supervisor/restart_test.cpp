#include "supervisor/restart.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace zproc::supervision;
using std::chrono::milliseconds;
using mode = restart_rules::mode;

namespace {

restart_rules rules(mode when)
{
    restart_rules made;
    made.when = when;
    return made;
}

exit_report code(int number)
{
    return {false, number};
}

exit_report killed(int number)
{
    return {true, number};
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_restart)

BOOST_AUTO_TEST_CASE(permits_follows_the_filters)
{
    auto by_signal = rules(mode::on_failure);
    by_signal.signals = {SIGSEGV, SIGBUS};
    auto by_code = rules(mode::on_failure);
    by_code.codes = {3};
    auto by_exception = rules(mode::on_failure);
    by_exception.exceptions = true;
    auto by_two = by_signal;
    by_two.exceptions = true;
    struct row {
        const char* name;
        restart_rules of;
        exit_report exit;
        std::optional<bool> verdict;
        bool again;
    };
    const row table[] = {
        {"never", rules(mode::never), code(1), {}, false},
        {"any failure: a code", rules(mode::on_failure), code(1), {}, true},
        {"any failure: a signal", rules(mode::on_failure), killed(9), {}, true},
        {"any failure: an exception", rules(mode::on_failure), code(1), false, true},
        {"any failure: none", rules(mode::on_failure), code(0), {}, false},
        {"always", rules(mode::always), code(0), {}, true},
        {"a signal that is named", by_signal, killed(SIGBUS), {}, true},
        {"a signal that is not", by_signal, killed(SIGKILL), {}, false},
        {"a code where signals are named", by_signal, code(1), {}, false},
        {"a code that is named", by_code, code(3), {}, true},
        {"a code that is not", by_code, code(4), {}, false},
        {"the number of a signal that is a code's", by_code, killed(3), {}, false},
        {"an exception is no code", by_code, code(3), false, false},
        {"an exception that is meant", by_exception, code(1), true, true},
        {"an exception that is not", by_exception, code(1), false, false},
        {"a code where exceptions are named", by_exception, code(1), {}, false},
        {"either: the signal", by_two, killed(SIGSEGV), {}, true},
        {"either: the exception", by_two, code(1), true, true},
        {"either: neither", by_two, code(1), {}, false},
    };
    for (const auto& each : table)
        BOOST_TEST_CONTEXT(each.name)
    BOOST_TEST(permits(each.of, each.exit, each.verdict) == each.again);
}

BOOST_AUTO_TEST_CASE(delays_grow_along_a_row_and_heal)
{
    auto of = rules(mode::on_failure);
    of.delay = milliseconds(100);
    of.longest = milliseconds(1000);
    of.factor = 3;
    of.healthy_after = milliseconds(10'000);
    struct run {
        int begins;
        int ends;
        std::optional<int> delay;
    };
    struct row {
        const char* name;
        std::optional<std::uint32_t> limit;
        std::vector<run> runs;
    };
    const row table[] = {
        {"grows up to the longest",
         {},
         {{0, 1, 100}, {0, 1, 300}, {0, 1, 900}, {0, 1, 1000}, {0, 1, 1000}}},
        {"two retries mean three runs", 2, {{0, 1, 100}, {0, 1, 300}, {0, 1, {}}}},
        {"no retry", 0, {{0, 1, {}}}},
        {"a healthy run begins a new row",
         2,
         {{0, 1, 100}, {0, 9'999, 300}, {0, 10'000, 100}, {0, 1, 300}, {0, 1, {}}}},
    };
    for (const auto& each : table) {
        auto limited = of;
        limited.limit = each.limit;
        restart_history history(limited);
        for (const auto& r : each.runs)
            BOOST_TEST_CONTEXT(each.name)
            {
                history.begin(milliseconds(r.begins), 0.5);
                const auto expected =
                    r.delay ? std::optional(milliseconds(*r.delay)) : std::nullopt;
                BOOST_TEST((history.delay_at(milliseconds(r.ends)) == expected));
                BOOST_TEST((history.end(milliseconds(r.ends), code(1), {}) == expected));
            }
    }
}

BOOST_AUTO_TEST_CASE(jitter_goes_both_ways_and_no_further)
{
    auto of = rules(mode::on_failure);
    of.delay = milliseconds(1000);
    of.longest = milliseconds(1000);
    of.jitter = 0.25;
    struct row {
        double chance;
        int delay;
    };
    for (const row each : {row{0, 750}, row{0.5, 1000}, row{0.75, 1125}}) {
        restart_history history(of);
        history.begin(milliseconds(0), each.chance);
        BOOST_TEST((history.delay_at(milliseconds(0)) == milliseconds(each.delay)));
    }
}

BOOST_AUTO_TEST_CASE(delay_of_no_sense_is_bounded)
{
    const double infinite = std::numeric_limits<double>::infinity();
    for (const double factor : {1e300, infinite, std::numeric_limits<double>::quiet_NaN(), -2.0}) {
        auto of = rules(mode::always);
        of.delay = milliseconds(10);
        of.longest = milliseconds(50);
        of.factor = factor;
        restart_history history(of);
        for (int i = 0; i != 5; ++i) {
            history.begin(milliseconds(0), 0.5);
            const auto delay = history.end(milliseconds(0), code(0), {});
            BOOST_TEST_REQUIRE(delay.has_value());
            BOOST_TEST((*delay >= milliseconds(0) && *delay <= milliseconds(50)));
        }
    }
}

BOOST_AUTO_TEST_CASE(service_starts_three_times_at_once_and_not_a_fourth)
{
    restart_history history(service_restarts());
    for (int i = 0; i != 4; ++i) {
        history.begin(milliseconds(0), 0.5);
        BOOST_TEST((history.end(milliseconds(5), killed(SIGKILL), {}).has_value()) == (i != 3));
    }
}

BOOST_AUTO_TEST_CASE(retry_text_says_what_follows)
{
    auto of = rules(mode::on_failure);
    of.delay = milliseconds(100);
    of.longest = milliseconds(100);
    of.limit = 1;
    restart_history history(of);
    history.begin(milliseconds(0), 0.5);
    BOOST_TEST(retry_text(history, 1, milliseconds(1), true) ==
               "attempt 1, 0 of 1 retries used; next one in 100 ms");
    BOOST_TEST(retry_text(history, 1, milliseconds(1), false) ==
               "attempt 1, 0 of 1 retries used; its restart policy does not name this end: no "
               "retry");
    history.end(milliseconds(1), code(1), {});
    history.begin(milliseconds(101), 0.5);
    BOOST_TEST(retry_text(history, 2, milliseconds(102), true) ==
               "attempt 2, 1 of 1 retries used; no more retries");
    BOOST_TEST(retry_text(restart_history{{}}, 1, milliseconds(1), true).empty());
}

BOOST_AUTO_TEST_SUITE_END()
