#pragma once

#include "client/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace zproc::client {

/// How the server wakes this process: an eventfd of its own, and one it shares with all.
///
/// Its own is read by who was woken. The shared one is never drained, so that it wakes everybody: it
/// is edge-triggered in a nested epoll descriptor; that is what the loop waits on, and its edge is
/// consumed after each wake, so the loop does not spin.
class wakeup : public std::enable_shared_from_this<wakeup> {
public:
    /// Of `io`, the strand.
    wakeup(asio::any_io_executor io, asio::any_io_executor strand,
           std::shared_ptr<const fork_mark> mark);
    ~wakeup();
    wakeup(const wakeup&) = delete;
    wakeup& operator=(const wakeup&) = delete;

    error_code open();

    /// What the server writes to.
    int own() const noexcept { return own_.get(); }

    /// Listens also to the one shared by all; replaces an older one.
    error_code listen_to(descriptor shared);

    /// Calls `awake` on the strand after the next wake, once. One that comes while it is not armed is
    /// kept until it is.
    void arm(std::function<void()> awake);
    void disarm();

private:
    /// What the loop waits for. Never destroyed in a plain fork, which would take it out of the loop
    /// of the process that it was forked from.
    struct ear {
        std::unique_ptr<asio::posix::stream_descriptor> descriptor = {};
        bool armed = false;
    };

    error_code assign(ear& to, const descriptor& what);
    void wait_for_own();
    void own_came(error_code ec);
    void wait_for_shared();
    void shared_came(error_code ec);
    void heard();

    asio::any_io_executor io_;
    asio::any_io_executor strand_;
    std::shared_ptr<const fork_mark> mark_;
    descriptor own_;
    descriptor shared_;
    descriptor epoll_; ///< of the shared one
    ear at_own_;
    ear at_shared_;
    std::uint64_t count_ = 0; ///< read from its own
    std::function<void()> awake_;
};

} // namespace zproc::client
