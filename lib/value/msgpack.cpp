#include "value/msgpack.hpp"

#include "value/access.hpp"
#include "value/msgpack_layout.hpp"

#include <bit>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace zproc::msgpack {

namespace {

// ---- encoding ---------------------------------------------------------------------------------

std::size_t str_header_size(std::size_t size) noexcept
{
    return size < 32 ? 1U : size <= UINT8_MAX ? 2U : size <= UINT16_MAX ? 3U : 5U;
}

std::size_t bin_header_size(std::size_t size) noexcept
{
    return size <= UINT8_MAX ? 2U : size <= UINT16_MAX ? 3U : 5U;
}

class encoder {
public:
    encoder(bytes& out, const limits& allowed)
        : writer_(out),
          start_(out.size()),
          size_limit_(std::min<std::size_t>(allowed.size, UINT32_MAX))
    {
    }

    bool encode(const value& content, std::size_t depth_left)
    {
        switch (content.kind()) {
        case value_kind::null: writer_.write_nil(); break;
        case value_kind::boolean: writer_.write_bool(*content.get_if<bool>()); break;
        case value_kind::integer: writer_.write_int(*content.get_if<std::int64_t>()); break;
        case value_kind::real: writer_.write_double(*content.get_if<double>()); break;
        case value_kind::string: return text(*content.get_if<std::string>());
        case value_kind::binary: {
            const bytes& run = *content.get_if<bytes>();
            if (!fits(run.size()))
                return false;
            writer_.write_bin(run);
            break;
        }
        case value_kind::sequence: return elements(*content.get_if<list>(), depth_left);
        case value_kind::dict: return entries(*content.get_if<dict>(), depth_left);
        case value_kind::object: return extension(*content.get_if<object>());
        }
        return fits(0);
    }

    errc reason() const noexcept { return reason_; }

private:
    bool failed(errc reason) noexcept
    {
        reason_ = reason;
        return false;
    }

    bool fits(std::size_t more) noexcept
    {
        const auto used = writer_.out().size() - start_;
        return (used <= size_limit_ && more <= size_limit_ - used) || failed(errc::too_large);
    }

    bool text(const std::string& content)
    {
        if (!fits(content.size()))
            return false;
        writer_.write_str(content);
        return fits(0); // the header too
    }

    bool elements(const list& content, std::size_t depth_left)
    {
        if (depth_left == 0)
            return failed(errc::value_too_deep);
        if (!fits(content.size()))
            return false;
        writer_.write_array_header(content.size());
        for (const value& element : content)
            if (!encode(element, depth_left - 1))
                return false;
        return true;
    }

    bool entries(const dict& content, std::size_t depth_left)
    {
        if (depth_left == 0)
            return failed(errc::value_too_deep);
        if (!fits(content.size()))
            return false;
        writer_.write_map_header(content.size());
        for (const auto& [key, element] : content)
            if (!text(key) || !encode(element, depth_left - 1))
                return false;
        return true;
    }

    bool extension(const object& content)
    {
        if (!fits(content.type.size()) || !fits(content.data.size()))
            return false;
        writer_.write_ext_header(object_extension,
                                 1 + str_header_size(content.type.size()) + content.type.size() +
                                     bin_header_size(content.data.size()) + content.data.size());
        writer_.write_array_header(2);
        writer_.write_str(content.type);
        writer_.write_bin(content.data);
        return fits(0);
    }

    writer writer_;
    std::size_t start_;
    std::size_t size_limit_;
    errc reason_{};
};

// ---- decoding ---------------------------------------------------------------------------------

/// The content of an object's extension; fails `from` if it is none.
std::pair<std::string_view, std::span<const std::byte>> read_object(reader& from)
{
    std::int8_t type = 0;
    const auto size = from.read_ext_header(type);
    reader within(from.rest().first(size));
    from.skip(size);
    if (type != object_extension)
        from.fail();
    within.expect_array(2);
    const auto name = within.read_str();
    const auto data = within.read_bin();
    within.expect_end();
    if (!within.ok())
        from.fail();
    return {name, data};
}

value build(reader& from, std::size_t depth_left);

value build_list(reader& from, std::size_t depth_left)
{
    const auto count = from.read_array_header();
    list built;
    built.reserve(std::min<std::size_t>(count, 1024)); // a count is easily claimed
    for (std::size_t i = 0; i != count && from.ok(); ++i)
        built.push_back(build(from, depth_left));
    return value(std::move(built));
}

value build_dict(reader& from, std::size_t depth_left)
{
    const auto count = from.read_map_header();
    dict built;
    if (count == 0)
        return value(std::move(built));
    auto& map = detail::dict_access::write(built);
    for (std::size_t i = 0; i != count && from.ok(); ++i) {
        const auto key = from.read_str();
        if (!from.ok())
            break;
        const auto before = map.size();
        const bool last = map.empty() || std::string_view(map.rbegin()->first) < key;
        const auto place =
            last ? map.emplace_hint(map.end(), key, value()) : map.emplace(key, value()).first;
        if (map.size() == before)
            from.fail();
        place->second = build(from, depth_left);
    }
    return value(std::move(built));
}

value build(reader& from, std::size_t depth_left)
{
    switch (from.next_kind()) {
    case value_kind::null: from.read_nil(); return {};
    case value_kind::boolean: return value(from.read_bool());
    case value_kind::integer: return value(from.read_int());
    case value_kind::real: return value(from.read_double());
    case value_kind::string: return value(from.read_str());
    case value_kind::binary: return value(from.read_bin());
    case value_kind::object: {
        const auto [name, data] = read_object(from);
        return value(object(std::string(name), bytes(data.begin(), data.end())));
    }
    case value_kind::sequence:
    case value_kind::dict:
        if (depth_left == 0) {
            from.fail(errc::value_too_deep);
            return {};
        }
        return from.next_kind() == value_kind::dict ? build_dict(from, depth_left - 1)
                                                    : build_list(from, depth_left - 1);
    }
    return {};
}

/// What most values are, all of them, without a reader; false when it is to be read by one.
bool decode_integer(std::span<const std::byte> from, value& out)
{
    if (from.empty())
        return false;
    const auto first = std::to_integer<std::uint8_t>(from.front());
    const std::byte* const rest = from.data() + 1;
    std::int64_t number = 0;
    if (from.size() == 1 && (first < tag::fixmap || first >= tag::negative_fixint))
        number = static_cast<std::int8_t>(first);
    else if (from.size() == 2 && first == tag::uint8)
        number = load_big<std::uint8_t>(rest);
    else if (from.size() == 3 && first == tag::uint8 + 1)
        number = load_big<std::uint16_t>(rest);
    else if (from.size() == 5 && first == tag::uint8 + 2)
        number = load_big<std::uint32_t>(rest);
    else if (from.size() == 9 && first == tag::uint8 + 3 &&
             load_big<std::uint64_t>(rest) <= INT64_MAX)
        number = static_cast<std::int64_t>(load_big<std::uint64_t>(rest));
    else
        return false;
    auto& held = detail::value_access::representation(out);
    static_assert(std::is_trivially_destructible_v<detail::nothing>);
    if (std::holds_alternative<detail::nothing>(held)) // it would look into a table to destroy that
        std::construct_at(&held, std::in_place_type<std::int64_t>, number);
    else
        held.emplace<std::int64_t>(number);
    return true;
}

} // namespace

error_code encode(const value& content, bytes& out, const limits& allowed)
{
    const auto before = out.size();
    encoder into(out, allowed);
    if (into.encode(content, allowed.depth))
        return {};
    out.resize(before);
    return into.reason();
}

error_code decode(std::span<const std::byte> from, value& out, const limits& allowed)
{
    if (decode_integer(from, out))
        return {};
    out = value();
    if (from.size() > allowed.size)
        return errc::too_large;
    reader items(from);
    value built = build(items, allowed.depth);
    items.expect_end();
    if (items.ok())
        out = std::move(built);
    return items.error();
}

} // namespace zproc::msgpack
