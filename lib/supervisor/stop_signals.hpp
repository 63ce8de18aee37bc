#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>

#include <sys/types.h>

namespace zproc::supervision {

/// SIGINT and SIGTERM of a spawned process. The first of either calls `asked` on the loop; both
/// together are one request. The same signal again, unless the supervisor sends it, takes its
/// usual course: it ends the process.
///
/// One per process, and for its life.
class stop_signals {
public:
    stop_signals(boost::asio::io_context& io, pid_t supervisor);

    /// Takes over the signals. Until then they have their usual effect.
    void listen(std::function<void()> asked);

    /// The first one that came; 0: none yet.
    static int first() noexcept;

private:
    boost::asio::posix::stream_descriptor wake_;
};

/// Ends this process by a signal, as if it had never been handled.
void end_by_signal(int number) noexcept;

} // namespace zproc::supervision
