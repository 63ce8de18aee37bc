#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Every constant of the wire format; its page is doc/protocol.md.
namespace zproc::protocol {

using buffer = std::vector<std::byte>;
using bytes_view = std::span<const std::byte>; ///< one MessagePack value, or a whole body
using instance_id = std::array<std::byte, 16>;

inline constexpr std::string_view magic = "zproc";
inline constexpr std::uint16_t version = 3;

// The header of a frame, little-endian. A change of its shape needs a new magic.
inline constexpr std::size_t header_bytes = 12;
inline constexpr std::size_t length_at = 0;      // u32, bytes of the body
inline constexpr std::size_t correlation_at = 4; // u32, chosen by the client, echoed
inline constexpr std::size_t operation_at = 8;   // u16
inline constexpr std::size_t status_at = 10;     // u16, 0 or an errc; 0 in requests

/// A hello is small, so that a stranger's bytes are told from a frame that is merely too large.
inline constexpr std::uint32_t max_hello_bytes = 4096;
/// Of a process, in a hello.
inline constexpr std::uint32_t max_peer_name_bytes = 255;
/// What a client accepts: a snapshot is one frame.
inline constexpr std::uint32_t max_reply_bytes = 1u << 30;

/// The largest ring that a client mirrors: no server is asked for more memory than that.
inline constexpr std::uint64_t max_ring_bytes = std::uint64_t{1} << 36;

/// The numbers are the protocol: appended to, never renumbered.
enum class operation : std::uint16_t {
    hello = 1,
    ping,
    get,
    contains,
    size,
    keys,
    snapshot,
    read,
    namespaces,
    watch,
    unwatch,
    attach,
    turn,
    end_turn,
    stream,
    stream_more,
    challenge, // of the handshake, as is what follows
    proof,
    who = 24,

    // from the server, unasked: correlation 0
    stream_begun = 32,
    stream_piece,

    // mutations
    set = 64,
    erase,
    update,
    replace,
    clear,
    pop,
    pop_item,
    set_default,
    increment,
    decrement,
    append,
    compare_exchange,
    commit,
};

constexpr bool is_mutation(operation op) noexcept
{
    return op >= operation::set && op <= operation::commit;
}

/// What a server accepts; it tells its clients in the handshake.
struct limits {
    std::uint32_t request_bytes = 2u << 20; ///< the body of one frame
    std::uint32_t value_bytes = 1u << 20;
    std::uint32_t key_bytes = 4096;
    std::uint32_t namespace_bytes = 255;
    std::uint32_t depth = 64;

    bool operator==(const limits&) const = default;
};

} // namespace zproc::protocol
