#pragma once

#include "protocol/client_handshake.hpp"
#include "support/server_fixture.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace zproc::test {

/// A client over TCP that goes through the handshake of who has a secret, and keeps what it said.
struct secret_client {
    raw_client wire;
    std::string secret;
    protocol::client_handshake handshake;
    protocol::buffer hello, proof;
    std::string text;

    secret_client(const protocol::address& server, std::string known, const char* from = nullptr)
        : wire(server, from), secret(std::move(known))
    {
    }
    secret_client(const server_thread& server, std::string known, const char* from = nullptr)
        : secret_client(server.tcp_address(), std::move(known), from)
    {
    }

    error_code greet()
    {
        protocol::nonce fresh{};
        fresh[0] = std::byte{1};
        if (const auto ec = handshake.begin(hello, 0, {}, secret, fresh))
            return ec;
        wire.send(hello);
        while (!handshake.done()) {
            const auto reply = wire.receive();
            protocol::frame f;
            f.correlation = reply.correlation;
            f.code = reply.code;
            f.status = static_cast<std::uint16_t>(reply.error.value());
            f.body = reply.body;
            protocol::server_hello welcome;
            if (const auto ec = handshake.take(f, proof, welcome, text))
                return ec;
            if (!handshake.done())
                wire.send(proof);
        }
        return {};
    }
    std::uint64_t set(std::string_view key)
    {
        const auto one = packed(1);
        return wire.get<protocol::mutation_reply>(protocol::set_request{wire.by(), "n", key, one})
            .revision;
    }
};

} // namespace zproc::test
