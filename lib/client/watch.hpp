#pragma once

#include "client/feed.hpp"
#include "client/watch_fsm.hpp"
#include "journal/reader.hpp"
#include "store/past.hpp"

#include <zproc/detail/engine.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zproc::client {

/// A watcher's engine side: reads the ring on the strand and feeds its machine.
///
///     made → registering → begun → (waiting ⇄ reading)* → ended
///
/// It reads ahead by one event, so that what does not concern it never laps it while anything in
/// this process listens. While a `next()` waits, it holds the feed.
class watch final : public detail::watch_core,
                    public feed_reader,
                    public std::enable_shared_from_this<watch> {
public:
    struct surroundings {
        asio::any_io_executor io;
        asio::any_io_executor strand;
        std::shared_ptr<connection> server;
        std::shared_ptr<client::feed> feed;
        std::shared_ptr<const void> context; ///< lives as long as the watch
    };

    watch(surroundings around, std::string name_space, watch_fsm machine);
    ~watch() override;

    /// Registers; on the strand.
    void start();
    /// The loop is being destroyed: no thread runs it any more. What is pending is returned, to be
    /// dropped uncalled when all watches know.
    std::unique_ptr<detail::pending_event> loop_gone();

    // detail::watch_core, from any thread
    asio::any_io_executor get_executor() const noexcept override { return around_.io; }
    void next(std::unique_ptr<detail::pending_event> p) override;
    void give_back(event&& e) override;
    void go_live() override;
    void cancel() override;
    void abandon() noexcept override;
    std::uint64_t missed() const noexcept override { return missed_.load(); }

    // feed_reader, on the strand
    const std::string& name_space() const noexcept override { return name_space_; }
    std::vector<std::string_view> interest() const override;
    void entered(std::uint64_t id) override { id_ = id; }
    void registering() override;
    void registered(const protocol::watch_reply& present) override;
    void awake() override;
    void failed(error_code ec) override;

private:
    struct present_call;
    struct mark_call;

    void take(std::unique_ptr<detail::pending_event> p, std::uint64_t operation);
    void take_back(event&& e);
    void drop_operation(std::uint64_t operation);
    void pump();
    bool wants_more() const noexcept;
    void read_ahead();
    void make_room();
    void read_through();
    bool has_enough() const noexcept;
    void complete_taken();
    bool hand_over();
    void try_begin();
    void begin(std::uint64_t revision, const dict& present, bool test, std::int64_t time);
    bool is_idle() const noexcept;
    void lose();
    bool position();
    void locate();
    bool read_one(event& into);
    void resume_at(std::uint64_t revision);
    std::uint64_t revision_before(std::int64_t time) const;
    store::moment base_as_of(std::uint64_t revision) const;
    void ripen();
    static std::int64_t wall_now();
    void wait();
    void complete(error_code ec);
    void seek_live();
    void wait_for_hold();

    surroundings around_;
    std::shared_ptr<const fork_mark> mark_;
    std::string name_space_;
    watch_fsm machine_;
    std::uint64_t id_ = 0;

    std::optional<protocol::watch_reply> registered_;
    std::optional<protocol::instance_id> instance_; ///< that it registered with
    bool begun_ = false;
    bool ended_ = false;
    bool lost_ = false;          ///< what it was to read is not there: `state_lost`, from now on
    error_code failure_;         ///< for the next `next()`
    bool told_ = false;          ///< the last `next()` has failed already
    unsigned marks_ = 0;         ///< the server is asked how much is to be skipped
    std::deque<event> returned_; ///< delivered, and not taken: they come before `ready_`
    std::optional<event> ready_;

    std::shared_ptr<const ring> ring_;
    std::optional<journal::reader> reader_;
    store::fetch_value fetch_; ///< out of the ring

    std::unique_ptr<detail::pending_event> pending_;
    std::uint64_t pending_operation_ = 0;
    bool holding_ = false;
    std::optional<asio::steady_timer> timer_;
    std::uint64_t timer_operation_ = 0;
    std::optional<asio::steady_timer> hold_timer_; ///< armed for `hold_due_`, while one waits
    std::int64_t hold_due_ = 0;
    std::int64_t ripe_at_ = 0; ///< so late it is at least, whatever the wall clock says now

    std::atomic<std::uint64_t> operations_ = 0; ///< numbers `next()` calls, for cancellation
    std::atomic<std::uint64_t> missed_ = 0;
    std::atomic<bool> gone_ = false; ///< the loop is
};

} // namespace zproc::client
