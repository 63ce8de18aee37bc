#include "protocol/body.hpp"

#include <limits>

namespace zproc::protocol {

body_writer& body_writer::list(std::size_t count)
{
    out_.write_array_header(count);
    return *this;
}

body_writer& body_writer::put(std::uint64_t number)
{
    out_.write_uint(number);
    return *this;
}

body_writer& body_writer::put_signed(std::int64_t number)
{
    out_.write_int(number);
    return *this;
}

body_writer& body_writer::flag(bool yes)
{
    out_.write_bool(yes);
    return *this;
}

body_writer& body_writer::text(std::string_view text)
{
    out_.write_str(text);
    return *this;
}

body_writer& body_writer::bytes(bytes_view bytes)
{
    out_.write_bin(bytes);
    return *this;
}

body_writer& body_writer::value(bytes_view encoded)
{
    out_.write_raw(encoded);
    return *this;
}

body_writer& body_writer::maybe(const std::optional<bytes_view>& encoded)
{
    list(encoded ? 1 : 0);
    return encoded ? value(*encoded) : *this;
}

body_writer& body_writer::by(const mutation& m)
{
    return put(m.number).put(m.acknowledged).put(m.handle);
}

body_writer& body_writer::texts(const std::vector<std::string_view>& texts)
{
    list(texts.size());
    for (const auto each : texts)
        text(each);
    return *this;
}

body_writer& body_writer::items(const std::vector<present>& items)
{
    list(items.size());
    for (const auto& item : items)
        list(3).text(item.key).put(item.modified).maybe(item.value);
    return *this;
}

template <class T>
T body_reader::checked(T taken)
{
    if (in_.ok() && good())
        return taken;
    fail(errc::malformed_frame);
    return T{};
}

void body_reader::list(std::size_t count)
{
    in_.expect_array(count);
    checked(0);
}

std::size_t body_reader::list()
{
    return checked(in_.read_array_header());
}

std::uint64_t body_reader::number()
{
    return checked(in_.read_uint());
}

std::uint32_t body_reader::number32()
{
    const auto wide = number();
    if (wide > std::numeric_limits<std::uint32_t>::max())
        fail(errc::malformed_frame);
    return static_cast<std::uint32_t>(wide);
}

std::int64_t body_reader::signed_number()
{
    return checked(in_.read_int());
}

bool body_reader::flag()
{
    return checked(in_.read_bool());
}

std::string_view body_reader::text()
{
    return checked(in_.read_str());
}

std::string_view body_reader::key()
{
    const auto taken = text();
    if (taken.size() > within_.key_bytes)
        fail(errc::too_large);
    return taken;
}

std::string_view body_reader::name_space()
{
    const auto taken = text();
    if (taken.size() > within_.namespace_bytes)
        fail(errc::too_large);
    if (taken.empty())
        fail(errc::empty_namespace);
    return taken;
}

bytes_view body_reader::bytes()
{
    return checked(in_.read_bin());
}

bytes_view body_reader::value()
{
    if (!good())
        return {};
    const auto taken = in_.read_raw({.depth = within_.depth, .size = within_.value_bytes});
    if (!in_.ok())
        error_ = in_.error();
    return good() ? taken : bytes_view();
}

bytes_view body_reader::amount()
{
    const auto taken = value();
    if (!good())
        return {};
    const auto kind = msgpack::reader(taken).next_kind();
    if (kind != value_kind::integer && kind != value_kind::real)
        fail(errc::malformed_value);
    return good() ? taken : bytes_view();
}

std::optional<bytes_view> body_reader::maybe()
{
    const auto given = list();
    if (given > 1)
        fail(errc::malformed_frame);
    return given == 1 ? std::optional(value()) : std::nullopt;
}

mutation body_reader::by()
{
    mutation m;
    m.number = number();
    m.acknowledged = number();
    m.handle = number32();
    if (m.number == 0 || m.acknowledged >= m.number)
        fail(errc::malformed_frame);
    return m;
}

void body_reader::texts(std::vector<std::string_view>& out)
{
    const auto count = list();
    out.clear();
    out.reserve(count);
    for (std::size_t i = 0; i != count && good(); ++i)
        out.push_back(text());
}

void body_reader::keys(std::vector<std::string_view>& out)
{
    const auto count = list();
    out.clear();
    out.reserve(count);
    for (std::size_t i = 0; i != count && good(); ++i)
        out.push_back(key());
}

void body_reader::items(std::vector<present>& out)
{
    const auto count = list();
    out.clear();
    out.reserve(count);
    for (std::size_t i = 0; i != count && good(); ++i) {
        present item;
        list(3);
        item.key = text();
        item.modified = number();
        item.value = maybe();
        out.push_back(item);
    }
}

void body_reader::fail(errc code)
{
    if (good())
        error_ = code;
}

error_code body_reader::finish()
{
    if (good() && !in_.at_end())
        fail(errc::malformed_frame);
    return error_;
}

void write_error(buffer& out, std::uint32_t correlation, operation code, error_code ec,
                 std::string_view text)
{
    const auto at = begin_frame(out, correlation, code, static_cast<std::uint16_t>(ec.value()));
    body_writer(out).text(text);
    end_frame(out, at);
}

std::string error_text(bytes_view body)
{
    const limits within;
    body_reader in(body, within);
    const auto text = in.text();
    return in.finish().failed() ? std::string() : std::string(text);
}

} // namespace zproc::protocol
