#pragma once

#include "supervisor/messages.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// How the fields of a message are written and read: each with its number and its length.
namespace zproc::supervision {

constexpr restart_rules::mode last_of(restart_rules::mode)
{
    return restart_rules::mode::always;
}

constexpr message::report::state last_of(message::report::state)
{
    return message::report::state::forgotten;
}

constexpr message::progress::phase last_of(message::progress::phase)
{
    return message::progress::phase::backoff;
}

constexpr isolation_level last_of(isolation_level)
{
    return isolation_level::pid_namespace;
}

inline constexpr std::size_t field_header = 1 + 4;
inline constexpr std::size_t known_numbers = 64;

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

    template <class Enum>
        requires std::is_enum_v<Enum>
    void operator()(std::uint8_t number, Enum v)
    {
        (*this)(number, static_cast<std::underlying_type_t<Enum>>(v));
    }

    void operator()(std::uint8_t number, double v)
    {
        (*this)(number, std::bit_cast<std::uint64_t>(v));
    }

    template <std::integral Integer>
    void operator()(std::uint8_t number, const std::vector<Integer>& v)
    {
        header(number, v.size() * sizeof(Integer));
        for (const auto each : v)
            little_endian(static_cast<std::make_unsigned_t<Integer>>(each), int{sizeof(Integer)});
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

inline std::uint64_t little_endian(std::span<const std::byte> bytes)
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

    /// An enumeration that is sent ends with the value that `last_of` names.
    template <class Enum>
        requires std::is_enum_v<Enum>
    void operator()(std::uint8_t number, Enum& v)
    {
        auto raw = static_cast<std::underlying_type_t<Enum>>(v);
        (*this)(number, raw);
        if (raw > static_cast<std::underlying_type_t<Enum>>(last_of(v)))
            return fail();
        v = static_cast<Enum>(raw);
    }

    void operator()(std::uint8_t number, double& v)
    {
        auto raw = std::bit_cast<std::uint64_t>(v);
        (*this)(number, raw);
        v = std::bit_cast<double>(raw);
    }

    template <std::integral Integer>
    void operator()(std::uint8_t number, std::vector<Integer>& v)
    {
        const auto bytes = fields_[number];
        if (bytes.size() % sizeof(Integer) != 0)
            return fail();
        for (std::size_t at = 0; at != bytes.size(); at += sizeof(Integer))
            v.push_back(static_cast<Integer>(little_endian(bytes.subspan(at, sizeof(Integer)))));
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

} // namespace zproc::supervision
