#pragma once

#include "swarm/control.hpp"
#include "swarm/crew.hpp"
#include "swarm/dial.hpp"
#include "swarm/launcher.hpp"
#include "swarm/wire.hpp"
#include "tls.hpp"

#include <zproc/detail/process_core.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace zproc::swarming {

struct hosting_plan {
    dial_plan door;
    tls::identity identity; ///< what workers show; used with `door.tls`
    std::size_t workers = 1;
    duration patience{};
    launcher launch;
};

/// Workers that this process lends to a swarm of another.
///
///     serve: dial ─► lend: start workers, tell how they end ─┬─► dismissed: done
///              ▲                                             │
///              └── workers ended ◄── the owner is gone ◄─────┘
///
/// Each worker has a connection of its own; that of the host tells only of beginnings and ends.
/// On one strand, which the coroutine runs on.
class hosting : public std::enable_shared_from_this<hosting> {
public:
    hosting(const asio::any_io_executor& strand, hosting_plan plan);
    ~hosting();

    /// Completes when the owner has dismissed its workers. When it is cancelled, or fails, they are
    /// ended first. Errors: those of `dial`, after the patience where it may help, and of spawning.
    static asio::awaitable<void> serve(std::shared_ptr<hosting> self);

private:
    struct worker;
    class exit_waiter;
    class worker_spawn;

    asio::awaitable<void> lend();
    asio::awaitable<void> join();
    asio::awaitable<void> work();
    asio::awaitable<void> end_workers();
    asio::awaitable<void> wait_until(std::optional<duration> time);

    void stir();
    void read();
    bool handle(const frame& f);
    void dismissed(bool now);
    void stop_all();
    void watch();
    void start_missing();
    void start();
    void started(worker_id id, error_code ec, std::shared_ptr<detail::process_core> process);
    void ended(worker_id id, const detail::process_outcome& outcome);
    void failed(worker_id id, const error_code& ec);
    void tell_end(worker_id id, const worker& of, const exit_info& info);
    void gone(worker_id id, bool useless);
    template <class Step>
    void on_strand(Step step);

    asio::any_io_executor strand_;
    hosting_plan plan_;
    asio::steady_timer timer_;
    std::minstd_rand jitter_;
    crew crew_;
    std::map<worker_id, std::shared_ptr<worker>> workers_;
    std::unique_ptr<wire> link_; ///< while it is joined
    door_welcome welcome_;
    std::uint64_t life_ = 0; ///< counts links: a wait of an older one is not ours any more
    bool reading_ = false;
    bool writing_ = false;
    bool stirred_ = false; ///< something has happened since it was looked
    bool dismissed_ = false;
    std::exception_ptr fatal_; ///< no worker will ever start
};

} // namespace zproc::swarming
