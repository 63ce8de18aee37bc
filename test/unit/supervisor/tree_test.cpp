#include "supervisor/tree.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using zproc::supervision::tree;
using ids = std::vector<tree::id>;
using kin = tree::kin;

namespace {

// root ── 1 ── 2 ── 3        and a service 9 of the root
//      └─ 4
tree family()
{
    tree t;
    t.add(9, tree::root, kin::service);
    t.add(1, tree::root, kin::child);
    t.add(2, 1, kin::child);
    t.add(3, 2, kin::child);
    t.add(4, tree::root, kin::child);
    return t;
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_tree)

BOOST_AUTO_TEST_CASE(below_holds_at_any_depth_and_never_upwards)
{
    const auto t = family();
    for (const auto each : ids{1, 2, 3, 4, 9})
        BOOST_TEST(t.below(each, tree::root));
    BOOST_TEST(t.below(3, 1));
    BOOST_TEST(t.below(3, 2));
    BOOST_TEST(!t.below(1, 3));
    BOOST_TEST(!t.below(1, 1));
    BOOST_TEST(!t.below(4, 1));
    BOOST_TEST(!t.below(tree::root, 1));
    BOOST_TEST(!t.below(77, tree::root));
}

BOOST_AUTO_TEST_CASE(to_stop_lists_the_subtree_without_services)
{
    const auto t = family();
    BOOST_TEST(t.to_stop(1) == (ids{2, 3}));
    BOOST_TEST(t.to_stop(3) == ids{});
    BOOST_TEST(t.to_stop(tree::root) == (ids{1, 4, 2, 3}));
    BOOST_TEST(t.to_stop(77) == ids{});
}

BOOST_AUTO_TEST_CASE(ended_keeps_a_member_until_nothing_is_left_below_it)
{
    auto t = family();
    BOOST_TEST(t.ended(1).gone == ids{});
    BOOST_TEST(!t.alive(1));
    BOOST_TEST(t.contains(1));
    BOOST_TEST(t.to_stop(1) == (ids{2, 3}));
    BOOST_TEST(t.ended(2).gone == ids{});
    BOOST_TEST(t.to_stop(1) == ids{3});
    BOOST_TEST(t.ended(3).gone == (ids{3, 2, 1}));
    BOOST_TEST(!t.contains(1));
    BOOST_TEST(t.ended(1).gone == ids{});
}

BOOST_AUTO_TEST_CASE(ended_leaves_out_those_who_live)
{
    auto t = family();
    BOOST_TEST(t.ended(3).gone == ids{3});
    BOOST_TEST(t.alive(2));
    BOOST_TEST(t.ended(4).gone == ids{4});
    BOOST_TEST(t.alive(tree::root));
}

BOOST_AUTO_TEST_CASE(ended_calls_services_when_all_else_is_gone)
{
    auto t = family();
    BOOST_TEST(t.ended(tree::root).due == ids{});
    t.ended(4);
    t.ended(3);
    t.ended(2);
    const auto last = t.ended(1);
    BOOST_TEST(last.gone == ids{1});
    BOOST_TEST(last.due == ids{9});
    BOOST_TEST(t.ended(9).gone == (ids{9, tree::root}));
    BOOST_TEST(t.size() == 0u);
}

BOOST_AUTO_TEST_CASE(ended_calls_services_at_once_where_there_is_nothing_else)
{
    tree t;
    t.add(1, tree::root, kin::child);
    t.add(2, 1, kin::service);
    t.add(3, 2, kin::child);
    BOOST_TEST(t.to_stop(tree::root) == ids{1});
    BOOST_TEST(t.ended(1).due == ids{2});
    BOOST_TEST(t.to_stop(2) == ids{3});
    BOOST_TEST(t.ended(3).gone == ids{3});
    BOOST_TEST(t.ended(2).gone == (ids{2, 1}));
}

BOOST_AUTO_TEST_CASE(adopt_holds_up_all_who_may_have_left_the_orphan)
{
    auto t = family();
    const ids bereaved{1, 4};
    t.adopt(50, bereaved);
    BOOST_TEST(t.below(50, 1));
    BOOST_TEST(t.below(50, 4));
    BOOST_TEST(t.ended(4).gone == ids{});
    t.ended(3);
    t.ended(2);
    BOOST_TEST(t.ended(1).gone == ids{});
    BOOST_TEST(t.ended(50).gone == (ids{50, 4, 1}));
}

BOOST_AUTO_TEST_CASE(adopt_does_not_grow_a_chain)
{
    tree t;
    t.add(1, tree::root, kin::child);
    const ids first{1};
    t.adopt(2, first);
    t.ended(1);
    for (tree::id each = 3; each != 1000; ++each) {
        const ids before{each - 1};
        t.adopt(each, before);
        BOOST_TEST(t.ended(each - 1).gone == before);
        BOOST_TEST(t.size() == 3u); // root, 1 and the orphan
    }
    BOOST_TEST(t.ended(999).gone == (ids{999, 1}));
}

BOOST_AUTO_TEST_CASE(adopt_falls_back_to_the_root)
{
    tree t;
    const ids unknown{5, 6};
    t.adopt(7, unknown);
    t.adopt(8, {});
    BOOST_TEST(t.owner(7) == tree::root);
    BOOST_TEST(t.to_stop(tree::root) == (ids{7, 8}));
    BOOST_TEST(t.ended(tree::root).gone == ids{});
    t.ended(7);
    BOOST_TEST(t.ended(8).gone == (ids{8, tree::root}));
}

BOOST_AUTO_TEST_SUITE_END()
