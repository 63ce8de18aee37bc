#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/detail/progress_board.hpp>
#include <zproc/error.hpp>
#include <zproc/swarm_progress.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace zproc {

/// How far maps have come, as events. Made by `swarm::progress`, and given to what it is to follow:
///
///     auto progress = swarm.progress();
///     auto all = co_await (swarm.with(progress).map(f, input) && show_progress(progress));
///
/// It follows all operations that are begun through such a handle, their numbers summed up; they
/// begin anew with an operation that begins when none is running.
///
/// A cheap handle. Lifetime: copies mean the same stream. With the last of them a pending `next()`
/// completes with `operation_aborted`, unless something still reports to it.
/// Thread safety: a stream and its copies may be used from any number of threads at once.
class progress_stream {
public:
    using value_type = swarm_progress;
    using executor_type = asio::any_io_executor;
    using signature = detail::progress_board::signature;

    explicit progress_stream(std::shared_ptr<detail::progress_board> board) noexcept
        : board_(std::move(board))
    {
    }

    executor_type get_executor() const { return board_->get_executor(); }

    /// Waits until something differs from what was seen last, and yields the present: however much
    /// has happened meanwhile, it is one event. `nullopt` when everything that reports to it has
    /// ended, and that was seen; the next `next()` then waits for another operation to begin.
    ///
    /// Completion signature: `void(error_code, std::optional<swarm_progress>)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; nothing is lost.
    /// Errors: `asio::error::already_started` when a `next()` is pending, `errc::wrong_process`.
    /// Complexity: O(operations that are running).
    template <asio::completion_token_for<signature> Token = asio::deferred_t>
    [[nodiscard]] auto next(Token&& token = {}) const
    {
        using handler = detail::progress_board::next_handler;
        return detail::initiate<signature, handler>(
            get_executor(), [board = board_](handler done) { board->next(std::move(done)); },
            std::forward<Token>(token));
    }

private:
    friend class swarm;

    std::shared_ptr<detail::progress_board> board_;
};

} // namespace zproc
