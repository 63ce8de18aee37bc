#include "value/msgpack.hpp"
#include "value/msgpack_layout.hpp"

#include <bit>

namespace zproc::msgpack {

namespace {

/// Walks over one value; every form longer than it needs to be is an error.
class checker {
public:
    explicit checker(std::span<const std::byte> from) : rest_(from) {}

    std::size_t left() const noexcept { return rest_.size(); }
    errc reason() const noexcept { return reason_; }

    bool one(std::size_t depth_left) noexcept
    {
        std::uint8_t next = 0;
        if (!take(next))
            return false;
        if (next < tag::fixmap || next >= tag::negative_fixint)
            return true;
        if (next < tag::fixarray)
            return entries(next & 15U, depth_left);
        if (next < tag::fixstr)
            return elements(next & 15U, depth_left);
        if (next < tag::nil)
            return skip(next & 31U);
        if (next >= tag::fixext1 && next < tag::str8)
            return extension(std::size_t{1} << (next - tag::fixext1));
        switch (next) {
        case tag::nil:
        case tag::no:
        case tag::yes: return true;
        case tag::float64: return skip(8);
        case tag::uint8: return unsigned_from<std::uint8_t>(0x80);
        case tag::uint8 + 1: return unsigned_from<std::uint16_t>(std::uint64_t{UINT8_MAX} + 1);
        case tag::uint8 + 2: return unsigned_from<std::uint32_t>(std::uint64_t{UINT16_MAX} + 1);
        case tag::uint8 + 3: return unsigned_from<std::uint64_t>(std::uint64_t{UINT32_MAX} + 1);
        case tag::int8: return signed_below<std::int8_t>(-32);
        case tag::int8 + 1: return signed_below<std::int16_t>(INT8_MIN);
        case tag::int8 + 2: return signed_below<std::int32_t>(INT16_MIN);
        case tag::int8 + 3: return signed_below<std::int64_t>(INT32_MIN);
        case tag::bin8: return run<std::uint8_t>(0);
        case tag::bin8 + 1: return run<std::uint16_t>(UINT8_MAX + 1U);
        case tag::bin8 + 2: return run<std::uint32_t>(UINT16_MAX + 1U);
        case tag::str8: return run<std::uint8_t>(32);
        case tag::str8 + 1: return run<std::uint16_t>(UINT8_MAX + 1U);
        case tag::str8 + 2: return run<std::uint32_t>(UINT16_MAX + 1U);
        case tag::array16: {
            std::uint16_t count = 0;
            return take(count) && count >= 16 ? elements(count, depth_left) : malformed();
        }
        case tag::array16 + 1: {
            std::uint32_t count = 0;
            return take(count) && count > UINT16_MAX ? elements(count, depth_left) : malformed();
        }
        case tag::map16: {
            std::uint16_t count = 0;
            return take(count) && count >= 16 ? entries(count, depth_left) : malformed();
        }
        case tag::map16 + 1: {
            std::uint32_t count = 0;
            return take(count) && count > UINT16_MAX ? entries(count, depth_left) : malformed();
        }
        case tag::ext8: {
            std::uint8_t size = 0;
            const bool shorter = !take(size) || (std::has_single_bit(size) && size <= 16);
            return shorter ? malformed() : extension(size);
        }
        case tag::ext8 + 1: {
            std::uint16_t size = 0;
            return take(size) && size > UINT8_MAX ? extension(size) : malformed();
        }
        case tag::ext8 + 2: {
            std::uint32_t size = 0;
            return take(size) && size > UINT16_MAX ? extension(size) : malformed();
        }
        default: return malformed();
        }
    }

private:
    bool malformed(errc reason = errc::malformed_value) noexcept
    {
        if (reason_ == errc{})
            reason_ = reason;
        return false;
    }

    template <class Number>
    bool take(Number& number) noexcept
    {
        if (rest_.size() < sizeof(Number))
            return malformed();
        number = load_big<Number>(rest_.data());
        rest_ = rest_.subspan(sizeof(Number));
        return true;
    }

    bool skip(std::size_t size) noexcept
    {
        if (rest_.size() < size)
            return malformed();
        rest_ = rest_.subspan(size);
        return true;
    }

    template <class Number>
    bool unsigned_from(std::uint64_t least) noexcept
    {
        Number number = 0;
        if (!take(number) || number < least)
            return malformed();
        return number <= static_cast<std::uint64_t>(INT64_MAX) ||
               malformed(errc::not_representable);
    }

    template <class Number>
    bool signed_below(std::int64_t most) noexcept
    {
        std::make_unsigned_t<Number> number = 0;
        return (take(number) && static_cast<Number>(number) < most) || malformed();
    }

    template <class Size>
    bool run(std::size_t least) noexcept
    {
        Size size = 0;
        return take(size) && size >= least ? skip(size) : malformed();
    }

    bool elements(std::size_t count, std::size_t depth_left) noexcept
    {
        if (depth_left == 0)
            return malformed(errc::value_too_deep);
        for (std::size_t i = 0; i != count; ++i)
            if (!one(depth_left - 1))
                return false;
        return true;
    }

    bool entries(std::size_t count, std::size_t depth_left) noexcept
    {
        if (depth_left == 0)
            return malformed(errc::value_too_deep);
        std::string_view last;
        for (std::size_t i = 0; i != count; ++i) {
            std::string_view key;
            if (!text(key) || (i != 0 && key <= last))
                return malformed();
            last = key;
            if (!one(depth_left - 1))
                return false;
        }
        return true;
    }

    bool text(std::string_view& content) noexcept
    {
        const auto before = rest_;
        if (reader(before).next_kind() != value_kind::string || before.empty() || !one(0))
            return malformed();
        content = reader(before.first(before.size() - rest_.size())).read_str();
        return true;
    }

    bool extension(std::size_t size) noexcept
    {
        std::uint8_t type = 0;
        if (!take(type) || static_cast<std::int8_t>(type) != object_extension ||
            rest_.size() < size)
            return malformed();
        checker within(rest_.first(size));
        std::uint8_t header = 0;
        std::string_view name;
        const bool good = within.take(header) && header == (tag::fixarray | 2U) &&
                          within.text(name) &&
                          reader(within.rest_).next_kind() == value_kind::binary && within.one(0) &&
                          within.rest_.empty();
        return good ? skip(size) : malformed();
    }

    std::span<const std::byte> rest_;
    errc reason_{};
};

} // namespace

std::span<const std::byte> reader::read_raw(const limits& allowed) noexcept
{
    checker check(rest_);
    if (failed_ || !check.one(allowed.depth)) {
        fail(check.reason() == errc{} ? errc::malformed_value : check.reason());
        return {};
    }
    const auto size = rest_.size() - check.left();
    if (size > allowed.size) {
        fail(errc::too_large);
        return {};
    }
    return take_run(size);
}

error_code validate(std::span<const std::byte> from, const limits& allowed)
{
    if (from.size() > allowed.size)
        return errc::too_large;
    reader items(from);
    items.read_raw(allowed);
    items.expect_end();
    return items.error();
}

} // namespace zproc::msgpack
