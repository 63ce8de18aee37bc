#pragma once

#include "protocol/authentication.hpp"
#include "swarm/frame.hpp"

#include <zproc/error.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// How those who come to a swarm's door show who they are. Pure: numbers used once come as
/// arguments.
///
///     who comes                                owner of the swarm
///     hello ────────────────────────────────►  is it one of us, and the same program?
///             ◄──────────────────────────────  challenge      where a secret is known
///     proof ────────────────────────────────►  likewise
///             ◄──────────────────────────────  welcome | refused
namespace zproc::swarming {

inline constexpr std::string_view door_magic = "zproc swarm";
inline constexpr std::uint16_t door_version = 1;
/// Of a body, as long as it is not known who is there.
inline constexpr std::uint32_t max_door_body = 4096;

inline constexpr std::chrono::hours longest_silence{24};

/// Given to a host, and shown by its workers: nobody else can come in as one of them.
using door_token = std::array<std::byte, 16>;

enum class door_role : std::uint8_t { host = 1, worker };

struct door_hello {
    door_role role = door_role::host;
    std::string_view build;   ///< of the program, as bytes
    std::uint32_t host = 0;   ///< of a worker: its host's number …
    std::uint64_t worker = 0; ///< … and its own there
    door_token token{};
    protocol::bytes_view nonce; ///< of who knows a secret; else empty
};

struct door_welcome {
    std::uint32_t host = 0; ///< its number
    door_token token{};
    std::uint64_t silence_ms = 0; ///< after so much of it the other side is lost
    std::string name;             ///< of its workers, for people
};

/// A refusal, instead of an answer.
void write_refusal(std::string& out, const error_code& ec, std::string_view text);

/// The owner's side of one handshake.
class admission {
public:
    /// What is given must outlive it. No secret: nobody has to know any. `fresh` is used only with
    /// one, and never again.
    admission(std::string_view secret, std::string_view build, const protocol::nonce& fresh)
        : secret_(secret), build_(build), fresh_(fresh)
    {
    }

    enum class outcome : std::uint8_t {
        more,    ///< is to come
        known,   ///< who it is: `welcome`, or `write_refusal`
        refused, ///< the answer says why; the connection is to be closed then
    };
    outcome take(const frame& f, std::string& out);

    /// Once it is known; its views are not those of the frame.
    const door_hello& who() const noexcept { return who_; }
    /// False when libcrypto fails, and nothing is written.
    bool welcome(const door_welcome& what, std::string& out) const;

private:
    outcome read_hello(const frame& f, std::string& out);
    outcome read_proof(const frame& f, std::string& out);
    outcome judge(std::string& out);

    std::string_view secret_;
    std::string_view build_;
    protocol::nonce fresh_;
    protocol::transcript seen_;
    std::string build_seen_;
    door_hello who_;
    enum class step : std::uint8_t { hello, proof, known } step_ = step::hello;
};

/// The other side of it.
class introduction {
public:
    /// Writes the hello. The secret must outlive it; `fresh` is used only with one, and never again.
    error_code begin(door_hello who, std::string_view secret, const protocol::nonce& fresh,
                     std::string& out);

    enum class outcome : std::uint8_t { more, welcome, refused };
    /// After a refusal `error` and `text` say why. Errors: not_authenticated, secret_required,
    /// not_a_zproc_server, and what the owner says: wrong_build, version_mismatch,
    /// swarm_stopped, tls_required, …
    outcome take(const frame& f, std::string& out);

    const door_welcome& said() const noexcept { return said_; }
    const error_code& error() const noexcept { return error_; }
    const std::string& text() const noexcept { return text_; }

private:
    outcome refuse(errc why, std::string_view text);
    outcome answer(const frame& f, std::string& out);
    outcome read_welcome(const frame& f);
    outcome read_refusal(const frame& f);

    std::string_view secret_;
    protocol::transcript seen_;
    bool proven_ = false; ///< it was asked for the proof, and has given it
    door_welcome said_;
    error_code error_;
    std::string text_;
};

/// As people read it.
std::string build_text(std::string_view build);

} // namespace zproc::swarming
