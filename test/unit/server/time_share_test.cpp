#include "server/time_share.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::time_share;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1000 * second;

} // namespace

BOOST_AUTO_TEST_SUITE(server_time_share)

BOOST_AUTO_TEST_CASE(strangers_have_all_time_while_nobody_else_is_there)
{
    time_share t;
    for (std::int64_t now = start; now != start + second; now += 1'000'000) {
        BOOST_TEST_REQUIRE(t.may(now));
        BOOST_TEST_REQUIRE(t.wait(now) == 0);
        t.spent(1'000'000);
    }
}

BOOST_AUTO_TEST_CASE(strangers_have_their_part_beside_others)
{
    // A server that is always busy: with others for 14 us, or with strangers for 100.
    time_share t;
    std::int64_t theirs = 0;
    std::int64_t now = start;
    while (now < start + second) {
        t.others_served(now);
        if (t.may(now)) {
            now += 100'000;
            theirs += 100'000;
            t.spent(100'000);
        }
        now += 14'000;
    }
    BOOST_TEST(theirs <= second / time_share::part + time_share::savings + 100'000);
    BOOST_TEST(theirs >= second / time_share::part - 100'000);
}

BOOST_AUTO_TEST_CASE(what_was_not_used_is_kept_for_a_while)
{
    time_share t;
    std::int64_t now = start;
    t.others_served(now);
    std::int64_t at_once = 0;
    for (; t.may(now); at_once += 100'000)
        t.spent(100'000);
    BOOST_TEST(at_once == time_share::savings);
    now += second;
    t.others_served(now - 1);
    BOOST_TEST(t.may(now));
    t.spent(time_share::savings);
    BOOST_TEST(!t.may(now));
}

BOOST_AUTO_TEST_CASE(wait_ends_when_they_may)
{
    time_share t;
    t.others_served(start);
    BOOST_TEST(t.may(start));
    t.spent(time_share::savings + 62'500);
    const auto wait = t.wait(start);
    BOOST_TEST(wait > 1'000'000);
    BOOST_TEST(wait < 1'100'000);
    BOOST_TEST(!t.may(start + wait - 1000));
    BOOST_TEST(t.may(start + wait + time_share::part)); // what is less than one is lost each time
}

BOOST_AUTO_TEST_CASE(wait_ends_when_the_others_are_gone)
{
    time_share t;
    t.others_served(start);
    BOOST_TEST(t.may(start));
    t.spent(second);
    BOOST_TEST(t.wait(start) == time_share::quiet);
    BOOST_TEST(!t.may(start + time_share::quiet - 1));
    BOOST_TEST(t.may(start + time_share::quiet));
    BOOST_TEST(t.wait(start + time_share::quiet) == 0);
}

BOOST_AUTO_TEST_CASE(clock_that_is_behind_is_no_matter)
{
    time_share t;
    t.others_served(start);
    BOOST_TEST(t.may(start));
    t.spent(time_share::savings);
    BOOST_TEST(!t.may(start - 4'000'000));
    BOOST_TEST(!t.may(start));
    BOOST_TEST(t.may(start + 1000));
}

BOOST_AUTO_TEST_SUITE_END()
