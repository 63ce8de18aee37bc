#pragma once

#include "protocol/address.hpp"
#include "swarm/door_handshake.hpp"
#include "swarm/wire.hpp"
#include "tls.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace zproc::swarming {

namespace asio = boost::asio;

/// Where a swarm listens, and what is shown there.
struct dial_plan {
    protocol::address where;
    std::string secret;                    ///< empty: none
    std::shared_ptr<const tls::terms> tls; ///< none: without
    std::string server_name;               ///< in the owner's certificate
    std::string build;
    door_role role = door_role::host;
    std::uint32_t host = 0; ///< of a worker: what its host was given …
    door_token token{};
    std::uint64_t worker = 0; ///< … and its number there
};

/// A connection on which the owner of the swarm has said welcome.
struct dialled {
    std::unique_ptr<wire> link;
    door_welcome welcome;
};

/// Connects to a swarm, trying every endpoint of the address, each for five seconds. The plan must
/// live until it completes. Errors, with a text: those of `introduction`, server_absent,
/// server_silent, tls_failed, bad_address.
asio::awaitable<dialled> dial(const dial_plan& plan);

} // namespace zproc::swarming
