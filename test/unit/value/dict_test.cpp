#include "support.hpp"

#include <zproc/dict.hpp>

using namespace zproc;
using test::code_of;

static_assert(std::is_nothrow_move_constructible_v<dict> &&
              std::is_nothrow_default_constructible_v<dict>);
static_assert(std::same_as<dict::value_type, std::pair<const std::string, value>>);
static_assert(std::ranges::bidirectional_range<const dict>);
static_assert(!std::is_aggregate_v<dict> && !std::is_aggregate_v<value> &&
              !std::is_aggregate_v<object>);

BOOST_AUTO_TEST_SUITE(dicts)

BOOST_AUTO_TEST_CASE(literals_give_the_same_dict)
{
    const dict braced{{"b", "x"}, {"a", 1}, {"b", "y"}};
    BOOST_TEST((braced == dict::of("a", 1, "b", "y")));
    BOOST_TEST((braced == dict{}.with("a", 1).with("b", "y")));
    const dict base = dict::of("a", 1);
    BOOST_TEST((base.with("b", "y") == braced));
    BOOST_TEST(base.size() == 1U);
    BOOST_TEST(dict::of().empty());
    const std::string key = "a";
    BOOST_TEST((dict::of(key, 1, std::string_view("b"), "y") == braced));
    BOOST_TEST(value(list_of(1, "two", list_of(3.5), nullptr)).to_json() ==
               R"([1,"two",[3.5],null])");
    BOOST_TEST((list_of(1, 2) == list{1, 2}));
}

BOOST_AUTO_TEST_CASE(iterate_is_in_the_order_of_keys)
{
    std::string keys;
    for (const auto& [key, content] : dict::of("c", 1, "a", 2, "b", 3))
        keys += key;
    BOOST_TEST(keys == "abc");
}

BOOST_AUTO_TEST_CASE(access_tells_missing_from_null)
{
    dict d = dict::of("null", nullptr, "n", 1);
    BOOST_TEST((d.contains("null") && !d.contains("missing")));
    BOOST_TEST((d.find("null") && d.find("null")->is_null() && !d.find("missing")));
    BOOST_TEST(d.at("n") == 1);
    BOOST_TEST(code_of([&] { d.at("missing"); }) == errc::no_such_key);
    BOOST_TEST(code_of([&] { std::as_const(d)["missing"].get<int>(); }) == errc::no_such_key);
    BOOST_TEST(code_of([&] { std::as_const(d)["null"].get<int>(); }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(change_leaves_copies_alone)
{
    dict d = dict::of("a", 1);
    const dict before = d;
    d.insert_or_assign("b", 2);
    d.insert_or_assign("a", 3);
    d.insert_or_assign("aa", 4);
    BOOST_TEST((d == dict::of("a", 3, "aa", 4, "b", 2)));
    BOOST_TEST((d.erase("a") && !d.erase("a") && d.size() == 2));
    BOOST_TEST((before == dict::of("a", 1)));
    const dict taken = std::move(d);
    BOOST_TEST(taken.size() == 2U);
    d = before;
    d.clear();
    BOOST_TEST((d.empty() && before.size() == 1));
}

BOOST_AUTO_TEST_SUITE_END()
