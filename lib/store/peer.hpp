#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// What a session said of itself when it began: the value of its key, so that a successor knows it.
namespace zproc::store {

struct peer {
    std::uint32_t pid = 0;
    std::string_view name; ///< of the process, for people

    friend bool operator==(const peer&, const peer&) = default;
};

/// Replaces `out`.
void encode_peer(const peer& who, std::vector<std::byte>& out);
std::optional<peer> decode_peer(std::span<const std::byte> bytes);

} // namespace zproc::store
