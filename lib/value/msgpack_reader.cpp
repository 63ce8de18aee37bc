#include "value/msgpack.hpp"
#include "value/msgpack_layout.hpp"

#include <bit>

namespace zproc::msgpack {

error_code reader::error() const noexcept
{
    return failed_ ? make_error_code(reason_) : error_code();
}

void reader::fail(errc reason) noexcept
{
    if (failed_)
        return;
    failed_ = true;
    reason_ = reason;
    rest_ = {};
}

template <class Number>
Number reader::take() noexcept
{
    if (rest_.size() < sizeof(Number)) {
        fail();
        return 0;
    }
    const auto number = load_big<Number>(rest_.data());
    rest_ = rest_.subspan(sizeof(Number));
    return number;
}

std::span<const std::byte> reader::take_run(std::size_t size) noexcept
{
    if (rest_.size() < size) {
        fail();
        return {};
    }
    const auto run = rest_.first(size);
    rest_ = rest_.subspan(size);
    return run;
}

std::size_t reader::counted(std::size_t count, std::size_t bytes_each) noexcept
{
    if (!failed_ && count <= rest_.size() / bytes_each)
        return count;
    fail();
    return 0;
}

value_kind reader::next_kind() const noexcept
{
    if (rest_.empty())
        return value_kind::null;
    const auto next = std::to_integer<std::uint8_t>(rest_.front());
    if (next < tag::fixmap || next >= tag::negative_fixint)
        return value_kind::integer;
    if (next < tag::fixarray)
        return value_kind::dict;
    if (next < tag::fixstr)
        return value_kind::sequence;
    if (next < tag::nil)
        return value_kind::string;
    if (next <= tag::nil + 1)
        return value_kind::null; // 0xC1 is never used: read_nil refuses it
    if (next <= tag::yes)
        return value_kind::boolean;
    if (next < tag::ext8)
        return value_kind::binary;
    if (next < tag::float32)
        return value_kind::object;
    if (next <= tag::float64)
        return value_kind::real;
    if (next < tag::fixext1)
        return value_kind::integer;
    if (next < tag::str8)
        return value_kind::object;
    if (next < tag::array16)
        return value_kind::string;
    return next < tag::map16 ? value_kind::sequence : value_kind::dict;
}

bool reader::next_is_nil() const noexcept
{
    return !rest_.empty() && rest_.front() == std::byte{tag::nil};
}

void reader::read_nil() noexcept
{
    if (take<std::uint8_t>() != tag::nil)
        fail();
}

bool reader::read_bool() noexcept
{
    const auto next = take<std::uint8_t>();
    if (next != tag::yes && next != tag::no)
        fail();
    return next == tag::yes;
}

std::int64_t reader::read_int() noexcept
{
    const auto next = take<std::uint8_t>();
    if (next < tag::fixmap || next >= tag::negative_fixint)
        return static_cast<std::int8_t>(next);
    switch (next) {
    case tag::uint8: return take<std::uint8_t>();
    case tag::uint8 + 1: return take<std::uint16_t>();
    case tag::uint8 + 2: return take<std::uint32_t>();
    case tag::uint8 + 3: {
        const auto number = take<std::uint64_t>();
        if (number <= INT64_MAX)
            return static_cast<std::int64_t>(number);
        fail(errc::not_representable);
        return 0;
    }
    case tag::int8: return static_cast<std::int8_t>(take<std::uint8_t>());
    case tag::int8 + 1: return static_cast<std::int16_t>(take<std::uint16_t>());
    case tag::int8 + 2: return static_cast<std::int32_t>(take<std::uint32_t>());
    case tag::int8 + 3: return static_cast<std::int64_t>(take<std::uint64_t>());
    default: fail(); return 0;
    }
}

std::uint64_t reader::read_uint() noexcept
{
    // only these can be beyond what read_int takes
    if (!rest_.empty() && rest_.front() == std::byte{tag::uint8 + 3}) {
        rest_ = rest_.subspan(1);
        return take<std::uint64_t>();
    }
    const auto number = read_int();
    if (number >= 0)
        return static_cast<std::uint64_t>(number);
    fail(errc::not_representable);
    return 0;
}

double reader::read_double() noexcept
{
    const auto next = take<std::uint8_t>();
    if (next == tag::float64)
        return std::bit_cast<double>(take<std::uint64_t>());
    if (next == tag::float32)
        return std::bit_cast<float>(take<std::uint32_t>());
    fail();
    return 0;
}

std::string_view reader::read_str() noexcept
{
    const auto next = take<std::uint8_t>();
    std::size_t size = 0;
    if (next >= tag::fixstr && next < tag::nil)
        size = next & 31U;
    else if (next == tag::str8)
        size = take<std::uint8_t>();
    else if (next == tag::str8 + 1)
        size = take<std::uint16_t>();
    else if (next == tag::str8 + 2)
        size = take<std::uint32_t>();
    else
        fail();
    const auto run = take_run(size);
    return {reinterpret_cast<const char*>(run.data()), run.size()};
}

std::span<const std::byte> reader::read_bin() noexcept
{
    const auto next = take<std::uint8_t>();
    std::size_t size = 0;
    if (next == tag::bin8)
        size = take<std::uint8_t>();
    else if (next == tag::bin8 + 1)
        size = take<std::uint16_t>();
    else if (next == tag::bin8 + 2)
        size = take<std::uint32_t>();
    else
        fail();
    return take_run(size);
}

std::size_t reader::read_array_header() noexcept
{
    const auto next = take<std::uint8_t>();
    std::size_t count = 0;
    if (next >= tag::fixarray && next < tag::fixstr)
        count = next & 15U;
    else if (next == tag::array16)
        count = take<std::uint16_t>();
    else if (next == tag::array16 + 1)
        count = take<std::uint32_t>();
    else
        fail();
    return counted(count, 1);
}

std::size_t reader::read_map_header() noexcept
{
    const auto next = take<std::uint8_t>();
    std::size_t count = 0;
    if (next >= tag::fixmap && next < tag::fixarray)
        count = next & 15U;
    else if (next == tag::map16)
        count = take<std::uint16_t>();
    else if (next == tag::map16 + 1)
        count = take<std::uint32_t>();
    else
        fail();
    return counted(count, 2);
}

void reader::expect_array(std::size_t count) noexcept
{
    if (read_array_header() != count)
        fail();
}

std::size_t reader::read_ext_header(std::int8_t& type) noexcept
{
    const auto next = take<std::uint8_t>();
    std::size_t size = 0;
    if (next >= tag::fixext1 && next < tag::str8)
        size = std::size_t{1} << (next - tag::fixext1);
    else if (next == tag::ext8)
        size = take<std::uint8_t>();
    else if (next == tag::ext8 + 1)
        size = take<std::uint16_t>();
    else if (next == tag::ext8 + 2)
        size = take<std::uint32_t>();
    else
        fail();
    type = static_cast<std::int8_t>(take<std::uint8_t>());
    return counted(size, 1);
}

void reader::expect_end() noexcept
{
    if (!rest_.empty())
        fail();
}

} // namespace zproc::msgpack
