#include "support.hpp"

#include <zproc/draft.hpp>

#include <boost/test/data/test_case.hpp>

#include <cmath>
#include <vector>

using namespace zproc;
using detail::draft_access;
using detail::draft_source;
using detail::draft_write;

namespace {

/// a = 1 (revision 10), l = [1, 2] (11), d = {"x": {"y": 1}} (12).
draft_source some_keys()
{
    draft_source source;
    source.put("a", 1, 10);
    source.put("l", list_of(1, 2), 11);
    source.put("d", dict::of("x", dict::of("y", 1)), 12);
    return source;
}

struct addition_row {
    const char* name;
    void (*body)(draft&);
    value amount;
};

std::ostream& operator<<(std::ostream& out, const addition_row& of)
{
    return out << of.name;
}

const addition_row addition_rows[] = {
    {"plus", [](draft& s) { s["new"] += 2; }, 2},
    {"minus", [](draft& s) { s["new"] -= 2; }, -2},
    {"minus a negative", [](draft& s) { s["new"] -= INT64_MAX; }, -INT64_MAX},
    {"the least", [](draft& s) { s["new"] += INT64_MIN; }, INT64_MIN},
    {"increment", [](draft& s) { ++s["new"]; }, 1},
    {"decrement", [](draft& s) { --s["new"]; }, -1},
    {"a double", [](draft& s) { s["new"] -= 0.5; }, -0.5},
    {"infinity", [](draft& s) { s["new"] += HUGE_VAL; }, HUGE_VAL},
    {"what another key holds", [](draft& s) { s["new"] += s["a"]; }, 1},
    {"its place kept, and not looked at",
     [](draft& s) {
         auto v = (s["new"] += 3);
         (void)v;
     },
     3},
    {"its place copied to nowhere",
     [](draft& s) {
         auto v = s["new"];
         s["new"] += 3;
         (void)v;
     },
     3},
};

} // namespace

BOOST_AUTO_TEST_SUITE(draft_additions)

BOOST_DATA_TEST_CASE(arithmetic_on_an_unknown_key_leaves_an_addition_and_no_read, addition_rows,
                     row)
{
    const auto source = some_keys();
    draft state(source);
    row.body(state);
    BOOST_TEST(!draft_access::must_restart(state));
    BOOST_TEST(draft_access::writes(state).empty());
    for (const auto& each : draft_access::reads(state))
        BOOST_TEST(each.key == "a");
    const auto left = draft_access::additions(state);
    BOOST_REQUIRE(left.size() == 1U);
    BOOST_TEST(left[0].key == "new");
    BOOST_TEST(identical(left[0].amount, row.amount));

    // Where everything is known, it is a write like any other.
    auto all = some_keys();
    all.put_all(40);
    draft known(all);
    row.body(known);
    BOOST_TEST(draft_access::additions(known).empty());
    BOOST_TEST((draft_access::writes(known) == std::vector<draft_write>{{"new", row.amount}}));
}

BOOST_AUTO_TEST_CASE(arithmetic_returns_its_place_as_it_is_then)
{
    const auto source = some_keys();
    draft state(source);
    auto then = (state["a"] += 2);
    state["a"] += 4;
    BOOST_TEST(then == 3);
    BOOST_TEST(state["a"] == 7);
    BOOST_TEST((state["d"]["x"]["y"] -= 3) == -2);
    auto deep = ++state["d"]["x"]["y"];
    state["d"]["x"] = 1;
    BOOST_TEST(deep == -1);
    BOOST_TEST((state["l"][1] *= 5) == 10);
    (state["l"][0] += 1) *= 7; // goes on where it is
    BOOST_TEST((state["l"] == value(list_of(14, 10))));
    const std::vector<detail::draft_read> read{{"a", 10}, {"d", 12}, {"l", 11}};
    BOOST_TEST((draft_access::reads(state) == read));
}

BOOST_AUTO_TEST_SUITE_END()
