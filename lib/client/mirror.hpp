#pragma once

#include "client/call.hpp"
#include "client/connection.hpp"
#include "client/ring.hpp"
#include "journal/mirror.hpp"
#include "protocol/stream_messages.hpp"
#include "shared_memory.hpp"

#include <zproc/error.hpp>

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
    mirror(std::shared_ptr<connection> server, std::shared_ptr<ring_shelf> shelf);
    ~mirror();
    mirror(const mirror&) = delete;
    mirror& operator=(const mirror&) = delete;

    /// As the reply to an attach: ring, control page, eventfd.
    struct attachment {
        std::uint64_t generation = 0;
        std::vector<descriptor> descriptors;
    };
    /// A request; when all that was done before it is here, `then` is called.
    std::unique_ptr<call> sync(std::function<void(error_code, attachment)> then);

    /// Calls `then` when it has come to that position of the server's journal; at once when it has.
    void when_reached(const protocol::stream_end& place, std::function<void(error_code)> then);

    /// Of the connection: it stands; there is none to be had; what came unasked; that was all for
    /// now.
    void on_ready();
    void on_failed(error_code ec);
    void on_pushed(const protocol::frame& f);
    void on_read();
    void shutdown();

    /// Bytes that may be under way.
    static constexpr std::uint64_t window = 4u << 20;

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
    };

    void write_sync(protocol::buffer& out, std::uint32_t correlation);
    void begin(const protocol::stream_begun& m);
    void add(const protocol::stream_piece& m);
    void announce();
    bool make_page();
    void fail(error_code ec);
    bool has_reached(const protocol::stream_end& place) const;
    void pass();
    void release_waiting(error_code ec);
    attachment give() const;

    std::shared_ptr<connection> server_;
    std::shared_ptr<ring_shelf> shelf_;

    bool asked_ = false;         ///< ever
    bool streaming_ = false;     ///< in this connection
    std::uint64_t consumed_ = 0; ///< of the credit
    bool news_ = false;          ///< since readers were woken

    std::unique_ptr<copy> current_;
    std::unique_ptr<copy> next_;
    std::uint64_t goal_ = 0; ///< where next_ is complete

    protocol::instance_id instance_{};
    shared_file page_;
    descriptor wake_;
    std::uint64_t generation_ = 0;

    std::vector<waiting> waiting_;
};

} // namespace zproc::client
