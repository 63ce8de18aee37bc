#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/detail/swarm_stream_job.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace zproc {

/// A stream of results of a swarm. It begins with its first `next()`, and the swarm works at it
/// while somebody waits: at most so many items are under way or not yet taken as
/// `swarm_options::in_flight` says.
///
/// Lifetime: an owner. Its destruction ends the work without blocking; a pending `next()`
/// completes with `operation_aborted`. It keeps its swarm.
/// Thread safety: one stream is for one thread at a time.
template <class T>
class [[nodiscard]] swarm_stream {
public:
    using value_type = T;
    using executor_type = asio::any_io_executor;
    using signature = void(std::exception_ptr, std::optional<T>);

    explicit swarm_stream(std::shared_ptr<detail::stream_job_base<T>> job) noexcept
        : job_(std::move(job))
    {
    }
    swarm_stream(swarm_stream&& other) noexcept = default;
    swarm_stream& operator=(swarm_stream&& other) noexcept
    {
        swarm_stream old(std::move(*this));
        job_ = std::move(other.job_);
        return *this;
    }
    ~swarm_stream()
    {
        if (job_)
            job_->drop();
    }

    executor_type get_executor() const noexcept { return job_->keeps->core().get_executor(); }

    /// Waits for the next result; `nullopt` is the end of the stream.
    ///
    /// Completion signature: `void(std::exception_ptr, std::optional<T>)`.
    /// Per-operation cancellation: total, partial, terminal → `operation_aborted`, also when a
    /// result was on its way; no result is lost.
    /// Errors: of an item of `map_lazy` that failed, in its place, after which the stream goes on:
    /// `remote_error`, `process_crashed`, `process_exited`, `system_error` with
    /// `errc::deadline_exceeded` or `errc::not_serializable`. Of the stream, which ends it: what
    /// its input throws, `errc::swarm_stopped`, why no worker can be started,
    /// `errc::supervisor_lost`; `asio::error::already_started` when a `next()` is pending.
    template <asio::completion_token_for<signature> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto next(Token&& token = {}) const
    {
        using handler = detail::stream_handler<T>;
        return detail::initiate<signature, handler>(
            get_executor(), [job = job_](handler h) { job->next(std::move(h)); },
            std::forward<Token>(token));
    }

private:
    std::shared_ptr<detail::stream_job_base<T>> job_;
};

} // namespace zproc
