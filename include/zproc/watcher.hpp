#pragma once

#include <zproc/detail/engine.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/event.hpp>
#include <zproc/options.hpp>

#include <boost/asio/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace zproc {

namespace detail {

/// Ends a watch when its last owner goes: a watcher, or the operation a temporary became.
class watch_owner {
public:
    explicit watch_owner(std::shared_ptr<watch_core> core) noexcept : core_(std::move(core)) {}
    watch_owner(watch_owner&& other) noexcept = default;
    watch_owner& operator=(watch_owner&& other) noexcept
    {
        watch_owner old(std::move(*this));
        core_ = std::move(other.core_);
        return *this;
    }
    ~watch_owner()
    {
        if (core_)
            core_->abandon();
    }
    const std::shared_ptr<watch_core>& core() const noexcept { return core_; }

private:
    std::shared_ptr<watch_core> core_;
};

/// To the watcher, if it still is.
void give_back(const std::weak_ptr<watch_core>& source, std::span<event> events) noexcept;

inline std::span<event> as_span(std::optional<event>& e) noexcept
{
    return e ? std::span<event>(&*e, 1) : std::span<event>();
}
inline std::span<event> as_span(std::vector<event>& all) noexcept
{
    return all;
}

/// Events on their way to the handler of a `next()` or `next_some()`. They are the handler's when
/// that runs, unless the operation has been cancelled by then; otherwise, or when the handler is
/// destroyed, the watcher's again. So whoever loses a race of operations has not lost an event.
template <class Events>
class delivery {
public:
    /// No events: the end of the stream, or an error.
    explicit delivery(error_code ec) noexcept : error_(ec) {}
    delivery(Events&& events, const pending_event& of) noexcept
        : events_(std::move(events)), source_(of.source), cancelled_(of.cancelled)
    {
    }
    delivery(delivery&& other) noexcept
        : error_(other.error_),
          events_(std::exchange(other.events_, Events())),
          source_(std::move(other.source_)),
          cancelled_(std::move(other.cancelled_))
    {
    }
    delivery& operator=(delivery&&) = delete;
    ~delivery() { detail::give_back(source_, as_span(events_)); }

    template <class H>
    void operator()(H&& handler)
    {
        if (cancelled_ && *cancelled_) {
            auto returned = std::exchange(events_, Events());
            detail::give_back(source_, as_span(returned));
            error_ = asio::error::operation_aborted;
        }
        std::move(handler)(error_, std::exchange(events_, Events()));
    }

private:
    error_code error_;
    Events events_;
    std::weak_ptr<watch_core> source_;
    std::shared_ptr<const std::atomic<bool>> cancelled_;
};

template <class Events>
using delivery_handler = handler<void(error_code, Events), delivery<Events>>;

struct pending_next final : pending_event {
    delivery_handler<std::optional<event>> done;

    explicit pending_next(delivery_handler<std::optional<event>> h) : done(std::move(h)) {}

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::optional<event>&& e) override;
    asio::cancellation_slot cancellation_slot() const noexcept override;
};

struct pending_some final : pending_event {
    delivery_handler<std::vector<event>> done;

    pending_some(delivery_handler<std::vector<event>> h, std::size_t at_most) : done(std::move(h))
    {
        most = at_most;
    }

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::optional<event>&& e) override;
    asio::cancellation_slot cancellation_slot() const noexcept override;
};

struct pending_one final : pending_event {
    handler<void(error_code, event)> done;
    std::shared_ptr<watch_owner> owner;

    pending_one(handler<void(error_code, event)> h, std::shared_ptr<watch_owner> o)
        : done(std::move(h)), owner(std::move(o))
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::optional<event>&& e) override;
    asio::cancellation_slot cancellation_slot() const noexcept override;
};

} // namespace detail

/// A stream of events of one namespace, made now and awaited later.
///
/// It registers when it is made: whatever is done through the same context afterwards happens
/// after it, even before the connection is up, even in a process spawned since. Nothing between
/// two awaits is lost, unless the options say `live`.
///
/// It is itself an asynchronous operation that yields one event:
/// `co_await state.when_change("cookies", {.since = 0})`; a *named* watcher is awaited by
/// `next()`, `next_some(most)` or as `std::move(w)`.
///
/// Lifetime: an owner. Its destruction ends the watch without blocking; a pending `next()`
/// completes with `operation_aborted`.
/// Thread safety: one watcher is for one thread at a time.
/// Source: `StateWatcher` of ZProc 0.9.5. Example file: example/cookie_eater.cpp
class [[nodiscard]] watcher {
public:
    using executor_type = asio::any_io_executor;

    explicit watcher(std::shared_ptr<detail::watch_core> core) noexcept : owner_(std::move(core)) {}

    executor_type get_executor() const noexcept { return owner_.core()->get_executor(); }

    /// Waits for the next event; `nullopt` is the end of the stream (`count` reached, `cancel()`).
    ///
    /// Completion signature: `void(error_code, std::optional<event>)`.
    /// Per-operation cancellation: total, partial, terminal → `operation_aborted`, also when an
    /// event was on its way; no event is lost, whatever the race with other operations.
    /// Errors: `asio::error::timed_out` after `timeout`; `asio::error::already_started` when a
    /// `next()` is pending; `errc::journal_overrun` with `on_gap = fail`; `errc::state_lost`;
    /// `errc::server_absent`.
    /// Complexity: O(records passed); no request, no system call when an event is at hand.
    template <
        asio::completion_token_for<void(error_code, std::optional<event>)> Token = asio::deferred_t>
    [[nodiscard]] auto next(Token&& token = {}) const
    {
        using signature = void(error_code, std::optional<event>);
        using handler = detail::delivery_handler<std::optional<event>>;
        return detail::initiate<signature, handler>(
            get_executor(),
            [core = owner_.core()](handler done) {
                core->next(std::make_unique<detail::pending_next>(std::move(done)));
            },
            std::forward<Token>(token));
    }

    /// Waits for the next event, and yields it with those behind it that are at hand, in their
    /// order, at most `most` (and at least one); none is the end of the stream. The way to read a
    /// long history, or of many changes a second: the loop is gone through once for all of them.
    ///
    /// Completion signature: `void(error_code, std::vector<event>)`.
    /// Per-operation cancellation and errors: as `next()`; an error comes when what was before it
    /// has been yielded.
    /// Complexity: O(records passed); meanwhile nothing else of its context is done.
    template <
        asio::completion_token_for<void(error_code, std::vector<event>)> Token = asio::deferred_t>
    [[nodiscard]] auto next_some(std::size_t most, Token&& token = {}) const
    {
        using signature = void(error_code, std::vector<event>);
        using handler = detail::delivery_handler<std::vector<event>>;
        return detail::initiate<signature, handler>(
            get_executor(),
            [core = owner_.core(), most](handler done) {
                core->next(std::make_unique<detail::pending_some>(std::move(done), most));
            },
            std::forward<Token>(token));
    }

    /// One event, for `co_await state.when_change(…)`; the operation takes the watcher over.
    /// `errc::end_of_stream` where `next()` would yield nothing; otherwise as `next()`.
    ///
    /// Completion signature: `void(error_code, event)`.
    template <asio::completion_token_for<void(error_code, event)> Token>
    auto operator()(Token&& token) &&
    {
        using signature = void(error_code, event);
        auto executor = get_executor();
        if (!executor) // said before the watcher is taken over
            detail::throw_context_gone();
        return detail::initiate<signature>(
            std::move(executor),
            // Shared, since some compilers want a deferred operation to be copyable.
            [owner = std::make_shared<detail::watch_owner>(std::move(owner_))](
                detail::handler<signature> done) mutable {
                auto core = owner->core();
                core->next(
                    std::make_unique<detail::pending_one>(std::move(done), std::move(owner)));
            },
            std::forward<Token>(token));
    }

    /// Skips what is pending: the next event is one that happens from now on.
    void go_live() const { owner_.core()->go_live(); }

    /// Ends the stream: a pending and every later `next()` yields `nullopt`.
    void cancel() const { owner_.core()->cancel(); }

    /// How many revisions the ring took before this watcher read them, over its whole life.
    std::uint64_t missed() const noexcept { return owner_.core()->missed(); }

private:
    detail::watch_owner owner_;
};

} // namespace zproc
