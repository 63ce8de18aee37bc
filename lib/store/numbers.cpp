#include "store/numbers.hpp"

#include "value/msgpack.hpp"

#include <cmath>
#include <limits>

namespace zproc::store {

namespace {

struct number {
    bool real = false;
    std::int64_t whole = 0;
    double fraction = 0;

    double as_double() const { return real ? fraction : static_cast<double>(whole); }
};

std::optional<number> parse(std::span<const std::byte> encoded)
{
    msgpack::reader in(encoded);
    number n;
    switch (in.next_kind()) {
    case value_kind::integer: n.whole = in.read_int(); break;
    case value_kind::real:
        n.real = true;
        n.fraction = in.read_double();
        break;
    default: return std::nullopt;
    }
    return in.ok() ? std::optional(n) : std::nullopt;
}

} // namespace

error_code add_numbers(std::optional<std::span<const std::byte>> left,
                       std::span<const std::byte> right, bool negative, std::vector<std::byte>& out)
{
    const auto a = left ? parse(*left) : std::optional(number());
    const auto b = parse(right);
    if (!a || !b)
        return errc::type_mismatch;
    msgpack::writer writer(out);
    if (a->real || b->real) {
        const auto amount = b->as_double();
        const auto sum = a->as_double() + (negative ? -amount : amount);
        if (!std::isfinite(sum) && std::isfinite(a->as_double()) && std::isfinite(amount))
            return errc::arithmetic_overflow;
        writer.write_double(sum);
        return {};
    }
    std::int64_t sum = 0;
    if (negative ? __builtin_sub_overflow(a->whole, b->whole, &sum)
                 : __builtin_add_overflow(a->whole, b->whole, &sum))
        return errc::arithmetic_overflow;
    writer.write_int(sum);
    return {};
}

error_code append_element(std::optional<std::span<const std::byte>> list,
                          std::span<const std::byte> element, std::vector<std::byte>& out,
                          std::uint64_t& length)
{
    std::size_t count = 0;
    std::span<const std::byte> elements;
    if (list) {
        msgpack::reader in(*list);
        if (in.next_kind() != value_kind::sequence)
            return errc::type_mismatch;
        count = in.read_array_header();
        elements = in.rest();
    }
    if (count >= std::numeric_limits<std::uint32_t>::max())
        return errc::too_large;
    msgpack::writer writer(out);
    writer.write_array_header(count + 1);
    writer.write_raw(elements);
    writer.write_raw(element);
    length = count + 1;
    return {};
}

} // namespace zproc::store
