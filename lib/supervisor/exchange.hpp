#pragma once

#include "supervisor/link.hpp"
#include "supervisor/packet.hpp"

#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace zproc::supervision {

/// What is sent for a request, without its number and its descriptors.
message::spawn to_message(const spawn_request& request);

/// What one loop holds: its own descriptor of the shared socket, and whether it waits.
/// All but `open` is under the lock of the exchange, calls of the Asio objects included: they may
/// come from any thread, but not at once.
class link_body : public std::enable_shared_from_this<link_body> {
public:
    link_body(asio::any_io_executor loop, exchange* by) : executor(std::move(loop)), through(by) {}

    static void close(link_body& body) noexcept;

    using socket_type = asio::generic::seq_packet_protocol::socket;

    /// Empty once closed: a strand must not be let go of after its loop.
    asio::any_io_executor executor;
    exchange* const through;
    std::atomic<bool> open{true};

    std::unique_ptr<socket_type> socket;
    std::unique_ptr<asio::steady_timer> timer;
    int listeners = 0;
    int starting = 0; ///< requests without an answer
    bool must_write = false;
    bool reading = false, writing = false, timing = false;
};

/// This process's end of the control socket. There is one, it is never destroyed, and every link
/// of every loop goes through it.
class exchange {
public:
    /// Null, and why, where this process has no (living) supervisor.
    static exchange* find(error_code& ec);

    bool attach(const std::shared_ptr<link_body>& body, error_code& ec);
    void detach(link_body& body) noexcept;

    void start(const std::shared_ptr<link_body>& body, const spawn_request& request,
               notice_handler told, detail::handler<void(error_code, started_child)> done);
    error_code send(const std::shared_ptr<link_body>& body, const any_message& m);
    void listen(const std::shared_ptr<link_body>& body, int change);
    void look(const std::shared_ptr<link_body>& body);

private:
    using clock = std::chrono::steady_clock;
    using told_type = std::shared_ptr<notice_handler>;

    struct pending {
        std::shared_ptr<link_body> body;
        told_type told;
        detail::handler<void(error_code, started_child)> done;
        clock::time_point limit;
    };

    struct owned {
        std::shared_ptr<link_body> body;
        told_type told;
    };

    struct queued {
        std::vector<std::byte> bytes;
        std::vector<descriptor> descriptors;
    };

    explicit exchange(int socket) : socket_(socket) {}

    // Under the lock, all that follows.
    int send_or_queue(const std::shared_ptr<link_body>& body, const any_message& m,
                      const std::vector<int>& descriptors);
    void flush();
    /// A send has found the socket closed.
    void read_to_the_end(const std::shared_ptr<link_body>& body);
    void rearm(const std::shared_ptr<link_body>& body);
    void handle(const std::shared_ptr<link_body>& reader, received_packet packet);
    void on(const std::shared_ptr<link_body>& reader, const message::started& m, descriptor pidfd);
    void on(const message::failed& m);
    void on(const message::progress& m, std::vector<descriptor> beside);
    void tell(child_id child, notice n, bool last);
    void lose();
    void finish(pending& p, error_code ec, started_child child);

    // Completions of the waits; they take the lock.
    void readable(const std::shared_ptr<link_body>& body);
    void writable(const std::shared_ptr<link_body>& body);
    void expired(const std::shared_ptr<link_body>& body);

    std::mutex mutex_;
    const int socket_;
    packet_receiver receiver_;
    std::uint64_t next_request_ = 1;
    std::map<std::uint64_t, pending> pending_;
    std::map<child_id, owned> children_;
    std::deque<queued> waiting_;
    /// What users gave and nobody needs any more: destroyed after the lock is released, because it
    /// may own the last handle of a link, whose end takes the lock.
    std::vector<told_type> let_go_;
    bool closed_ = false; ///< the supervisor is gone, and what it leaves is being seen to
    bool lost_ = false;   ///< that is over
};

} // namespace zproc::supervision
