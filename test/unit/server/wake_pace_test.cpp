#include "server/wake_pace.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::wake_pace;

BOOST_AUTO_TEST_SUITE(server_wake_pace)

BOOST_AUTO_TEST_CASE(wakes_at_the_end_of_a_turn)
{
    wake_pace pace;
    BOOST_TEST(pace.turn_ends(0));
    BOOST_TEST(pace.turn_ends(1));
    BOOST_TEST(pace.turn_ends(wake_pace::burst - 1));
    BOOST_TEST(!pace.puts_off());
}

BOOST_AUTO_TEST_CASE(puts_off_behind_a_burst_until_one_turn_is_none)
{
    wake_pace pace;
    BOOST_TEST(!pace.turn_ends(wake_pace::burst));
    BOOST_TEST(pace.puts_off());
    BOOST_TEST(pace.turn_ends(1));
    BOOST_TEST(!pace.puts_off());
}

BOOST_AUTO_TEST_CASE(puts_off_so_many_turns_at_most)
{
    wake_pace pace;
    for (int lap = 0; lap != 3; ++lap) {
        for (unsigned i = 0; i != wake_pace::most; ++i)
            BOOST_TEST(!pace.turn_ends(1000));
        BOOST_TEST(pace.turn_ends(1000));
        BOOST_TEST(!pace.puts_off());
    }
}

BOOST_AUTO_TEST_CASE(owes_nothing_when_they_were_woken)
{
    wake_pace pace;
    BOOST_TEST(!pace.turn_ends(1000));
    pace.woken();
    BOOST_TEST(!pace.puts_off());
    for (unsigned i = 0; i != wake_pace::most; ++i)
        BOOST_TEST(!pace.turn_ends(1000));
    BOOST_TEST(pace.turn_ends(1000));
}

BOOST_AUTO_TEST_SUITE_END()
