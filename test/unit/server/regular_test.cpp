#include "server/regular.hpp"

#include <boost/test/unit_test.hpp>

#include <initializer_list>

using zproc::serving::regular;
using zproc::serving::seat;

namespace {

void turn(regular& r, std::initializer_list<seat> served)
{
    for (const auto who : served)
        r.served(who);
    r.turn_ends();
}

} // namespace

BOOST_AUTO_TEST_SUITE(server_regular)

BOOST_AUTO_TEST_CASE(who_asks_alone_some_times_is_read_from_first)
{
    regular r;
    BOOST_TEST(r.first() == regular::nobody);
    turn(r, {3});
    turn(r, {3});
    BOOST_TEST(r.first() == regular::nobody);
    turn(r, {3, 3});
    BOOST_TEST(r.first() == 3u);
    turn(r, {}); // nobody was
    BOOST_TEST(r.first() == 3u);
}

BOOST_AUTO_TEST_CASE(another_one_ends_it)
{
    regular r;
    for (const auto others : {std::initializer_list<seat>{4}, {3, 4}, {4, 3}}) {
        for (int i = 0; i != 3; ++i)
            turn(r, {3});
        BOOST_TEST(r.first() == 3u);
        turn(r, others);
        BOOST_TEST(r.first() == regular::nobody);
    }
}

BOOST_AUTO_TEST_CASE(the_poll_comes_first_now_and_then)
{
    regular r;
    for (int i = 0; i != 3; ++i)
        turn(r, {3});
    for (unsigned i = 0; i != regular::most; ++i) {
        BOOST_TEST(r.first() == 3u);
        r.found();
        turn(r, {3});
    }
    BOOST_TEST(r.first() == regular::nobody);
    r.polled();
    BOOST_TEST(r.first() == 3u);
}

BOOST_AUTO_TEST_CASE(polls_are_paid_for_by_calls_that_are_saved)
{
    regular r;
    unsigned saved = 0;
    for (unsigned i = 0; i != regular::most; ++i) {
        r.found();
        saved += r.twice();
    }
    r.polled();
    for (unsigned i = 1; i != regular::each; ++i) {
        r.found();
        BOOST_TEST(!r.twice(), "the count begins anew");
    }
    BOOST_TEST(saved > 1u, "two batches are written at once more often than the poll is asked");
}

BOOST_AUTO_TEST_SUITE_END()
