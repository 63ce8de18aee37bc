#include "value/msgpack.hpp"
#include "value/msgpack_layout.hpp"

#include <bit>

namespace zproc::msgpack {

void writer::append(const void* from, std::size_t size)
{
    const auto* first = static_cast<const std::byte*>(from);
    out_.insert(out_.end(), first, first + size);
}

template <class Number>
void writer::tagged(std::uint8_t tag, Number number)
{
    std::byte item[1 + sizeof(Number)];
    item[0] = std::byte{tag};
    store_big(item + 1, number);
    append(item, sizeof item);
}

void writer::write_nil()
{
    out_.push_back(std::byte{tag::nil});
}

void writer::write_bool(bool flag)
{
    out_.push_back(std::byte{flag ? tag::yes : tag::no});
}

void writer::write_uint(std::uint64_t number)
{
    if (number < 0x80)
        out_.push_back(static_cast<std::byte>(number));
    else if (number <= UINT8_MAX)
        tagged(tag::uint8, static_cast<std::uint8_t>(number));
    else if (number <= UINT16_MAX)
        tagged(tag::uint8 + 1, static_cast<std::uint16_t>(number));
    else if (number <= UINT32_MAX)
        tagged(tag::uint8 + 2, static_cast<std::uint32_t>(number));
    else
        tagged(tag::uint8 + 3, number);
}

void writer::write_int(std::int64_t number)
{
    if (number >= 0)
        return write_uint(static_cast<std::uint64_t>(number));
    if (number >= -32)
        out_.push_back(static_cast<std::byte>(number));
    else if (number >= INT8_MIN)
        tagged(tag::int8, static_cast<std::uint8_t>(number));
    else if (number >= INT16_MIN)
        tagged(tag::int8 + 1, static_cast<std::uint16_t>(number));
    else if (number >= INT32_MIN)
        tagged(tag::int8 + 2, static_cast<std::uint32_t>(number));
    else
        tagged(tag::int8 + 3, static_cast<std::uint64_t>(number));
}

void writer::write_double(double number)
{
    tagged(tag::float64, std::bit_cast<std::uint64_t>(number));
}

void writer::write_str(std::string_view text)
{
    const auto size = text.size();
    if (size < 32)
        out_.push_back(static_cast<std::byte>(tag::fixstr | size));
    else if (size <= UINT8_MAX)
        tagged(tag::str8, static_cast<std::uint8_t>(size));
    else if (size <= UINT16_MAX)
        tagged(tag::str8 + 1, static_cast<std::uint16_t>(size));
    else
        tagged(tag::str8 + 2, static_cast<std::uint32_t>(size));
    append(text.data(), size);
}

void writer::write_bin(std::span<const std::byte> run)
{
    const auto size = run.size();
    if (size <= UINT8_MAX)
        tagged(tag::bin8, static_cast<std::uint8_t>(size));
    else if (size <= UINT16_MAX)
        tagged(tag::bin8 + 1, static_cast<std::uint16_t>(size));
    else
        tagged(tag::bin8 + 2, static_cast<std::uint32_t>(size));
    append(run.data(), size);
}

void writer::write_array_header(std::size_t count)
{
    if (count < 16)
        out_.push_back(static_cast<std::byte>(tag::fixarray | count));
    else if (count <= UINT16_MAX)
        tagged(tag::array16, static_cast<std::uint16_t>(count));
    else
        tagged(tag::array16 + 1, static_cast<std::uint32_t>(count));
}

void writer::write_map_header(std::size_t count)
{
    if (count < 16)
        out_.push_back(static_cast<std::byte>(tag::fixmap | count));
    else if (count <= UINT16_MAX)
        tagged(tag::map16, static_cast<std::uint16_t>(count));
    else
        tagged(tag::map16 + 1, static_cast<std::uint32_t>(count));
}

void writer::write_ext_header(std::int8_t type, std::size_t size)
{
    if (std::has_single_bit(size) && size <= 16)
        out_.push_back(static_cast<std::byte>(tag::fixext1 + std::countr_zero(size)));
    else if (size <= UINT8_MAX)
        tagged(tag::ext8, static_cast<std::uint8_t>(size));
    else if (size <= UINT16_MAX)
        tagged(tag::ext8 + 1, static_cast<std::uint16_t>(size));
    else
        tagged(tag::ext8 + 2, static_cast<std::uint32_t>(size));
    out_.push_back(static_cast<std::byte>(type));
}

void writer::write_raw(std::span<const std::byte> items)
{
    append(items.data(), items.size());
}

} // namespace zproc::msgpack
