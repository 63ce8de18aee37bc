#include <zproc/change_list.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace zproc;

static_assert(std::is_nothrow_move_constructible_v<change_list> &&
              std::is_nothrow_move_assignable_v<change_list>);

namespace {

// Beyond what a string and a value hold without memory of their own.
change made(int n)
{
    return {"a key so long that it needs memory " + std::to_string(n),
            std::string("a value before, of memory too ") + std::to_string(n), list_of(n, n + 1)};
}

change_list of(int count)
{
    change_list all;
    for (int n = 0; n != count; ++n)
        all.push_back(made(n));
    return all;
}

bool same(const change& left, const change& right)
{
    return left.key == right.key && left.before == right.before && left.after == right.after;
}

bool is(const change_list& all, int count)
{
    if (all.size() != static_cast<std::size_t>(count) || all.empty() != (count == 0) ||
        all.end() - all.begin() != count)
        return false;
    for (int n = 0; n != count; ++n)
        if (!same(all[static_cast<std::size_t>(n)], made(n)))
            return false;
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(change_list_suite)

BOOST_AUTO_TEST_CASE(push_back_keeps_every_change_in_order)
{
    for (const int count : {0, 1, 2, 3, 4, 5, 8, 9, 33})
        BOOST_TEST(is(of(count), count), "of " << count);
    auto some = of(3);
    BOOST_TEST(same(some.front(), made(0)));
    BOOST_TEST(same(some.back(), made(2)));
    BOOST_TEST((some.data() == some.begin()));
    BOOST_TEST(&some.at(2) == &some.back());
    BOOST_CHECK_THROW(some.at(3), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(emplace_back_yields_an_empty_change_where_another_one_was)
{
    for (const int before : {0, 1, 4}) {
        auto all = of(before + 1);
        all.clear();
        BOOST_TEST(all.empty());
        for (int n = 0; n <= before; ++n) {
            change& fresh = all.emplace_back();
            BOOST_TEST(fresh.key.empty());
            BOOST_TEST(!fresh.before.has_value());
            BOOST_TEST(!fresh.after.has_value());
            fresh = made(n);
        }
        BOOST_TEST(is(all, before + 1));
    }
}

BOOST_AUTO_TEST_CASE(push_back_takes_a_change_of_the_list_itself)
{
    auto all = of(1);
    all.push_back(all[0]); // which moves when there is room made for it
    BOOST_TEST(same(all[0], made(0)));
    BOOST_TEST(same(all[1], made(0)));
}

BOOST_AUTO_TEST_CASE(copies_and_moves_have_the_same_changes)
{
    for (const int from : {0, 1, 2, 5})
        for (const int to : {0, 1, 2, 5}) {
            const auto source = of(from);
            auto target = of(to);
            target = source;
            BOOST_TEST(is(target, from), from << " over " << to);
            BOOST_TEST(is(source, from));
            auto moved = of(to);
            moved = std::move(target);
            BOOST_TEST(is(moved, from));
            BOOST_TEST(target.empty());
            target.push_back(made(0)); // it can be used again
            BOOST_TEST(is(target, 1));
            auto built = std::move(moved);
            BOOST_TEST(is(built, from));
            BOOST_TEST(moved.empty());
            auto& itself = built;
            built = itself;
            built = std::move(itself);
            BOOST_TEST(is(built, from));
        }
}

BOOST_AUTO_TEST_CASE(lists_in_a_vector_survive_its_growth)
{
    std::vector<change_list> all;
    for (int n = 0; n != 40; ++n)
        all.push_back(of(n % 4));
    for (int n = 0; n != 40; ++n)
        BOOST_TEST(is(all[static_cast<std::size_t>(n)], n % 4));
}

BOOST_AUTO_TEST_CASE(braces_and_algorithms_work_as_with_a_vector)
{
    const change_list all{{"a", std::nullopt, 1}, {"b", 2, std::nullopt}};
    BOOST_TEST(all.size() == 2u);
    BOOST_TEST(std::ranges::count(all, "b", &change::key) == 1);
    BOOST_TEST((std::find_if(all.cbegin(), all.cend(), [](const change& c) { return !c.after; }) ==
                all.begin() + 1));
    const std::vector<change> copy(all.begin(), all.end());
    BOOST_TEST(copy.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
