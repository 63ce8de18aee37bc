#pragma once

#include "protocol/handshake.hpp"

#include <string>
#include <string_view>

namespace zproc::protocol {

/// A client's side of one handshake. Pure.
///
///     begin ─► hello ─► (challenge ─► proof ─►) welcome: done
///
/// Who has a secret believes nothing before the other side has proven that it knows it, too.
class client_handshake {
public:
    /// Writes the hello. The secret, empty without one, must outlive the handshake; `fresh` is
    /// used only with a secret, and never again.
    error_code begin(buffer& out, std::uint32_t correlation, client_hello hello,
                     std::string_view secret, const nonce& fresh);

    /// What has come; a challenge is answered in `out`. Errors, after which the connection is to
    /// be closed: not_authenticated, not_a_zproc_server, version_mismatch, and what the server
    /// answered with; `text` is about it.
    error_code take(const frame& f, buffer& out, server_hello& welcome, std::string& text);

    /// The welcome has come, and `welcome` can be believed.
    bool done() const { return step_ == step::done; }

private:
    enum class step { hello, proof, done };

    error_code answer(const frame& f, buffer& out, std::string& text);

    std::string_view secret_;
    transcript seen_;
    bool observer_ = false;
    step step_ = step::hello; ///< what was sent last
};

} // namespace zproc::protocol
