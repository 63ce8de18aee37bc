#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// What stands in a record for the reply to its request: enough to answer a duplicate, and how far
/// the session had acknowledged, so that a successor does not keep replies that nobody wants.
namespace zproc::store {

struct kept_reply {
    std::uint64_t acknowledged = 0;
    std::uint64_t revision = 0;
    std::optional<std::span<const std::byte>> result;
};

/// Replaces `out`.
void encode_kept_reply(const kept_reply& reply, std::uint64_t request, std::vector<std::byte>& out);
std::optional<kept_reply> decode_kept_reply(std::span<const std::byte> bytes,
                                            std::uint64_t request);

} // namespace zproc::store
