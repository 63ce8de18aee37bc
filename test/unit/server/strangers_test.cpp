#include "server/strangers.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::seat;
using zproc::serving::strangers;
using zproc::serving::throttle;

namespace {

throttle::peer peer(unsigned number)
{
    throttle::peer out{};
    out[0] = static_cast<std::byte>(number);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(server_strangers)

BOOST_AUTO_TEST_CASE(crowd_of_one_address_makes_room_before_anybody_else)
{
    strangers all;
    all.come(0, peer(1));
    all.come(1, peer(2));
    for (seat who = 2; who != 10; ++who)
        all.come(who, peer(3));
    for (seat who = 2; who != 10; ++who) {
        const auto chosen = all.first_to_go();
        BOOST_TEST_REQUIRE(chosen.has_value());
        BOOST_TEST((who == 9 || chosen->who == who));
        BOOST_TEST(chosen->alone == (who == 9));
        all.leave(who);
    }
    BOOST_TEST(all.size() == 2u);
}

BOOST_AUTO_TEST_CASE(oldest_makes_room_where_each_has_another_address)
{
    strangers all;
    for (seat who = 0; who != 4; ++who)
        all.come(who, peer(who));
    BOOST_TEST(all.first_to_go()->who == 0u);
    BOOST_TEST(all.first_to_go()->alone);
    all.leave(0);
    BOOST_TEST(all.first_to_go()->who == 1u);
}

BOOST_AUTO_TEST_CASE(who_was_let_in_is_not_chosen)
{
    strangers all;
    BOOST_TEST(!all.first_to_go().has_value());
    all.come(7, peer(1));
    all.come(8, peer(1));
    all.leave(7);
    all.leave(7);
    BOOST_TEST(all.first_to_go()->who == 8u);
    BOOST_TEST(all.first_to_go()->alone);
    all.leave(8);
    BOOST_TEST(all.size() == 0u);
    BOOST_TEST(!all.first_to_go().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
