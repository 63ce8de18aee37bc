#include <zproc/detail/watch_condition.hpp>

#include <boost/test/unit_test.hpp>

using namespace zproc;
using detail::value_test;

namespace {

struct row {
    const char* name;
    value_test which;
    std::vector<value> holds;
    std::vector<value> fails;
};

const std::vector<row> rows{
    {"available", value_test::available, {nullptr, 0, "", 1}, {}},
    {"equal", value_test::equal, {1, 1.0}, {nullptr, 0, "1", true, list_of(1)}},
    {"not_equal", value_test::not_equal, {nullptr, 0, "1", true}, {1, 1.0}},
    {"none", value_test::none, {nullptr}, {0, false, "", list()}},
    {"not_none", value_test::not_none, {0, false, "", list()}, {nullptr}},
    {"truthy",
     value_test::truthy,
     {1, true, "x", list_of(0), -0.5},
     {nullptr, 0, false, "", list()}},
    {"falsy", value_test::falsy, {nullptr, 0, false, "", list(), 0.0}, {1, true, "x", list_of(0)}},
};

} // namespace

BOOST_AUTO_TEST_SUITE(condition)

BOOST_AUTO_TEST_CASE(test_of_holds_for_what_its_name_says)
{
    for (const auto& row : rows) {
        const auto test = detail::test_of(row.which, 1);
        for (const auto& v : row.holds)
            BOOST_TEST(test(v), row.name << " of " << v);
        for (const auto& v : row.fails)
            BOOST_TEST(!test(v), row.name << " of " << v);
    }
}

BOOST_AUTO_TEST_SUITE_END()
