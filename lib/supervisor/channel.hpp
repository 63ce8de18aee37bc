#pragma once

#include "descriptor.hpp"

#include <zproc/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zproc::supervision {

/// What a packet between an owner and its process means.
enum class packet_kind : std::uint32_t {
    call = 1,   ///< owner → process, the first and only one
    result,     ///< an archive; at most one
    exception,  ///< an error_report; at most one
    exit_code,  ///< process_exit was thrown; in decimal
    crash,      ///< a crash_record, written by a signal handler
    last_lines, ///< what was last written to standard error
    thrown,     ///< a thrown_exception, for who can throw it again; at most one
};

struct packet {
    packet_kind kind{};
    std::string body;
};

/// What arguments, and what results, may be at most. Above: `errc::too_large`.
inline constexpr std::size_t max_packet_body = std::size_t{64} << 20;

/// Bodies up to this size travel in the packet, others in a memfd beside it: so that a packet
/// always fits into the socket, and neither side ever waits for the other to read.
inline constexpr std::size_t max_inline_body = std::size_t{32} << 10;

/// A SEQPACKET pair: packets arrive whole, in order, and a signal handler's write cannot land in
/// the middle of another.
struct channel_ends {
    descriptor owner;
    descriptor process;
};

channel_ends make_channel(error_code& ec);

/// A body that every run of a process reads from the beginning; and its reading.
descriptor make_file(std::string_view body, error_code& ec);
std::optional<std::string> read_file(int file);

/// Does not wait and raises no SIGPIPE.
/// Errors: `errc::too_large`; errors of the system.
error_code send_packet(int channel, packet_kind kind, std::string_view body);

/// The next packet, or nothing: with `ec` clear at the end of the channel, with `would_block` when
/// there is none now and `wait` is false, with `errc::malformed_frame` for what is no packet.
std::optional<packet> receive_packet(int channel, bool wait, error_code& ec);

} // namespace zproc::supervision
