#include "support.hpp"

#include <zproc/value.hpp>

using namespace zproc;
using test::code_of;

namespace {

struct row {
    value left;
    char sign;
    value right;
    value result; // or
    error_code ec = {};
};

void apply(value& left, char sign, const value& right)
{
    if (sign == '+')
        left += right;
    else if (sign == '-')
        left -= right;
    else
        left *= right;
}

} // namespace

BOOST_AUTO_TEST_SUITE(arithmetic)

BOOST_AUTO_TEST_CASE(calculate_gives_the_result_or_leaves_the_operand)
{
    const row rows[] = {
        {1, '+', 2, 3},
        {1, '-', 2, -1},
        {3, '*', 2, 6},
        {1, '+', 0.5, 1.5},
        {0.5, '*', 4, 2.0},
        {nullptr, '+', 2, 2},
        {nullptr, '-', 2, -2},
        {nullptr, '*', 2, 0},
        {1, '+', nullptr, 1},
        {"a", '+', "b", "ab"},
        {nullptr, '+', "b", "b"},
        {INT64_MAX, '+', 1, {}, errc::arithmetic_overflow},
        {INT64_MIN, '-', 1, {}, errc::arithmetic_overflow},
        {INT64_MIN, '*', -1, {}, errc::arithmetic_overflow},
        {INT64_MAX, '+', 1.0, 0x1p63},
        {1e308, '*', 10, {}, errc::arithmetic_overflow},
        {"a", '-', "b", {}, errc::type_mismatch},
        {"a", '+', 1, {}, errc::type_mismatch},
        {1, '+', "a", {}, errc::type_mismatch},
        {true, '+', 1, {}, errc::type_mismatch},
        {list_of(1), '+', 1, {}, errc::type_mismatch},
    };
    for (const auto& [left, sign, right, result, ec] : rows) {
        BOOST_TEST_CONTEXT(left << ' ' << sign << ' ' << right)
        {
            value operand = left;
            BOOST_TEST(code_of([&, s = sign, &r = right] { apply(operand, s, r); }) == ec);
            BOOST_TEST(identical(operand, ec ? left : result), operand);
        }
    }
}

BOOST_AUTO_TEST_CASE(increment_counts)
{
    value n;
    ++n;
    ++n;
    --n;
    BOOST_TEST(n == 1);
    n += n;
    BOOST_TEST(n == 2);
    value text = "ab";
    text += text;
    BOOST_TEST(text == "abab");
}

BOOST_AUTO_TEST_SUITE_END()
