#pragma once

#include "client/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <memory>

namespace zproc::client {

/// How the server wakes this process: an eventfd of its own, and one it shares with all.
///
/// Neither is ever drained. Both are edge-triggered in a nested epoll descriptor; that is what the
/// loop waits on, and its edge is consumed after each wake. So many processes can share one
/// eventfd, and the loop does not spin.
class wakeup : public std::enable_shared_from_this<wakeup> {
public:
    wakeup(const asio::any_io_executor& strand, std::shared_ptr<const fork_mark> mark)
        : mark_(std::move(mark)),
          descriptor_(std::make_unique<asio::posix::stream_descriptor>(strand))
    {
    }
    ~wakeup();
    wakeup(const wakeup&) = delete;
    wakeup& operator=(const wakeup&) = delete;

    error_code open();

    /// What the server writes to.
    int own() const noexcept { return own_.get(); }

    /// Listens also to the one shared by all; replaces an older one.
    void listen_to(descriptor shared);

    /// Calls `awake` on the strand after the next wake, once.
    void arm(std::function<void()> awake);
    void disarm();

private:
    void wait();

    descriptor own_;
    descriptor shared_;
    descriptor epoll_;
    std::shared_ptr<const fork_mark> mark_;
    /// The epoll descriptor, duplicated for Asio. Never destroyed in a plain fork, which would take
    /// it out of the loop of the process that it was forked from.
    std::unique_ptr<asio::posix::stream_descriptor> descriptor_;
    std::function<void()> awake_;
    bool armed_ = false;
};

} // namespace zproc::client
