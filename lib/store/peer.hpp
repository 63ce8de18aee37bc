#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// What a session said of itself when it began, and whether it is there: the value of its key, so that
/// a successor knows it.
namespace zproc::store {

struct peer {
    std::uint32_t pid = 0;
    std::string_view name; ///< of the process, for people
    /// Since when it has been gone, ns since 1970; 0 while it is there, as far as was noticed.
    std::int64_t gone = 0;

    friend bool operator==(const peer&, const peer&) = default;
};

/// Replaces `out`.
void encode_peer(const peer& who, std::vector<std::byte>& out);
std::optional<peer> decode_peer(std::span<const std::byte> bytes);

} // namespace zproc::store
