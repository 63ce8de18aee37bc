#pragma once

#include "server/rings.hpp"
#include "server/session_fsm.hpp"
#include "server/throttle.hpp"
#include "shared_memory.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace zproc::serving {

/// A client's socket and its machine. Never waits.
class connection {
public:
    connection(descriptor socket, hall& shared, seat where, std::int64_t ticks,
               std::optional<throttle::peer> from = {});

    int socket() const { return socket_.get(); }
    session_fsm& machine() { return machine_; }
    const session_fsm& machine() const { return machine_; }
    /// Who is on the other end of TCP.
    const std::optional<throttle::peer>& from() const { return from_; }

    /// Reads once, and handles what is complete. False when the peer has closed.
    bool read(std::int64_t wall);
    /// Writes what it can of the output. False when the peer is gone.
    bool write(const rings& shared, std::int64_t ticks);
    bool has_output() const { return !machine_output().empty(); }

    /// The client's own eventfd; -1 without one.
    int wake_file() const { return wake_.get(); }
    /// Since when it has accepted nothing, or said no hello; 0 when all is well.
    std::int64_t stuck_since() const { return stuck_since_; }

    std::uint32_t polled = 0; ///< what the host waits for

private:
    const protocol::buffer& machine_output() const
    {
        return const_cast<connection*>(this)->machine_.output();
    }
    void adopt(std::span<const int> files);

    descriptor socket_;
    std::optional<throttle::peer> from_;
    session_fsm machine_;
    std::deque<descriptor> received_; // descriptors nobody has asked for yet
    descriptor wake_;
    std::size_t written_ = 0; // of the output
    std::int64_t stuck_since_ = 0;
};

} // namespace zproc::serving
