#include <zproc/value.hpp>

#include <cmath>

namespace zproc {

namespace {

enum class operation { plus, minus, times };

std::string_view sign(operation which) noexcept
{
    return which == operation::plus ? " + " : which == operation::minus ? " - " : " * ";
}

[[noreturn]] void overflow(operation which, const value& left, const value& right)
{
    throw detail::conversion_error(errc::arithmetic_overflow,
                                   left.to_json() + std::string(sign(which)) + right.to_json());
}

[[noreturn]] void mismatch(operation which, const value& left, const value& right)
{
    const value& wrong = left.is_null() || left.is_number() ? right : left;
    throw detail::conversion_error(errc::type_mismatch,
                                   "held: " + detail::describe(wrong) + ", wanted: a number, in " +
                                       detail::describe(left) + std::string(sign(which)) +
                                       detail::describe(right));
}

std::int64_t of_integers(operation which, std::int64_t left, std::int64_t right)
{
    std::int64_t result = 0;
    const bool failed = which == operation::plus    ? __builtin_add_overflow(left, right, &result)
                        : which == operation::minus ? __builtin_sub_overflow(left, right, &result)
                                                    : __builtin_mul_overflow(left, right, &result);
    if (failed)
        overflow(which, left, right);
    return result;
}

double of_doubles(operation which, double left, double right)
{
    const double result = which == operation::plus    ? left + right
                          : which == operation::minus ? left - right
                                                      : left * right;
    if (!std::isfinite(result) && std::isfinite(left) && std::isfinite(right))
        overflow(which, left, right);
    return result;
}

value calculate(operation which, const value& left, const value& right)
{
    static const value zero(0);
    const value& a = left.is_null() ? zero : left;
    const value& b = right.is_null() ? zero : right;
    if (!a.is_number() || !b.is_number())
        mismatch(which, left, right);
    if (a.is_integer() && b.is_integer())
        return of_integers(which, *a.get_if<std::int64_t>(), *b.get_if<std::int64_t>());
    return of_doubles(which, a.get<double>(), b.get<double>());
}

} // namespace

value& value::operator+=(const value& other)
{
    if (const auto* text = other.get_if<std::string>()) {
        if (is_null())
            return *this = value(*text);
        if (is_string()) {
            std::get<std::string>(rep_) += *text;
            return *this;
        }
    }
    return *this = calculate(operation::plus, *this, other);
}

value& value::operator-=(const value& other)
{
    return *this = calculate(operation::minus, *this, other);
}

value& value::operator*=(const value& other)
{
    return *this = calculate(operation::times, *this, other);
}

} // namespace zproc
