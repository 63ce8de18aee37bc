#include "server/interests.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace zproc::serving;

namespace {

std::vector<seat> woken(interests& who)
{
    std::vector<seat> all(who.woken().begin(), who.woken().end());
    std::ranges::sort(all);
    who.reset();
    return all;
}

using seats = std::vector<seat>;
using keys = std::vector<std::string_view>;

} // namespace

BOOST_AUTO_TEST_SUITE(server_interests)

BOOST_AUTO_TEST_CASE(touch_wakes_those_who_asked_for_that_key_or_for_all)
{
    interests who;
    who.add(1, 1, "n", keys{"a"});
    who.add(2, 1, "n", keys{"b", "a"});
    who.add(3, 1, "n", {});
    who.add(4, 1, "other", {});
    who.touch("n", "a");
    BOOST_TEST((woken(who) == seats{1, 2, 3}));
    who.touch("n", "b");
    BOOST_TEST((woken(who) == seats{2, 3}));
    who.touch("n", "c");
    BOOST_TEST((woken(who) == seats{3}));
    who.touch("nobody's", "a");
    BOOST_TEST(woken(who).empty());
}

BOOST_AUTO_TEST_CASE(touch_wakes_a_seat_once_however_much_it_wants)
{
    interests who;
    who.add(5, 1, "n", keys{"a", "a"});
    who.add(5, 2, "n", keys{"a"});
    who.add(5, 3, "n", {});
    who.touch("n", "a");
    who.touch("n", "a");
    BOOST_TEST((woken(who) == seats{5}));
}

BOOST_AUTO_TEST_CASE(add_replaces_what_the_same_id_stood_for)
{
    interests who;
    who.add(1, 1, "n", keys{"a"});
    who.add(1, 1, "m", keys{"b"});
    BOOST_TEST(who.count(1) == 1u);
    who.touch("n", "a");
    BOOST_TEST(woken(who).empty());
    who.touch("m", "b");
    BOOST_TEST((woken(who) == seats{1}));
}

BOOST_AUTO_TEST_CASE(remove_takes_one_interest_and_remove_all_takes_a_seat)
{
    interests who;
    who.add(1, 1, "n", keys{"a", "a"});
    who.add(1, 2, "n", {});
    who.add(2, 1, "n", keys{"a"});
    who.remove(1, 1);
    who.remove(1, 99);
    who.touch("n", "a");
    BOOST_TEST((woken(who) == seats{1, 2}));
    who.remove_all(1);
    BOOST_TEST(who.count(1) == 0u);
    who.touch("n", "a");
    BOOST_TEST((woken(who) == seats{2}));
    who.remove_all(2);
    who.touch("n", "a");
    BOOST_TEST(woken(who).empty());
}

BOOST_AUTO_TEST_CASE(count_is_of_keys_and_of_whole_namespaces)
{
    interests who;
    who.add(1, 1, "n", keys{"a", "b", "a"});
    who.add(1, 2, "n", {});
    BOOST_TEST(who.count(1) == 4u);
    BOOST_TEST(who.count(1, 1) == 3u);
    BOOST_TEST(who.count(1, 3) == 0u);
    who.add(1, 1, "n", keys{"b"});
    BOOST_TEST(who.count(1) == 2u);
    who.remove(1, 2);
    who.remove(1, 1);
    BOOST_TEST(who.count(1) == 0u);
}

BOOST_AUTO_TEST_CASE(many_are_not_counted_beyond_the_few)
{
    interests who(8);
    for (seat each = 0; each != 100; ++each)
        who.add(each, 1, "n", {});
    who.touch("n", "a");
    BOOST_TEST(who.many());
    BOOST_TEST(who.woken().size() == 9u);
    who.reset();
    BOOST_TEST(!who.many());
    who.touch("m", "a");
    BOOST_TEST(woken(who).empty());
}

BOOST_AUTO_TEST_SUITE_END()
