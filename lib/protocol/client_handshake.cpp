#include "protocol/client_handshake.hpp"

namespace zproc::protocol {

error_code client_handshake::begin(buffer& out, std::uint32_t correlation, client_hello hello,
                                   std::string_view secret, const nonce& fresh)
{
    secret_ = secret;
    seen_ = {};
    observer_ = hello.observer;
    step_ = step::hello;
    if (!secret_.empty()) {
        seen_.client = fresh;
        hello.nonce = seen_.client;
    }
    const auto at = out.size();
    write_hello(out, correlation, hello);
    if (!secret_.empty()) {
        const auto said = digest_of(bytes_view(out).subspan(at + header_bytes));
        if (!said)
            return errc::not_authenticated;
        seen_.hello = *said;
    }
    return {};
}

error_code client_handshake::take(const frame& f, buffer& out, server_hello& welcome,
                                  std::string& text)
{
    if (f.code == operation::challenge && step_ == step::hello)
        return answer(f, out, text);
    if (const auto ec = read_welcome(f, welcome, text, observer_))
        return ec;
    if (!secret_.empty()) {
        const auto said = f.body.first(f.body.size() - welcome.proof.size());
        if (step_ != step::proof || !is_same(server_proof(secret_, seen_, said), welcome.proof)) {
            text = "what answers there has not proven that it knows the secret of this client";
            welcome = {};
            return errc::not_authenticated;
        }
    }
    step_ = step::done;
    return {};
}

error_code client_handshake::answer(const frame& f, buffer& out, std::string& text)
{
    if (const auto ec = read_challenge(f, seen_.server, text))
        return ec;
    if (secret_.empty()) {
        text = "the server asks for a secret, and this client was given none";
        return errc::secret_required;
    }
    const auto proof = client_proof(secret_, seen_);
    if (!proof)
        return errc::not_authenticated;
    write_proof(out, f.correlation, *proof);
    step_ = step::proof;
    return {};
}

} // namespace zproc::protocol
