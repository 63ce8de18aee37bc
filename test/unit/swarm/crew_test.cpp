#include "swarm/crew.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <vector>

using namespace zproc::swarming;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(swarm_crew)

BOOST_AUTO_TEST_CASE(missing_is_all_at_first_and_none_when_all_are_up)
{
    crew c(3);
    BOOST_TEST(c.missing(0s) == 3u);
    for (int i = 0; i != 3; ++i)
        c.up(c.start());
    BOOST_TEST(c.missing(0s) == 0u);
    BOOST_TEST(c.up() == 3u);
    BOOST_TEST(!c.gone(2, false, 0s));
    BOOST_TEST(c.missing(0s) == 1u);
}

BOOST_AUTO_TEST_CASE(missing_is_one_after_a_pause_that_grows_when_starts_fail)
{
    crew c(2);
    duration time = 0s;
    duration last = 0s;
    const auto first = c.start();
    BOOST_TEST(c.gone(first, true, time));
    for (unsigned failed = 1; failed != crew::most_failures; ++failed) {
        BOOST_TEST(!c.is_hopeless());
        BOOST_TEST(c.missing(time) == 0u);
        const auto next = c.next_start();
        BOOST_REQUIRE(next.has_value());
        BOOST_TEST((*next - time > last));
        last = *next - time;
        time = *next;
        BOOST_TEST(c.missing(time) == 1u);
        BOOST_TEST(c.gone(c.start(), true, time));
    }
    BOOST_TEST(c.is_hopeless());
    BOOST_TEST(c.missing(time + 1h) == 0u);
    BOOST_TEST(!c.next_start().has_value());
    c.hope();
    BOOST_TEST(c.missing(time) == 2u);
}

BOOST_AUTO_TEST_CASE(missing_goes_on_where_nobody_gives_up)
{
    crew c(2, false);
    duration time = 0s;
    for (int failed = 0; failed != 30; ++failed) {
        BOOST_REQUIRE(c.missing(time) > 0u);
        c.gone(c.start(), true, time);
        BOOST_TEST(!c.is_hopeless());
        const auto next = c.next_start();
        BOOST_REQUIRE(next.has_value());
        BOOST_TEST((*next - time <= 1s));
        time = *next;
    }
}

BOOST_AUTO_TEST_CASE(gone_after_it_has_worked_is_no_failed_start)
{
    crew c(1);
    const auto id = c.start();
    c.up(id);
    BOOST_TEST(!c.gone(id, false, 0s));
    BOOST_TEST(c.missing(0s) == 1u);
}

BOOST_AUTO_TEST_CASE(is_hopeless_is_false_while_somebody_is_up)
{
    crew c(2);
    c.up(c.start());
    for (int i = 0; i != 10; ++i)
        c.gone(c.start(), true, 0s);
    BOOST_TEST(!c.is_hopeless());
    BOOST_TEST(c.next_start().has_value());
}

BOOST_AUTO_TEST_CASE(resize_retires_those_that_start_and_then_the_youngest)
{
    crew c(4);
    c.up(c.start());
    c.up(c.start());
    c.up(c.start());
    c.start();
    BOOST_TEST((c.resize(2) == std::vector<worker_id>{4, 3}));
    BOOST_TEST(c.is_retiring(3));
    BOOST_TEST(c.missing(0s) == 0u);
    BOOST_TEST(c.alive() == 4u);
    BOOST_TEST(!c.gone(4, true, 0s)); // it was told to
    BOOST_TEST(c.resize(3).empty());
    BOOST_TEST(c.missing(0s) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
