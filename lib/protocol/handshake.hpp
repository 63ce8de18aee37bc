#pragma once

#include "protocol/authentication.hpp"
#include "protocol/frame.hpp"
#include "protocol/layout.hpp"

#include <zproc/error.hpp>

#include <string>
#include <string_view>

/// The first frames of each side. Pure: each function takes what arrived and says what it means.
///
///     client                                     server
///     write_hello(out, client_hello) ──────────► read_hello(frame) → accepted | refused
///     read_challenge(frame) ◄─────────────────── write_challenge      where both have a secret
///     write_proof ─────────────────────────────► read_proof           likewise
///     read_welcome(frame) ◄────────────────────── write_welcome(out, server_hello) | write_error
///
/// What the client does with them is `client_handshake`.
namespace zproc::protocol {

/// What makes a stranger's bytes a stranger's is judged by its first 12 bytes.
struct client_hello {
    std::uint16_t version = protocol::version;
    std::uint64_t session = 0;      ///< 0: a new one; else the session to resume …
    instance_id instance{};         ///< … of this instance (all zero: any)
    std::uint64_t acknowledged = 0; ///< as in mutations; frees the replies kept up to it
    std::uint32_t pid = 0;          ///< of the client, for `who`; kept when a session begins
    std::string_view name;          ///< of its process; at most max_peer_name_bytes
    std::string_view build_id;      ///< of the client's executable
    bool observer = false;          ///< no session: reads only, and nothing is journaled for it
    bytes_view nonce;               ///< of who knows a secret; else empty
};

enum class durability : std::uint8_t {
    process = 0, ///< survives the death of the state process (a supervisor keeps a successor)
    none = 1,    ///< dies with its process
    disk = 2,    ///< survives a power cut
};

struct server_hello {
    std::uint16_t version = protocol::version;
    instance_id instance{};
    std::uint64_t epoch = 0;
    std::uint64_t session = 0; ///< 0: an observer's
    bool resumed = false;      ///< false though asked: in-flight mutations end with outcome_unknown
    std::uint32_t pid = 0;
    protocol::durability durability = protocol::durability::process;
    protocol::limits limits;
    std::string_view build_id;
    bytes_view proof; ///< that it knows the secret, too; the last bytes of the body
};

void write_hello(buffer& out, std::uint32_t correlation, const client_hello& hello);
void write_welcome(buffer& out, std::uint32_t correlation, const server_hello& hello);
/// With a proof over all that it says.
error_code write_proven_welcome(buffer& out, std::uint32_t correlation, const server_hello& hello,
                                std::string_view secret, const transcript& seen);
void write_challenge(buffer& out, std::uint32_t correlation, const nonce& fresh);
void write_proof(buffer& out, std::uint32_t correlation, const digest& proof);

/// At the client: not_a_zproc_server.
error_code read_challenge(const frame& f, nonce& fresh, std::string& text);
/// At the server: malformed_frame.
error_code read_proof(const frame& f, digest& proof, std::string& text);

/// At the server, before a body arrives: is this the header of a hello at all?
/// malformed_frame for a stranger, frame_too_large for a hello that cannot be one.
error_code check_first_header(std::span<const std::byte, header_bytes> header, std::string& text);

/// At the server: malformed_frame (not a client of zproc, or an observer that names a session),
/// version_mismatch. `text` names both versions and what to do.
error_code read_hello(const frame& first, client_hello& hello, std::string& text);

/// At the client, for the first bytes that come back: not_a_zproc_server when they are no frame
/// of ours (fewer than 12 are fine if they can be the beginning of one).
error_code check_first_reply(bytes_view received);

/// At the client: not_a_zproc_server, version_mismatch, or the error the server answered with;
/// `text` is what it said about it. Only who asked to be an observer is welcomed without a session.
error_code read_welcome(const frame& first, server_hello& hello, std::string& text,
                        bool observer = false);

} // namespace zproc::protocol
