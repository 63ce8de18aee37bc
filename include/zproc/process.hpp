#pragma once

#include <zproc/detail/gathering.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/detail/process_core.hpp>
#include <zproc/error.hpp>
#include <zproc/exit_info.hpp>
#include <zproc/remote_error.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace zproc {

namespace detail {

template <class R>
struct result_signature {
    using type = void(std::exception_ptr, R);
};

template <>
struct result_signature<void> {
    using type = void(std::exception_ptr);
};

template <class R>
class result_waiter final : public process_waiter {
public:
    using handler_type = handler<typename result_signature<R>::type>;

    explicit result_waiter(handler_type h) : handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    void ended(const asio::any_io_executor& io, const process_outcome& outcome) override
    {
        auto got = settle<R>(outcome);
        if (!got)
            fail(io, got.error());
        else if constexpr (std::is_void_v<R>)
            handler_.complete(io, std::exception_ptr());
        else
            handler_.complete(io, std::exception_ptr(), std::move(got).value());
    }

    void failed(const asio::any_io_executor& io, error_code ec) override
    {
        fail(io, std::make_exception_ptr(system_error(ec)));
    }

private:
    void fail(const asio::any_io_executor& io, std::exception_ptr error)
    {
        if constexpr (std::is_void_v<R>)
            handler_.complete(io, error);
        else
            handler_.complete(io, error, R());
    }

    handler_type handler_;
};

/// One process, with a time limit.
void gather_end(std::shared_ptr<process_core> of, std::chrono::nanoseconds limit,
                handler<void(error_code, exit_info)> h);

template <class R>
class one_result final : public gathering {
public:
    explicit one_result(typename result_waiter<R>::handler_type h) : waiter_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return waiter_.slot(); }

    bool ended(std::size_t, const process_outcome& outcome) override
    {
        outcome_ = outcome;
        return true;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        if (ec)
            waiter_.failed(io, ec);
        else
            waiter_.ended(io, outcome_);
    }

private:
    result_waiter<R> waiter_;
    process_outcome outcome_;
};

/// What does not depend on the type of the result.
class process_handle {
public:
    using executor_type = asio::any_io_executor;

    /// The executor of the context that spawned it.
    executor_type get_executor() const;

    /// What the table of processes knows it by, over all its runs; 0 before it was started.
    std::uint64_t id() const noexcept;

    /// Of the present run. 0 for an empty handle.
    pid_t pid() const noexcept;

    /// What it was named at the spawn; by default the name of its function.
    std::string name() const;

    /// True from the spawn until it has ended for good; asks the kernel, so it needs no pending
    /// `wait`.
    bool running() const noexcept;

    /// What was last heard of it: it is kept up to date while an operation on a process of the same
    /// context is pending.
    process_status status() const noexcept;

    /// How the last run that has ended did, when one has; of a process that runs again, too.
    std::optional<exit_info> last_exit() const;

    /// The pidfd of the present run, owned by the handle; -1 when there is none.
    int native_handle() const noexcept;

    /// SIGINT: the process's coroutine is cancelled.
    /// Errors: `errc::process_gone` when it has ended; those of pidfd_send_signal(2).
    error_code interrupt() const noexcept;

    /// SIGTERM: the process's coroutine is cancelled.
    /// Errors: as `interrupt`.
    error_code request_exit() const noexcept;

    /// SIGKILL. Its own children fall with it.
    /// Errors: as `interrupt`.
    error_code terminate() const noexcept;

    /// Errors: as `interrupt`.
    error_code signal(int number) const noexcept;

    explicit operator bool() const noexcept { return core_ != nullptr; }

    /// For the library.
    const std::shared_ptr<process_core>& core() const noexcept { return core_; }

protected:
    process_handle() = default;
    explicit process_handle(std::shared_ptr<process_core> core) noexcept : core_(std::move(core)) {}

    std::shared_ptr<process_core> core_;

    friend std::ostream& operator<<(std::ostream& out, const process_handle& handle);
};

/// Pid, function, owner, whether it lives, how it ended; in one line.
std::ostream& operator<<(std::ostream& out, const process_handle& handle);

} // namespace detail

/// A process that runs a function which returns `R`.
///
/// A cheap handle: copies mean the same process, and dropping the last one stops nothing. The
/// process ends when its function returns, when it is stopped, or when its owner ends.
/// Thread safety: distinct and shared handles may be used from any thread.
/// Example file: example/cookie_eater.cpp
template <class R = void>
class [[nodiscard]] process : public detail::process_handle {
public:
    using result_type = R;
    using result_signature = typename detail::result_signature<R>::type;

    /// A handle of no process; operations complete with `errc::process_gone`.
    process() = default;
    explicit process(std::shared_ptr<detail::process_core> core) noexcept
        : process_handle(std::move(core))
    {
    }

    /// Waits until the process has ended, and says how.
    ///
    /// Any number of copies may wait, also after the end.
    /// Completion signature: void(error_code, exit_info).
    /// Per-operation cancellation: terminal, partial, total: this wait completes with
    /// `operation_aborted`; the process does not notice.
    /// Errors: `errc::supervisor_lost`, `errc::process_gone` (empty handle),
    /// `errc::wrong_process`; `errc::context_gone` is thrown by the call itself.
    template <asio::completion_token_for<void(error_code, exit_info)> Token = asio::deferred_t>
    [[nodiscard]] auto wait(Token&& token = {}) const
    {
        return detail::initiate<void(error_code, exit_info)>(
            get_executor(),
            [core = core_](detail::handler<void(error_code, exit_info)> h) {
                if (core)
                    core->wait(std::move(h));
                else
                    h.complete(asio::system_executor(), error_code(errc::process_gone),
                               exit_info());
            },
            std::forward<Token>(token));
    }

    /// The same, for at most so long: `asio::error::timed_out`, and the process does not notice.
    template <asio::completion_token_for<void(error_code, exit_info)> Token = asio::deferred_t>
    [[nodiscard]] auto wait(std::chrono::nanoseconds limit, Token&& token = {}) const
    {
        using signature = void(error_code, exit_info);
        return detail::initiate<signature>(
            get_executor(),
            [core = core_, limit](detail::handler<signature> h) {
                detail::gather_end(core, limit, std::move(h));
            },
            std::forward<Token>(token));
    }

    /// Waits until the process has ended, and gives what its function returned.
    ///
    /// Any number of copies may await it, also after the end; each gets a value of its own.
    /// Completion signature: void(std::exception_ptr, R), or void(std::exception_ptr). For a
    /// `yield_context` see `state::atomic`.
    /// Per-operation cancellation: as `wait`.
    /// Errors: `remote_error` when the function threw, `process_crashed` when a signal ended the
    /// process, `process_exited` when it ended without a result; `system_error` with the errors
    /// of `wait`, or `errc::not_serializable`.
    template <asio::completion_token_for<result_signature> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto result(Token&& token = {}) const
    {
        return detail::initiate<result_signature>(
            get_executor(),
            [core = core_](detail::handler<result_signature> h) {
                auto waiter = std::make_unique<detail::result_waiter<R>>(std::move(h));
                if (core)
                    core->add(std::move(waiter));
                else
                    waiter->failed(asio::system_executor(), errc::process_gone);
            },
            std::forward<Token>(token));
    }

    /// The same, for at most so long: `system_error(asio::error::timed_out)`.
    template <asio::completion_token_for<result_signature> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto result(std::chrono::nanoseconds limit, Token&& token = {}) const
    {
        return detail::initiate<result_signature>(
            get_executor(),
            [core = core_, limit](detail::handler<result_signature> h) {
                detail::gather({core}, limit,
                               std::make_unique<detail::one_result<R>>(std::move(h)));
            },
            std::forward<Token>(token));
    }

    /// Ends the process and everything it has spawned: SIGTERM, which cancels its coroutine, and
    /// after the grace period SIGKILL. Completes when it has ended; at once if it has already.
    ///
    /// Completion signature: void(error_code).
    /// Per-operation cancellation: as `wait`; a stop that was asked for is not taken back.
    /// Errors: as `wait`.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(std::chrono::nanoseconds grace, Token&& token = {}) const
    {
        return stop_within(grace, std::forward<Token>(token));
    }

    /// The same, with the grace period of the context.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(Token&& token = {}) const
    {
        return stop_within(std::nullopt, std::forward<Token>(token));
    }

    /// Waits until it has that status. `up` is also had by who is `ready`, and `down` by who has
    /// `failed`. At once when it has it already.
    ///
    /// Completion signature: void(error_code).
    /// Per-operation cancellation: as `wait`.
    /// Errors: as `wait`; `errc::process_gone` when it has ended and will never have it.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto when(process_status status, Token&& token = {}) const
    {
        return detail::initiate<void(error_code)>(
            get_executor(),
            [core = core_, status](detail::handler<void(error_code)> h) {
                if (core)
                    core->when(status, std::move(h));
                else
                    h.complete(asio::system_executor(), error_code(errc::process_gone));
            },
            std::forward<Token>(token));
    }

private:
    template <class Token>
    auto stop_within(std::optional<std::chrono::nanoseconds> grace, Token&& token) const
    {
        return detail::initiate<void(error_code)>(
            get_executor(),
            [core = core_, grace](detail::handler<void(error_code)> h) {
                if (core)
                    core->stop(grace, std::move(h));
                else
                    h.complete(asio::system_executor(), error_code(errc::process_gone));
            },
            std::forward<Token>(token));
    }
};

} // namespace zproc
