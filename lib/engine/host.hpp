#pragma once

#include "client/connection.hpp"
#include "client/feed.hpp"
#include "client/mirror.hpp"
#include "client/replica_source.hpp"

#include <zproc/detail/engine.hpp>
#include <zproc/peer.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace zproc::client {
class recall;
class watch;
} // namespace zproc::client

namespace zproc::engine {

namespace asio = boost::asio;

/// The engine of one machine: a state process behind a socket, and its ring in shared memory.
///
/// Thread safety: all functions may be called from any thread; what they do happens on one strand.
class host final : public detail::engine, public std::enable_shared_from_this<host> {
public:
    /// `name` is that of this process, for people. Of a server that may be on another host, the
    /// journal is streamed to a mirror here.
    static std::shared_ptr<host> make(asio::any_io_executor io, client::locator locate,
                                      std::string name, std::chrono::nanoseconds request_timeout,
                                      client::credentials shown = {}, bool remote = false);
    explicit host(asio::any_io_executor io);
    ~host() override;

    asio::any_io_executor get_executor() const noexcept override
    {
        return io_;
    } // empty once the loop is gone
    void submit(const detail::state_identity& from, detail::request&& r,
                std::unique_ptr<detail::pending> p) override;
    void transact(const detail::state_identity& from,
                  std::unique_ptr<detail::transaction_body> body) override;
    std::shared_ptr<detail::watch_core> watch(const detail::state_identity& from,
                                              detail::watch_condition&& condition,
                                              const watch_options& options) override;
    void recall(const detail::state_identity& from, detail::past_question&& q,
                std::unique_ptr<detail::pending_past> p) override;
    void replicate(const detail::state_identity& from,
                   std::unique_ptr<detail::pending_replica> p) override;
    std::uint64_t session() const noexcept override { return session_; }
    durability_level durability() const noexcept { return durability_; }
    /// False in a plain fork of the process that made it, which shares its socket: there everything
    /// fails with `errc::wrong_process`.
    bool is_here() const noexcept { return server_->is_here(); }

    // `keeps` lives until it is answered.
    void ping(detail::handler<void(error_code, pong)> done, std::shared_ptr<const void> keeps);
    void sync(detail::handler<void(error_code)> done, std::shared_ptr<const void> keeps);
    void who(const origin& of, detail::handler<void(error_code, peer)> done,
             std::shared_ptr<const void> keeps);

    std::uint64_t reconnections() const noexcept
    {
        const auto all = connections_.load();
        return all == 0 ? 0 : all - 1;
    }

    /// Calls `then`, on the strand, when all watchers made so far are known to the server.
    void barrier(std::function<void(error_code)> then);

    /// There will be no server any more: everything completes with `ec`.
    void condemn(error_code ec);

    void loop_gone();

    const asio::any_io_executor& strand() const noexcept { return strand_; }

private:
    /// `mirrored` names what waits for the mirror once it is answered.
    void start(std::unique_ptr<client::call> what, asio::cancellation_slot slot,
               std::uint64_t mirrored = 0);
    /// Why nothing can be begun: the loop is gone, or this is a fork. Nothing is touched then.
    error_code refusal() const noexcept;
    /// An empty executor when the loop is gone.
    asio::any_io_executor where_to_refuse() const;

    asio::any_io_executor io_;
    asio::any_io_executor strand_;
    std::shared_ptr<client::connection> server_;
    std::shared_ptr<client::mirror> mirror_; ///< null: the server is on this host
    std::shared_ptr<client::feed> feed_;
    std::shared_ptr<client::replica_source> replicas_;
    std::atomic<bool> gone_ = false;
    std::atomic<std::uint64_t> session_ = 0;
    std::atomic<std::uint64_t> connections_ = 0;
    std::atomic<durability_level> durability_ = durability_level::none;
    std::set<std::shared_ptr<client::recall>> recalls_; ///< on the strand

    std::mutex mutex_; ///< of what follows
    std::vector<std::weak_ptr<client::watch>> watches_;
    std::size_t prune_at_ = 64;
};

} // namespace zproc::engine
