#include "value/access.hpp"
#include "value/json.hpp"

#include <zproc/value.hpp>

#include <bit>
#include <cmath>
#include <memory>
#include <ostream>
#include <utility>

namespace zproc {

using detail::value_access;

std::string_view to_string(value_kind kind) noexcept
{
    switch (kind) {
    case value_kind::null: return "null";
    case value_kind::boolean: return "bool";
    case value_kind::integer: return "integer";
    case value_kind::real: return "double";
    case value_kind::string: return "string";
    case value_kind::binary: return "bytes";
    case value_kind::sequence: return "list";
    case value_kind::dict: return "dict";
    case value_kind::object: return "object";
    }
    return "unknown";
}

void value::copy_from(const value& other)
{
    std::construct_at(&rep_, other.rep_);
}

void value::move_from(value&& other) noexcept
{
    std::construct_at(&rep_, std::move(other.rep_));
}

// What is assigned may be within what it replaces.

void value::assign(const value& other)
{
    value copy(other);
    rep_ = std::move(copy.rep_);
}

void value::assign(value&& other) noexcept
{
    value taken(std::move(other));
    rep_ = std::move(taken.rep_);
}

void value::destroy() noexcept
{
    std::destroy_at(&rep_);
}

namespace detail {

std::string copy_of(std::string_view text)
{
    return std::string(text);
}

std::optional<std::int64_t> whole(double number) noexcept
{
    // 2^63 and beyond do not fit; NaN fails both comparisons.
    if (!(number >= -0x1p63 && number < 0x1p63))
        return std::nullopt;
    const auto integer = static_cast<std::int64_t>(number);
    if (static_cast<double>(integer) != number)
        return std::nullopt;
    return integer;
}

const value& absent() noexcept
{
    static const value none = [] {
        value null;
        std::get<nothing>(value_access::representation(null)).absent = true;
        return null;
    }();
    return none;
}

const value& element(const value& from, std::string_view key)
{
    if (from.is_null())
        return absent();
    const dict* held = from.get_if<dict>();
    if (!held)
        throw_mismatch(from, "dict (for key '" + std::string(key) + "')");
    const value* found = held->find(key);
    return found ? *found : absent();
}

const value& element(const value& from, std::size_t index)
{
    if (from.is_null())
        return absent();
    const list* held = from.get_if<list>();
    if (!held)
        throw_mismatch(from, "list (for index " + std::to_string(index) + ")");
    return index < held->size() ? (*held)[index] : absent();
}

} // namespace detail

value value::parse_json(std::string_view text)
{
    return json::parse(text);
}

std::string value::to_json() const
{
    std::string out;
    json::print(*this, out);
    return out;
}

std::ostream& value::print(std::ostream& out, const value& content)
{
    return out << content.to_json();
}

bool value::truthy() const noexcept
{
    switch (kind()) {
    case value_kind::null: return false;
    case value_kind::boolean: return *get_if<bool>();
    case value_kind::integer: return *get_if<std::int64_t>() != 0;
    case value_kind::real: return *get_if<double>() != 0;
    case value_kind::string: return !get_if<std::string>()->empty();
    case value_kind::binary: return !get_if<bytes>()->empty();
    case value_kind::sequence: return !get_if<list>()->empty();
    case value_kind::dict: return !get_if<dict>()->empty();
    case value_kind::object: return true;
    }
    return false;
}

const list& value::as_list() const&
{
    if (const list* held = get_if<list>())
        return *held;
    detail::throw_mismatch(*this, "list");
}

list value::as_list() &&
{
    return std::as_const(*this).as_list();
}

const dict& value::as_dict() const&
{
    if (const dict* held = get_if<dict>())
        return *held;
    detail::throw_mismatch(*this, "dict");
}

dict value::as_dict() &&
{
    return std::as_const(*this).as_dict();
}

bool value::contains(std::string_view key) const noexcept
{
    const dict* held = get_if<dict>();
    return held && held->contains(key);
}

std::size_t value::size() const
{
    switch (kind()) {
    case value_kind::null: return 0;
    case value_kind::string: return get_if<std::string>()->size();
    case value_kind::binary: return get_if<bytes>()->size();
    case value_kind::sequence: return get_if<list>()->size();
    case value_kind::dict: return get_if<dict>()->size();
    default: detail::throw_mismatch(*this, "something that has a size");
    }
}

list::const_iterator value::begin() const
{
    return is_null() ? detail::cow<list>().read().begin() : as_list().begin();
}

list::const_iterator value::end() const
{
    return is_null() ? detail::cow<list>().read().end() : as_list().end();
}

void value::push_back(value element)
{
    if (!is_null() && !is_list())
        detail::throw_mismatch(*this, "list");
    value_access::forget_absence(element);
    value_access::write_list(*this).push_back(std::move(element));
}

bool value::erase(std::string_view key)
{
    if (is_null())
        return false;
    if (!is_dict())
        detail::throw_mismatch(*this, "dict");
    return std::get<dict>(rep_).erase(key);
}

bool value::equal(const value& left, const value& right) noexcept
{
    const auto same_number = [](double real, std::int64_t integer) {
        return detail::whole(real) == integer;
    };
    if (left.kind() != right.kind()) {
        if (left.is_double() && right.is_integer())
            return same_number(*left.get_if<double>(), *right.get_if<std::int64_t>());
        if (left.is_integer() && right.is_double())
            return same_number(*right.get_if<double>(), *left.get_if<std::int64_t>());
        return false;
    }
    switch (left.kind()) {
    case value_kind::null: return true;
    case value_kind::boolean: return *left.get_if<bool>() == *right.get_if<bool>();
    case value_kind::integer: return *left.get_if<std::int64_t>() == *right.get_if<std::int64_t>();
    case value_kind::real: return *left.get_if<double>() == *right.get_if<double>();
    case value_kind::string: return *left.get_if<std::string>() == *right.get_if<std::string>();
    case value_kind::binary: return *left.get_if<bytes>() == *right.get_if<bytes>();
    case value_kind::sequence: return *left.get_if<list>() == *right.get_if<list>();
    case value_kind::dict: return *left.get_if<dict>() == *right.get_if<dict>();
    case value_kind::object: return *left.get_if<object>() == *right.get_if<object>();
    }
    return false;
}

bool identical(const value& left, const value& right) noexcept
{
    if (left.kind() != right.kind())
        return false;
    switch (left.kind()) {
    case value_kind::real:
        return std::bit_cast<std::uint64_t>(*left.get_if<double>()) ==
               std::bit_cast<std::uint64_t>(*right.get_if<double>());
    case value_kind::sequence: {
        const list& a = *left.get_if<list>();
        const list& b = *right.get_if<list>();
        return &a == &b || std::equal(a.begin(), a.end(), b.begin(), b.end(), identical);
    }
    case value_kind::dict: {
        const dict& a = *left.get_if<dict>();
        const dict& b = *right.get_if<dict>();
        return detail::dict_access::same_box(a, b) ||
               std::equal(
                   a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
                       return one.first == other.first && identical(one.second, other.second);
                   });
    }
    default: return left == right;
    }
}

} // namespace zproc
