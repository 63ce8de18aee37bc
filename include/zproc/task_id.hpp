#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace zproc {

/// Under what the result of `swarm::submit` is kept: a random number of 128 bits, which can be
/// stored, sent and printed, and is taken with `context::result` anywhere.
struct task_id {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    task_id() = default;
    constexpr task_id(std::uint64_t first, std::uint64_t second) : high(first), low(second) {}

    /// The id of exactly that name. Throws `errc::not_representable` for any other text.
    explicit task_id(std::string_view name);

    /// One that nobody else has.
    static task_id random();

    /// 32 hexadecimal digits.
    std::string name() const;

    /// The id of exactly that name; empty for any other text.
    static std::optional<task_id> parse(std::string_view name) noexcept;

    /// For Boost.Serialization: it may be an argument, or a result.
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & high & low;
    }

    friend auto operator<=>(const task_id&, const task_id&) = default;
};

/// The name.
std::ostream& operator<<(std::ostream& out, const task_id& id);

} // namespace zproc

template <>
struct std::hash<zproc::task_id> {
    std::size_t operator()(const zproc::task_id& id) const noexcept
    {
        return static_cast<std::size_t>(id.high ^ id.low); // random already
    }
};
