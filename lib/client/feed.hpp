#pragma once

#include "client/connection.hpp"
#include "client/mirror.hpp"
#include "client/ring.hpp"
#include "client/wakeup.hpp"
#include "protocol/messages.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::client {

/// Somebody who reads the journal. All functions are called on the strand.
class feed_reader {
public:
    virtual ~feed_reader() = default;
    virtual const std::string& name_space() const noexcept = 0;
    /// The keys whose changes are to wake it; none: all of the namespace.
    virtual std::vector<std::string_view> interest() const = 0;
    /// It is known here by `id`, until it is removed.
    virtual void entered(std::uint64_t id) = 0;
    /// What else has to be asked, on the heels of the registration.
    virtual void registering() = 0;
    /// The server knows of it; this is what the namespace was then.
    virtual void registered(const protocol::watch_reply& present) = 0;
    /// There may be something new.
    virtual void awake() = 0;
    virtual void failed(error_code ec) = 0;
};

/// What all watchers of one context share: the ring they read, the wake-ups they wait for, and
/// their registrations with the server, made again after each reconnection.
///
/// All functions are called on the strand.
class feed : public std::enable_shared_from_this<feed> {
public:
    /// With a mirror, the ring is read there; without one, it is the server's own.
    feed(asio::any_io_executor io, asio::any_io_executor strand, std::shared_ptr<connection> server,
         std::shared_ptr<ring_shelf> shelf, std::shared_ptr<mirror> copy);

    /// Registers a reader, at once or as soon as there is a connection. It may be told that this has
    /// failed before this returns.
    void add(const std::shared_ptr<feed_reader>& reader);
    void remove(std::uint64_t id);

    /// The ring as of now; null while it is being fetched, after which readers are awoken.
    std::shared_ptr<const ring> current();

    /// It may be behind what the server has committed.
    bool is_behind() const noexcept { return copy_ != nullptr; }

    /// While the count is above 0, wake-ups are listened for, and until the turn of the connection
    /// after that.
    void hold();
    void release();
    void rest();

    /// Calls `then` when every registration made so far is known to the server.
    void barrier(std::function<void(error_code)> then);

    /// Of the connection.
    void on_ready();
    void on_failed(error_code ec);
    void shutdown();

private:
    struct entry {
        std::weak_ptr<feed_reader> reader;
        bool registered = false;
    };
    struct attach_call;
    struct watch_call;

    void attach();
    void attached(error_code ec, std::uint64_t generation, std::vector<descriptor> descriptors);
    void registered(std::uint64_t id, error_code ec, const protocol::watch_reply& present);
    void tell(std::uint64_t id, error_code ec, const protocol::watch_reply& present);
    void awaken();
    void arm();
    void pass_barriers(error_code ec);
    std::uint64_t generation() const;

    asio::any_io_executor io_;
    asio::any_io_executor strand_;
    std::shared_ptr<connection> server_;
    std::shared_ptr<ring_shelf> shelf_;
    std::shared_ptr<mirror> copy_; ///< null: the server is on this host
    std::map<std::uint64_t, entry> readers_;
    std::uint64_t next_id_ = 1;
    std::size_t unregistered_ = 0;
    std::vector<std::function<void(error_code)>> barriers_;

    std::shared_ptr<wakeup> wakeup_;
    std::unique_ptr<mapped_file> control_;
    std::shared_ptr<const ring> ring_;
    std::uint64_t ring_generation_ = 0;
    bool attaching_ = false;
    bool attached_ = false; ///< in this connection
    bool eventfd_known_ = false;
    unsigned holders_ = 0;
};

} // namespace zproc::client
