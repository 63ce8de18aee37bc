#include "server/session_table.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::session_table;

namespace {

using ids = std::vector<std::uint64_t>;

} // namespace

BOOST_AUTO_TEST_SUITE(server_session_table)

BOOST_AUTO_TEST_CASE(sit_answers_where_the_session_sat_before)
{
    session_table table;
    BOOST_TEST(!table.sit(7, 1).has_value());
    BOOST_TEST(table.sits(7, 1));
    BOOST_TEST(table.sit(7, 2).value() == 1u);
    BOOST_TEST(!table.sits(7, 1));
    // The older connection goes after the new one came: the session stays.
    table.leave(7, 1, 10);
    BOOST_TEST(table.nobody_away());
    BOOST_TEST(table.sits(7, 2));
}

BOOST_AUTO_TEST_CASE(successor_counts_from_when_a_session_was_left)
{
    constexpr auto since = &session_table::away_since; // gone, wall, now, limit
    BOOST_TEST(since(0, 5000, 70, 800) == 70, "nobody had noticed: from now on");
    BOOST_TEST(since(4900, 5000, 70, 800) == -30);
    BOOST_TEST(since(4400, 5000, 70, 800) == -530);
    BOOST_TEST(since(100, 5000, 70, 800) == -630, "time to come back");
    BOOST_TEST(since(6000, 5000, 70, 800) == 70, "the clock was set back");
    session_table table;
    table.away(1, since(100, 5000, 70, 800));
    BOOST_TEST((table.expire(169, 800) == ids{}));
    BOOST_TEST((table.expire(170, 800) == ids{1}));
}

BOOST_AUTO_TEST_CASE(expire_takes_those_away_for_the_limit_and_nobody_else)
{
    session_table table;
    for (std::uint64_t id = 1; id != 5; ++id)
        table.sit(id, static_cast<zproc::serving::seat>(id));
    table.leave(1, 1, 100);
    table.leave(2, 2, 100);
    table.leave(3, 3, 150);
    table.away(9, 120); // found by a successor
    BOOST_TEST(!table.sit(2, 8).has_value());
    BOOST_TEST(table.longest_away().value() == 100);
    BOOST_TEST((table.expire(199, 100) == ids{}));
    BOOST_TEST((table.expire(200, 100) == ids{1}));
    BOOST_TEST(table.longest_away().value() == 120);
    BOOST_TEST((table.expire(300, 100) == ids{9, 3}));
    BOOST_TEST(!table.longest_away().has_value());
    BOOST_TEST(table.nobody_away());
    BOOST_TEST(table.sits(2, 8));
    BOOST_TEST(table.sits(4, 4));
    BOOST_TEST(!table.sits(1, 1));
}

BOOST_AUTO_TEST_CASE(expire_takes_the_oldest_beyond_so_many)
{
    session_table table;
    for (std::uint64_t id = 1; id != session_table::most_away + 4; ++id)
        table.away(id, static_cast<std::int64_t>(id));
    BOOST_TEST((table.expire(10, 1'000'000) == ids{1, 2, 3}));
    BOOST_TEST((table.expire(10, 1'000'000) == ids{}));
    BOOST_TEST(!table.nobody_away());
}

/// Many that went at one moment, as a successor finds them.
BOOST_AUTO_TEST_CASE(sit_finds_one_of_many_that_went_together)
{
    session_table table;
    for (std::uint64_t id = 1; id != 30'001; ++id)
        table.away(id, 7);
    for (std::uint64_t id = 30'000; id != 1; --id)
        table.sit(id, 1);
    BOOST_TEST((table.expire(100, 1) == ids{1}));
    BOOST_TEST(table.nobody_away());
}

BOOST_AUTO_TEST_CASE(forget_leaves_nothing_to_expire)
{
    session_table table;
    table.away(1, 5);
    table.away(1, 6);
    table.forget(1);
    table.forget(2);
    BOOST_TEST(table.nobody_away());
    BOOST_TEST((table.expire(1000, 1) == ids{}));
}

BOOST_AUTO_TEST_SUITE_END()
