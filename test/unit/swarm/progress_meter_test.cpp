#include "swarm/progress_meter.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

using namespace zproc;
using namespace zproc::swarming;
using namespace std::chrono_literals;

namespace {

/// Two jobs, told apart by where these are.
const int one = 1;
const int two = 2;

swarm_progress taken(progress_meter& m, progress_meter::duration now)
{
    BOOST_REQUIRE(m.has_news());
    const auto got = m.take(now);
    BOOST_REQUIRE(got.has_value());
    return *got;
}

} // namespace

BOOST_AUTO_TEST_SUITE(progress_meter_suite)

BOOST_AUTO_TEST_CASE(take_yields_the_present_once_however_much_has_happened)
{
    progress_meter m;
    BOOST_TEST(!m.has_news());
    m.begun(&one, 100, 0s);
    m.at(&one, 10, 0, 0, 1s);
    m.at(&one, 20, 10, 3, 2s);
    const auto at = taken(m, 3s);
    BOOST_TEST(*at.total == 100u);
    BOOST_TEST(at.done == 7u);
    BOOST_TEST(at.failed == 3u);
    BOOST_TEST(at.in_flight == 10u);
    BOOST_TEST(at.settled() == 10u);
    BOOST_TEST((at.elapsed == 3s));
    BOOST_TEST(!at.over);
    BOOST_TEST(!m.has_news());
    m.at(&one, 20, 10, 3, 4s);
    BOOST_TEST(!m.has_news(), "nothing has changed");
    m.at(&one, 21, 10, 3, 4s);
    BOOST_TEST(m.has_news());
}

BOOST_AUTO_TEST_CASE(take_tells_the_end_once_after_the_last_numbers)
{
    progress_meter m;
    m.begun(&one, 4, 0s);
    m.at(&one, 4, 4, 1, 2s);
    m.ended(&one, 2s);
    const auto last = taken(m, 9s);
    BOOST_TEST(last.over);
    BOOST_TEST(last.done == 3u);
    BOOST_TEST((last.elapsed == 2s), "time stands still when it is over");
    BOOST_TEST(last.rate == 2.0);
    BOOST_TEST(m.has_news());
    BOOST_TEST(!m.take(9s).has_value());
    BOOST_TEST(!m.has_news(), "the end is told once");
}

BOOST_AUTO_TEST_CASE(begun_starts_anew_after_an_end)
{
    progress_meter m;
    m.begun(&one, 4, 0s);
    m.at(&one, 4, 4, 4, 1s);
    m.ended(&one, 1s);
    m.begun(&two, 7, 10s); // before anybody has looked
    const auto at = taken(m, 11s);
    BOOST_TEST(*at.total == 7u);
    BOOST_TEST(at.settled() == 0u);
    BOOST_TEST((at.elapsed == 1s));
    BOOST_TEST(!at.over);
    BOOST_TEST(!m.has_news());
}

BOOST_AUTO_TEST_CASE(counts_are_summed_up_over_those_that_run_together)
{
    progress_meter m;
    m.begun(&one, 10, 0s);
    m.begun(&two, 20, 0s);
    m.at(&one, 10, 10, 1, 1s);
    m.at(&two, 8, 5, 2, 1s);
    m.ended(&one, 1s);
    const auto at = taken(m, 1s);
    BOOST_TEST(*at.total == 30u);
    BOOST_TEST(at.settled() == 15u);
    BOOST_TEST(at.failed == 3u);
    BOOST_TEST(at.in_flight == 3u);
    BOOST_TEST(!at.over);
}

BOOST_AUTO_TEST_CASE(total_is_unknown_while_an_input_is_not_counted)
{
    progress_meter m;
    m.begun(&one, 10, 0s);
    m.begun(&two, std::nullopt, 0s);
    m.at(&two, 6, 4, 0, 1s);
    auto at = taken(m, 1s);
    BOOST_TEST(!at.total.has_value());
    BOOST_TEST(!at.remaining.has_value());
    m.ended(&two, 2s); // cancelled: what was in flight is no more
    at = taken(m, 2s);
    BOOST_TEST(*at.total == 14u);
    BOOST_TEST(at.in_flight == 0u);
}

BOOST_AUTO_TEST_CASE(remaining_is_what_is_left_at_the_rate_of_late)
{
    progress_meter m;
    m.begun(&one, 1000, 0s);
    for (int second = 1; second <= 60; ++second)
        m.at(&one, 1000, static_cast<std::uint64_t>(second) * 10, 0, std::chrono::seconds(second));
    const auto at = taken(m, 60s);
    BOOST_TEST(at.rate == 10.0, boost::test_tools::tolerance(1e-6));
    BOOST_REQUIRE(at.remaining.has_value());
    BOOST_TEST((*at.remaining > 39900ms && *at.remaining < 40100ms));
    const std::chrono::system_clock::time_point noon(12h);
    BOOST_TEST((*at.estimated_end(noon) - noon == *at.remaining));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_of_a_job_that_is_not_known)
{
    progress_meter m;
    m.at(&one, 1, 1, 0, 0s);
    m.ended(&one, 0s);
    BOOST_TEST(!m.has_news());
}

BOOST_AUTO_TEST_CASE(rate_follows_a_change_and_forgets_what_was)
{
    settling_rate r;
    BOOST_TEST(r.per_second(5s) == 0.0);
    for (int i = 1; i <= 20; ++i)
        r.add(100, std::chrono::seconds(i));
    BOOST_TEST(r.per_second(20s) == 100.0, boost::test_tools::tolerance(1e-6));
    for (int i = 21; i <= 60; ++i)
        r.add(1, std::chrono::seconds(i));
    BOOST_TEST(r.per_second(60s) < 1.1);
    BOOST_TEST(r.per_second(60s) > 0.9);
}

BOOST_AUTO_TEST_CASE(rate_falls_while_nothing_is_settled)
{
    settling_rate r;
    for (int i = 1; i <= 20; ++i)
        r.add(100, std::chrono::seconds(i));
    BOOST_TEST(r.per_second(21s) == 100.0, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(r.per_second(120s) == 1.0, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(rate_of_slow_items_is_right_from_the_first_on)
{
    settling_rate r;
    r.add(2, 10s);
    BOOST_TEST(r.per_second(10s) == 0.2, boost::test_tools::tolerance(1e-6));
    r.add(2, 10s); // at the same time
    BOOST_TEST(r.per_second(10s) > 0.2);
}

BOOST_AUTO_TEST_SUITE_END()
