#pragma once

#include "descriptor.hpp"
#include "swarm/frame.hpp"
#include "tls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace zproc::swarming {

/// One end of the socket between an owner and a worker, or a host of workers: frames, and the
/// descriptors beside them.
/// Never blocks, and raises no SIGPIPE.
class wire {
public:
    enum class outcome { done, later, closed };

    /// `descriptors`: whether they cross, as they do between processes of one machine. With a
    /// session of TLS none do.
    wire(const boost::asio::any_io_executor& io, descriptor socket, bool descriptors = true,
         std::unique_ptr<tls::session> tls = {});
    ~wire();

    bool carries_descriptors() const noexcept { return descriptors_; }
    /// Of the bodies that come.
    void set_limit(std::uint32_t most) noexcept { in_.set_limit(most); }

    /// Puts a frame behind those that are to be sent, with a descriptor of its own.
    void put(const frame& f, int with = -1);
    /// Frames that were written already.
    void put_written(std::string_view frames) { out_.append(frames); }
    /// Sends what can be sent now.
    outcome flush();
    /// Something that could be sent, were there room.
    bool has_unsent() const noexcept;

    /// Reads what there is, once. `later`: nothing.
    outcome fill();
    /// The next whole frame; valid until `fill`.
    std::optional<frame> next();
    bool is_broken() const noexcept { return broken_ || in_.is_broken(); }
    /// What is wrong with TLS; empty when nothing is.
    std::string_view tls_text() const noexcept;
    /// The descriptor that came with the frame at hand; empty when there was none.
    descriptor take_descriptor();

    /// To wait with; null after `leak`.
    boost::asio::posix::stream_descriptor& socket() noexcept { return *socket_; }
    /// In a plain fork: its destruction would take the socket out of the epoll set that is shared
    /// with the process it was forked from.
    void leak() noexcept { static_cast<void>(socket_.release()); }

private:
    outcome flush_sealed();
    outcome fill_sealed();

    std::unique_ptr<boost::asio::posix::stream_descriptor> socket_;
    std::unique_ptr<tls::session> tls_;
    bool descriptors_;
    bool broken_ = false;
    frame_reader in_;
    std::deque<descriptor> received_;
    std::string out_;
    std::size_t sent_ = 0; ///< of `out_`, or with TLS of what was made of it
    std::deque<std::pair<std::size_t, descriptor>> beside_; ///< where in `out_` each goes
};

/// A second descriptor of a file that is another's.
descriptor duplicate_of(int number) noexcept;

/// A connected pair of stream sockets, close-on-exec; empty when there is no room.
std::pair<descriptor, descriptor> make_wire_pair();

} // namespace zproc::swarming
