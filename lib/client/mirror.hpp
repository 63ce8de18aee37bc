#pragma once

#include "client/call.hpp"
#include "client/connection.hpp"
#include "client/ring.hpp"
#include "journal/mirror.hpp"
#include "protocol/stream_messages.hpp"
#include "shared_memory.hpp"

#include <zproc/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace zproc::client {

/// The journal of a server on another host, in shared memory of this process: what a server of this
/// host would give to who attaches, so that nobody else has to know the difference.
///
///     nothing ──sync──► asked ──begun──► filling ──complete──► current ─┐
///                                           ▲      another ring, lapped │
///                                           └───────────────────────────┘
///
/// A ring is announced when it holds everything that had been committed when it was begun; until
/// then the one before it counts. So readers here see the state as it was, never half of it, and
/// never going back.
///
/// All functions are called on the strand; readers of the ring are on any thread.
class mirror : public std::enable_shared_from_this<mirror> {
public:
    /// Who waits for the mirror gives up when there was no progress for `patience`; everybody does
    /// when rings were begun anew for so long, and none was ever filled: the writer is too fast.
    mirror(const asio::any_io_executor& strand, std::shared_ptr<connection> server,
           std::shared_ptr<ring_shelf> shelf, std::chrono::nanoseconds patience);
    ~mirror();
    mirror(const mirror&) = delete;
    mirror& operator=(const mirror&) = delete;

    /// As the reply to an attach: ring, control page, eventfd.
    struct attachment {
        std::uint64_t generation = 0;
        std::vector<descriptor> descriptors;
    };
    /// Names a sync, to take it back. From any thread.
    std::uint64_t next_id() noexcept { return ++ids_; }
    /// A request; when all that was done before it is here, `then` is called. Also with `timed_out`,
    /// `journal_overrun` (more is written there than comes here), and the errors of a connection.
    std::unique_ptr<call> sync(std::function<void(error_code, attachment)> then,
                               std::uint64_t id = 0);
    /// One that was answered, and still waits for the mirror, ends with `operation_aborted`.
    void cancel(std::uint64_t id);

    /// Calls `then` when it has come to that position of the server's journal; at once when it has.
    void when_reached(const protocol::stream_end& place, std::function<void(error_code)> then,
                      std::uint64_t id = 0);

    /// Of the connection: it stands; there is none to be had; what came unasked; that was all for
    /// now.
    void on_ready();
    void on_failed(error_code ec);
    void on_pushed(const protocol::frame& f);
    void on_read();
    void shutdown();

    // Bytes that may be under way: while a ring is being filled, and otherwise. What the second
    // says fits into any socket's buffer, since nobody may be there to read it.
    static constexpr std::uint64_t wide = 4u << 20;
    static constexpr std::uint64_t narrow = 64u << 10;

private:
    struct sync_call;
    struct copy {
        shared_file file;
        std::optional<journal::mirror> records;
        std::shared_ptr<const ring> readable; ///< once it was announced
    };
    struct waiting {
        protocol::stream_end place;
        std::function<void(error_code)> then;
        std::uint64_t id;
    };

    void write_sync(protocol::buffer& out, std::uint32_t correlation);
    void begin(const protocol::stream_begun& m);
    void add(const protocol::stream_piece& m);
    void announce();
    bool make_page();
    void forget_instance();
    void fail(error_code ec);
    void say_limit(bool anyway);
    void watch_progress();
    void let_go();
    void drop_timer();
    bool has_reached(const protocol::stream_end& place) const;
    void pass();
    void release_waiting(error_code ec);
    attachment give() const;

    std::shared_ptr<connection> server_;
    std::shared_ptr<ring_shelf> shelf_;

    bool asked_ = false;                   ///< ever
    bool streaming_ = false;               ///< in this connection
    std::uint64_t received_ = 0;           ///< bytes of records, of this stream
    std::uint64_t limit_ = 0;              ///< that the server was told
    multiplexer::time unfilled_since_ = 0; ///< rings are begun, and none has been filled; 0: one is
    bool news_ = false;                    ///< since readers were woken

    std::unique_ptr<copy> current_;
    std::unique_ptr<copy> next_;
    std::uint64_t goal_ = 0; ///< where next_ is complete

    protocol::instance_id instance_{}; ///< that the last connection was to
    shared_file page_;
    descriptor wake_;
    std::uint64_t generation_ = 0;

    std::vector<waiting> waiting_;
    std::atomic<std::uint64_t> ids_ = 0;
    std::chrono::nanoseconds patience_;
    std::shared_ptr<const fork_mark> mark_;
    std::unique_ptr<asio::steady_timer> timer_; ///< of who waits
    bool timing_ = false;
    std::uint64_t progress_ = 0; ///< when it was armed
};

} // namespace zproc::client
