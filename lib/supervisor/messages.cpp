#include "supervisor/messages.hpp"

#include <array>
#include <concepts>
#include <limits>
#include <utility>

namespace zproc::supervision {
namespace {

// One description per message, read by the writer and by the reader alike. Numbers of fields are
// never used again for something else.

template <class Fields>
void describe(Fields& f, exit_report& e)
{
    f(32, e.signalled);
    f(33, e.number);
    f(34, e.core);
    f(35, e.user_time);
    f(36, e.system_time);
    f(37, e.max_resident_kib);
    f(38, e.minor_faults);
    f(39, e.major_faults);
    f(40, e.voluntary_switches);
    f(41, e.involuntary_switches);
}

template <class Fields>
void describe(Fields& f, message::spawn& m)
{
    f(1, m.request);
    f(2, m.entry);
    f(3, m.name);
    f(4, m.payload);
    f(5, m.grace);
    f(6, m.service);
    f(7, m.limit.restarts);
    f(8, m.limit.window);
    f(9, m.environment);
    f(10, m.directory);
    f(11, m.file_mask);
}

template <class Fields>
void describe(Fields& f, message::stop& m)
{
    f(1, m.child);
    f(2, m.grace);
}

template <class Fields>
void describe(Fields& f, message::signal& m)
{
    f(1, m.child);
    f(2, m.number);
}

template <class Fields>
void describe(Fields& f, message::keep& m)
{
    f(1, m.name);
}

template <class Fields>
void describe(Fields& f, message::drop& m)
{
    f(1, m.name);
}

template <class Fields>
void describe(Fields& f, message::leave& m)
{
    f(1, m.grace);
}

template <class Fields>
void describe(Fields& f, message::hello& m)
{
    f(1, m.runtime_directory);
    f(2, m.supervisor);
    f(3, m.error);
    f(4, m.failed);
}

template <class Fields>
void describe(Fields& f, message::started& m)
{
    f(1, m.request);
    f(2, m.child);
    f(3, m.pid);
}

template <class Fields>
void describe(Fields& f, message::failed& m)
{
    f(1, m.request);
    f(2, m.error);
}

template <class Fields>
void describe(Fields& f, message::restarted& m)
{
    f(1, m.child);
    f(2, m.attempt);
    f(3, m.pid);
    describe(f, m.exit);
}

template <class Fields>
void describe(Fields& f, message::exited& m)
{
    f(1, m.child);
    f(2, m.attempt);
    describe(f, m.exit);
}

template <class Fields>
void describe(Fields& f, message::gone& m)
{
    f(1, m.child);
}

constexpr std::size_t field_header = 1 + 4;
constexpr std::size_t known_numbers = 64;

class field_writer {
public:
    explicit field_writer(std::vector<std::byte>& out) : out_(out) {}

    template <std::integral Integer>
    void operator()(std::uint8_t number, Integer v)
    {
        header(number, 8);
        // Sign extension makes the eight bytes the same value whatever the type.
        if constexpr (std::is_signed_v<Integer>)
            little_endian(static_cast<std::uint64_t>(static_cast<std::int64_t>(v)), 8);
        else
            little_endian(static_cast<std::uint64_t>(v), 8);
    }

    template <class Rep, class Period>
    void operator()(std::uint8_t number, std::chrono::duration<Rep, Period> v)
    {
        (*this)(number, static_cast<std::int64_t>(v.count()));
    }

    void operator()(std::uint8_t number, const std::string& v)
    {
        header(number, v.size());
        text(v);
    }

    // An empty list is not an absent one.
    void operator()(std::uint8_t number, const std::vector<std::string>& v)
    {
        std::size_t size = 0;
        for (const auto& each : v)
            size += each.size() + 1;
        header(number, size);
        for (const auto& each : v) {
            text(each);
            out_.push_back(std::byte{0});
        }
    }

    template <class T>
    void operator()(std::uint8_t number, const std::optional<T>& v)
    {
        if (v)
            (*this)(number, *v);
    }

private:
    void header(std::uint8_t number, std::size_t size)
    {
        out_.push_back(std::byte{number});
        little_endian(size, 4);
    }

    void little_endian(std::uint64_t v, int bytes)
    {
        for (int i = 0; i != bytes; ++i)
            out_.push_back(static_cast<std::byte>(v >> (8 * i) & 0xff));
    }

    void text(const std::string& v)
    {
        const auto bytes = std::as_bytes(std::span(v));
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }

    std::vector<std::byte>& out_;
};

std::uint64_t little_endian(std::span<const std::byte> bytes)
{
    std::uint64_t v = 0;
    for (std::size_t i = bytes.size(); i != 0; --i)
        v = v << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
    return v;
}

class field_reader {
public:
    explicit field_reader(std::span<const std::byte> packet)
    {
        while (!packet.empty()) {
            if (packet.size() < field_header) {
                fail();
                return;
            }
            const auto number = std::to_integer<std::uint8_t>(packet[0]);
            const auto size = little_endian(packet.subspan(1, 4));
            packet = packet.subspan(field_header);
            if (size > packet.size()) {
                fail();
                return;
            }
            if (number < known_numbers) {
                fields_[number] = packet.first(size);
                present_[number] = true;
            }
            packet = packet.subspan(size);
        }
    }

    template <std::integral Integer>
    void operator()(std::uint8_t number, Integer& v)
    {
        if (!present_[number])
            return;
        if (fields_[number].size() != 8)
            return fail();
        const auto raw = little_endian(fields_[number]);
        if constexpr (std::is_same_v<Integer, bool>) {
            if (raw > 1)
                return fail();
            v = raw != 0;
        } else if constexpr (std::is_signed_v<Integer>) {
            const auto wide = static_cast<std::int64_t>(raw);
            if (!std::in_range<Integer>(wide))
                return fail();
            v = static_cast<Integer>(wide);
        } else {
            if (!std::in_range<Integer>(raw))
                return fail();
            v = static_cast<Integer>(raw);
        }
    }

    template <class Rep, class Period>
    void operator()(std::uint8_t number, std::chrono::duration<Rep, Period>& v)
    {
        auto count = static_cast<std::int64_t>(v.count());
        (*this)(number, count);
        v = std::chrono::duration<Rep, Period>(count);
    }

    void operator()(std::uint8_t number, std::string& v)
    {
        if (present_[number])
            v = text(fields_[number]);
    }

    void operator()(std::uint8_t number, std::vector<std::string>& v)
    {
        auto rest = fields_[number];
        while (!rest.empty()) {
            std::size_t size = 0;
            while (size != rest.size() && rest[size] != std::byte{0})
                ++size;
            if (size == rest.size())
                return fail();
            v.push_back(text(rest.first(size)));
            rest = rest.subspan(size + 1);
        }
    }

    template <class T>
    void operator()(std::uint8_t number, std::optional<T>& v)
    {
        if (present_[number])
            (*this)(number, v.emplace());
    }

    bool failed() const noexcept { return failed_; }

private:
    void fail() noexcept { failed_ = true; }

    static std::string text(std::span<const std::byte> bytes)
    {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    std::array<std::span<const std::byte>, known_numbers> fields_{};
    std::array<bool, known_numbers> present_{};
    bool failed_ = false;
};

template <std::size_t Kind = 0>
std::optional<any_message> decode_kind(std::size_t kind, field_reader& fields)
{
    if constexpr (Kind == std::variant_size_v<any_message>) {
        return std::nullopt;
    } else {
        if (kind != Kind)
            return decode_kind<Kind + 1>(kind, fields);
        std::variant_alternative_t<Kind, any_message> m;
        describe(fields, m);
        if (fields.failed())
            return std::nullopt;
        return any_message(std::move(m));
    }
}

} // namespace

void encode(const any_message& m, std::vector<std::byte>& out)
{
    out.clear();
    out.push_back(static_cast<std::byte>(m.index()));
    field_writer fields(out);
    // The descriptions are shared with the reader, so they take a message that may change; the
    // writer only looks.
    std::visit(
        [&]<class Message>(const Message& each) { describe(fields, const_cast<Message&>(each)); },
        m);
}

std::optional<any_message> decode(std::span<const std::byte> packet)
{
    if (packet.empty())
        return std::nullopt;
    field_reader fields(packet.subspan(1));
    if (fields.failed())
        return std::nullopt;
    return decode_kind(std::to_integer<std::size_t>(packet[0]), fields);
}

} // namespace zproc::supervision
