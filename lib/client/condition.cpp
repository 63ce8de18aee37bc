#include <zproc/detail/watch_condition.hpp>

namespace zproc::detail {

std::function<bool(const value&)> test_of(value_test which, value expected)
{
    switch (which) {
    case value_test::available: return [](const value&) { return true; };
    case value_test::equal:
        return [expected = std::move(expected)](const value& v) { return v == expected; };
    case value_test::not_equal:
        return [expected = std::move(expected)](const value& v) { return !(v == expected); };
    case value_test::none: return [](const value& v) { return v.is_null(); };
    case value_test::not_none: return [](const value& v) { return !v.is_null(); };
    case value_test::truthy: return [](const value& v) { return v.truthy(); };
    case value_test::falsy: return [](const value& v) { return !v.truthy(); };
    }
    return [](const value&) { return false; };
}

} // namespace zproc::detail
