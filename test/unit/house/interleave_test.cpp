#include "support/interleave.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace zproc::bench;

BOOST_AUTO_TEST_SUITE(interleave_helper)

BOOST_AUTO_TEST_CASE(median_is_the_middle_or_between)
{
    BOOST_TEST(median({}) == 0);
    BOOST_TEST(median({3}) == 3);
    BOOST_TEST(median({9, 1, 5}) == 5);
    BOOST_TEST(median({4, 1, 3, 2}) == 2.5);
}

BOOST_AUTO_TEST_CASE(spread_is_the_distance_of_the_quartiles)
{
    BOOST_TEST(spread({1, 2, 3}) == 0);
    BOOST_TEST(spread({5, 1, 4, 2, 3}) == 2.0 / 3, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(interleave_lets_everybody_begin_a_round)
{
    std::string order;
    options few;
    few.rounds = 3;
    few.times = 20;
    const auto results = interleave(
        {
            {"a", [&](std::size_t times) { order += times == 20 ? 'a' : '-'; }, {}},
            {"b", [&](std::size_t times) { order += times == 100 ? 'b' : '-'; }, {}, 5},
        },
        few);
    BOOST_TEST(order == "--abbaab");
    BOOST_TEST_REQUIRE(results.size() == 2u);
    BOOST_TEST(results[0].ratio == 1);
    BOOST_TEST(results[1].name == "b");
}

BOOST_AUTO_TEST_SUITE_END()
