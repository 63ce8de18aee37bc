#include "support.hpp"

#include <zproc/value_ref.hpp>

#include <sstream>
#include <thread>

using namespace zproc;
using test::code_of;

// What a named proxy is written through would be lost: it does not compile.
static_assert(std::is_assignable_v<value_ref, int> && !std::is_assignable_v<value_ref&, int>);
static_assert(!std::is_assignable_v<value_ref&, value_ref> &&
              !std::is_assignable_v<value_ref&, value>);
static_assert(std::is_assignable_v<value_ref, value_ref>);
static_assert(std::same_as<decltype(std::declval<value&>()["x"]), value_ref>);
static_assert(std::same_as<decltype(std::declval<const value&>()["x"]), const value&>);
static_assert(std::same_as<decltype(std::declval<value>()["x"]), value>);
static_assert(std::same_as<decltype(std::declval<dict>()["x"]), value>);
static_assert(std::convertible_to<value_ref, value>);

BOOST_AUTO_TEST_SUITE(value_refs)

BOOST_AUTO_TEST_CASE(read_leaves_no_trace_of_what_is_missing)
{
    value v;
    BOOST_TEST(v["a"].is_null());
    BOOST_TEST(v["a"]["b"][3]["c"].is_null());
    BOOST_TEST(!v["a"].contains("b"));
    BOOST_TEST(code_of([&] { v["a"].get<int>(); }) == errc::no_such_key);
    BOOST_TEST(!v["a"].get<std::optional<int>>());
    BOOST_TEST(v.is_null());
    dict d;
    BOOST_TEST(d["a"]["b"].is_null());
    BOOST_TEST(d.empty());
    const value& constant = v;
    BOOST_TEST(constant["a"]["b"].is_null());
    BOOST_TEST(value(list_of(1))[1].is_null());
    BOOST_TEST(value(list_of(1))[-1].is_null());
}

BOOST_AUTO_TEST_CASE(assign_creates_the_way)
{
    value v;
    v["a"]["b"] = 1;
    v["a"]["n"] += 2;
    v["l"].push_back(3);
    v["l"].push_back(dict::of("x", 1));
    v["l"][1]["y"] = "z";
    ++v["k"];
    --v["k"];
    v["m"] *= 5;
    v["empty"] = {};
    v["null"] = nullptr;
    BOOST_TEST(v.to_json() == R"({"a":{"b":1,"n":2},"empty":null,"k":0,)"
                              R"("l":[3,{"x":1,"y":"z"}],"m":0,"null":null})");
    BOOST_TEST((v["a"]["n"] += 1) == 3);
    BOOST_TEST(v["a"].erase("n"));
    BOOST_TEST(!v["a"].erase("n"));
    BOOST_TEST(!v["nowhere"].erase("n"));
    BOOST_TEST(!v.contains("nowhere"));
    BOOST_TEST(v["a"] == value(dict::of("b", 1)));
}

BOOST_AUTO_TEST_CASE(copy_keeps_the_value_of_its_moment)
{
    dict d{{"n", 1}, {"s", "a text that is too long to be held in place"}, {"l", list_of(1, 2)}};
    auto n = d["n"];
    auto s = d["s"];
    auto l = d["l"];
    auto first = d["l"][0];
    auto missing = d["missing"];
    d["n"] = 2;
    d["s"] = "";
    d["l"][0] = 10;
    d["l"].push_back(3);
    d["missing"] = 1;
    d.clear();
    BOOST_TEST(n == 1);
    BOOST_TEST(s.size() == 43U);
    BOOST_TEST(l == value(list_of(1, 2)));
    BOOST_TEST(l[1] == 2);
    BOOST_TEST(first == 1);
    BOOST_TEST(missing.is_null());
}

BOOST_AUTO_TEST_CASE(assign_takes_from_another_place)
{
    value v = dict::of("a", dict::of("x", 1));
    v["b"] = v["a"];
    v["a"]["x"] = 2;
    v["c"] = v["missing"];
    v["whole"] = v;
    BOOST_TEST(v["b"]["x"] == 1);
    BOOST_TEST(v.contains("c"));
    BOOST_TEST(code_of([&] { v["c"].get<int>(); }) == errc::type_mismatch); // null, but there
    BOOST_TEST(v["whole"]["a"]["x"] == 2);
    BOOST_TEST(!v["whole"].contains("whole"));
    value local = v["a"];
    local["x"] = 3;
    BOOST_TEST(v["a"]["x"] == 2);
}

BOOST_AUTO_TEST_CASE(write_creates_nothing_when_it_fails)
{
    value v = dict::of("n", 1, "l", list_of(1));
    const value before = v;
    const auto refused = [&](auto&& body, errc expected) {
        BOOST_TEST(code_of(body) == expected);
        BOOST_TEST(identical(v, before));
    };
    refused([&] { v["n"]["x"] = 1; }, errc::type_mismatch);
    refused([&] { v["n"][0] = 1; }, errc::type_mismatch);
    refused([&] { v["l"]["x"] = 1; }, errc::type_mismatch);
    refused([&] { v["l"][1] = 1; }, errc::no_such_key);
    refused([&] { v["l"][-1] = 1; }, errc::no_such_key);
    refused([&] { v["new"][0] = 1; }, errc::no_such_key);
    refused([&] { v["new"]["deep"] += true; }, errc::type_mismatch);
    refused([&] { v["new"]["deep"] -= "x"; }, errc::type_mismatch);
    refused([&] { v["n"] += "x"; }, errc::type_mismatch);
    refused([&] { v["n"] += INT64_MAX; }, errc::arithmetic_overflow);
    refused([&] { v["n"].push_back(1); }, errc::type_mismatch);
    refused([&] { v["l"].erase("x"); }, errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(read_is_that_of_a_value)
{
    value v = dict::of("n", 1, "s", "x", "l", list_of(1, 2), "d", dict::of("a", 1));
    const value& bound = v["n"]; // lives as long as its name
    BOOST_TEST(bound == 1);
    BOOST_TEST((v["n"] == 1 && 1 == v["n"] && v["s"] == "x" && "x" == v["s"] && v["n"] != 2));
    BOOST_TEST((v["n"] == v["l"][0] && v["n"] != v["s"]));
    const std::optional<value> held = v["n"];
    BOOST_TEST(*held == 1);
    int sum = 0;
    for (const value& each : v["l"])
        sum += each.get<int>();
    for (const auto& [key, each] : v["d"].as_dict())
        sum += each.get<int>();
    BOOST_TEST(sum == 4);
    std::ostringstream out;
    out << v["d"] << v["s"];
    BOOST_TEST(out.str() == R"({"a":1}"x")");
    BOOST_TEST(identical(dict::of("k", v["n"])["k"], 1));
    BOOST_TEST(list_of(v["n"]).at(0) == 1);
    const std::string key = "n";
    BOOST_TEST((v[key] == 1 && v[std::string_view("n")] == 1 && v[key.c_str()] == 1));
}

BOOST_AUTO_TEST_CASE(write_is_in_place_when_nobody_shares)
{
    value v = dict::of("l", list());
    v["l"].push_back(0);
    const list* before = std::as_const(v)["l"].get_if<list>();
    for (int i = 0; i != 100; ++i) {
        v["l"].push_back(i);
        v["l"][0] = i;
    }
    BOOST_TEST(std::as_const(v)["l"].get_if<list>() == before);
}

BOOST_AUTO_TEST_CASE(copies_may_be_used_by_several_threads)
{
    const value original = dict::of("l", list_of(1, 2, 3), "d", dict::of("n", 0));
    std::vector<std::jthread> threads;
    std::vector<value> results(4);
    for (auto& result : results)
        threads.emplace_back([copy = original, &result]() mutable {
            for (int i = 0; i != 200; ++i) {
                value mine = copy;
                mine["d"]["n"] += 1;
                copy = mine;
            }
            result = copy["d"]["n"];
        });
    threads.clear();
    for (const auto& result : results)
        BOOST_TEST(result == 200);
    BOOST_TEST(original["d"]["n"] == 0);
}

BOOST_AUTO_TEST_SUITE_END()
