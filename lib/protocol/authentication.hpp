#pragma once

#include "protocol/layout.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

/// How each side shows that it knows the secret, without telling it: HMAC-SHA256 over what both
/// have seen of this one handshake. Pure: numbers used once come as arguments.
///
/// A proof holds for one pair of nonces, so it cannot be replayed; for one role, so it cannot be
/// sent back; and for one hello (and one welcome), so neither can be changed on its way.
namespace zproc::protocol {

inline constexpr std::size_t nonce_bytes = 32;
inline constexpr std::size_t digest_bytes = 32;
using nonce = std::array<std::byte, nonce_bytes>;
using digest = std::array<std::byte, digest_bytes>;

/// A shorter one could be guessed from one recorded handshake.
inline constexpr std::size_t least_secret_bytes = 16;
inline constexpr std::size_t most_secret_bytes = 1024;

/// What both sides have seen before anybody proves anything.
struct transcript {
    nonce client{};
    nonce server{};
    digest hello{}; ///< of the body of the client's hello
};

// None when libcrypto fails, which is no proof.
std::optional<digest> digest_of(bytes_view bytes);
std::optional<digest> client_proof(std::string_view secret, const transcript& seen);
/// `welcome` is the body of the welcome up to its proof.
std::optional<digest> server_proof(std::string_view secret, const transcript& seen,
                                   bytes_view welcome);

/// Takes the same time wherever they differ. False for what is no digest.
bool is_same(const std::optional<digest>& expected, bytes_view given);

} // namespace zproc::protocol
