#pragma once

#include "server/rings.hpp"
#include "server/session_fsm.hpp"
#include "server/throttle.hpp"
#include "shared_memory.hpp"
#include "tls.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include <sys/socket.h>

namespace zproc::serving {

/// A client's socket and its machine. Never waits.
class connection {
public:
    /// With `terms` it speaks TLS, and nothing else.
    connection(descriptor socket, hall& shared, seat where, std::int64_t ticks,
               std::optional<throttle::peer> from = {},
               std::shared_ptr<const tls::terms> terms = {});

    int socket() const { return socket_.get(); }
    session_fsm& machine() { return machine_; }
    const session_fsm& machine() const { return machine_; }
    /// Who is on the other end of TCP.
    const std::optional<throttle::peer>& from() const { return from_; }

    /// Reads once, and handles what is complete. False when the peer has closed.
    bool read(std::int64_t wall);
    /// It speaks TLS.
    bool sealed() const { return tls_ != nullptr; }
    /// Bytes that it has sent, so far.
    std::uint64_t come() const { return come_; }
    /// Writes what it can of the output. False when the peer is gone.
    bool write(const rings& shared, std::int64_t ticks);
    bool has_output() const
    {
        return !machine_output().empty() || (tls_ && !tls_->output().empty());
    }
    /// It never got as far as being greeted, by its own fault.
    bool turned_away() const
    {
        return machine_.turned_away() ||
               (tls_ && !machine_.greeted() && (refused_plain_ || tls_->error()));
    }

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
    bool read_plain(std::int64_t wall);
    bool read_sealed(std::int64_t wall);
    bool refuse_plain();
    enum class sent { all, some, failed };
    sent send_plain(const rings& shared);
    sent send_sealed();
    sent send_once(msghdr& message, std::span<std::byte> bytes, std::size_t& count);

    descriptor socket_;
    std::optional<throttle::peer> from_;
    session_fsm machine_;
    std::unique_ptr<tls::session> tls_;
    bool said_something_ = false;
    bool refused_plain_ = false;
    std::deque<descriptor> received_; // descriptors nobody has asked for yet
    descriptor wake_;
    std::size_t written_ = 0; // of the output
    std::uint64_t come_ = 0;
    std::uint64_t taken_ = 0; // bytes, by the system
    std::int64_t stuck_since_ = 0;
};

} // namespace zproc::serving
