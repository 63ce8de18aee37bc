#pragma once

#include <zproc/error.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct bio_st;

/// TLS 1.3 for both sides of a connection, without the connection: bytes go in and come out.
namespace zproc::tls {

enum class role { client, server };

/// Who this side is, and whom it trusts: what the files say, in PEM.
struct identity {
    std::string certificate; ///< and then those of who has signed it
    std::string key;
    std::string authorities; ///< a client without any trusts those that the system does; a server
                             ///< with some asks its clients for certificates

    bool empty() const { return certificate.empty() && key.empty() && authorities.empty(); }
};

/// What all connections of one side have in common. Immutable, so it may be shared.
class terms {
public:
    /// Errors: bad_certificate, with a text.
    static std::shared_ptr<const terms> make(role side, const identity& of, error_code& ec,
                                             std::string& text);
    ~terms();
    terms(const terms&) = delete;
    terms& operator=(const terms&) = delete;

private:
    friend class session;
    terms(role side, ssl_ctx_st* context) : side_(side), context_(context) {}

    role side_;
    ssl_ctx_st* context_;
};

/// One connection. Never waits; what it wants to be sent is in `output`.
///
///     made → (received, …) → established → (seal, received, open, …) → failed
///
/// It says nothing at the end: what is carried has frames, and tells by itself when it was cut off.
class session {
public:
    /// `server_name`: what the certificate of the server has to be for, a name or an address; a
    /// client needs it. Throws `std::invalid_argument` without, and `std::bad_alloc`.
    explicit session(std::shared_ptr<const terms> by, const std::string& server_name = {});
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// What has come from the other side; the handshake goes on by it. False when that failed.
    bool received(std::span<const std::byte> sealed);
    /// What the other side has said, as far as there is room; 0: nothing more for now, or failed.
    std::size_t open(std::span<std::byte> room);
    /// Says something; only once it is established. False when that failed.
    bool seal(std::span<const std::byte> plain);

    /// To be sent; whoever sends takes it out.
    std::vector<std::byte>& output() { return output_; }
    bool established() const { return established_; }

    /// Errors, which are final: tls_failed. The text says what about it.
    const error_code& error() const { return error_; }
    const std::string& text() const { return text_; }

private:
    void shake_hands();
    void collect();
    bool check(int result);

    std::shared_ptr<const terms> by_;
    ssl_st* ssl_ = nullptr;
    bio_st* in_ = nullptr;  // of ssl_
    bio_st* out_ = nullptr; // of ssl_
    std::vector<std::byte> output_;
    bool established_ = false;
    error_code error_;
    std::string text_;
};

/// Whether somebody who begins like this may want TLS; two bytes are enough to see that.
bool begins_tls(std::span<const std::byte> first);

} // namespace zproc::tls
