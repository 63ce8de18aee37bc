#pragma once

#include "client/connection.hpp"
#include "protocol/layout.hpp"

#include <zproc/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace zproc::client {

/// What a server gives to whoever attaches: the ring that counts, and what counts the rings.
struct attachment {
    protocol::instance_id instance{};
    std::uint64_t generation = 0;
    descriptor ring;
    descriptor control;
};

/// Attaches over a connection of its own, which is closed again: as an observer, so that nothing
/// of it is left in the journal. Blocks, and needs no loop. Connects again until the limit while
/// nobody listens there or the server dies, since a successor may be on its way.
///
/// Errors: `errc::server_absent`, `errc::server_silent`, `errc::connection_lost` when the time is
/// up; `errc::bad_address`, `errc::not_a_zproc_server`, `errc::version_mismatch`,
/// `errc::peer_not_permitted` and those of the system at once.
error_code attach_as_observer(const std::string& path, std::chrono::nanoseconds limit,
                              attachment& out);

} // namespace zproc::client
