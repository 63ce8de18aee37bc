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

/// Who made a change: one `context::state()` handle (and its copies) of one connection.
///
/// The session is the connection's: it stays the same while the client comes back after a broken
/// connection, and when a successor of the state process serves it. It ends, and the next
/// connection gets another one, when the client has been away for two minutes, or the instance of
/// the state is another. `context::who` tells which process it is.
struct origin {
    std::uint64_t session = 0;
    std::uint32_t handle = 0;

    /// The session in 16 hexadecimal digits, and the handle: `5f3a09c1b2d4e677.2`. Stable: the same
    /// for every reader, at any time, and `parse` gives the origin back.
    std::string name() const;

    /// The origin of exactly that name; empty for any other text.
    static std::optional<origin> parse(std::string_view name);

    friend auto operator<=>(const origin&, const origin&) = default;
};

/// The name.
std::ostream& operator<<(std::ostream& out, const origin& from);

} // namespace zproc

template <>
struct std::hash<zproc::origin> {
    std::size_t operator()(const zproc::origin& from) const noexcept
    {
        // Sessions are random numbers already.
        return static_cast<std::size_t>(from.session ^ (from.handle * 0x9E3779B97F4A7C15ULL));
    }
};
