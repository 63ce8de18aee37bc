#pragma once

#include <zproc/detail/gathering.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/process.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc {

/// The process of a list that ended first.
struct first_end {
    std::size_t index = 0;
    exit_info info;
};

namespace detail {

template <class R>
struct results_signature {
    using type = void(std::exception_ptr, std::vector<R>);
};

template <>
struct results_signature<void> {
    using type = void(std::exception_ptr);
};

/// What they gave, in the order of the list, or the first failure that happened.
template <class R>
class results_gathering final : public gathering {
public:
    using signature = typename results_signature<R>::type;

    results_gathering(std::size_t count, handler<signature> h) : all_(count), handler_(std::move(h))
    {
    }

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool ended(std::size_t which, const process_outcome& outcome) override
    {
        all_[which] = settle<R>(outcome);
        error_ = all_[which].error();
        return error_ != nullptr;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        if (ec)
            error_ = std::make_exception_ptr(system_error(ec));
        if constexpr (std::is_void_v<R>) {
            handler_.complete(io, error_);
        } else {
            std::vector<R> values;
            if (!error_)
                for (auto& each : all_)
                    values.push_back(std::move(each).value());
            handler_.complete(io, error_, std::move(values));
        }
    }

private:
    std::vector<settled<R>> all_;
    std::exception_ptr error_;
    handler<signature> handler_;
};

template <class R>
class settling final : public gathering {
public:
    using signature = void(error_code, std::vector<settled<R>>);

    settling(std::size_t count, handler<signature> h) : all_(count), handler_(std::move(h)) {}

    asio::cancellation_slot slot() const noexcept override { return handler_.cancellation_slot(); }

    bool ended(std::size_t which, const process_outcome& outcome) override
    {
        all_[which] = settle<R>(outcome);
        return false;
    }

    void complete(const asio::any_io_executor& io, error_code ec) override
    {
        handler_.complete(io, ec, std::move(all_));
    }

private:
    std::vector<settled<R>> all_;
    handler<signature> handler_;
};

using process_cores = std::vector<std::shared_ptr<process_core>>;

/// All ends, or the first one.
void gather_ends(process_cores of, std::optional<std::chrono::nanoseconds> limit,
                 handler<void(error_code, std::vector<exit_info>)> h);
void gather_first_end(process_cores of, std::optional<std::chrono::nanoseconds> limit,
                      handler<void(error_code, first_end)> h);

/// Asks all to stop, and waits until nothing of them is left; how they ended is another's question.
void stop_all(process_cores of, std::optional<std::chrono::nanoseconds> grace,
              handler<void(error_code)> h);

} // namespace detail

/// Several processes that run functions with the same type of result, such as those of one
/// `spawn_n`. A container of handles with operations on all of them; a `limit` is one for all.
///
/// Lifetime and thread safety: as `process`; the list itself is a value.
template <class R = void>
class [[nodiscard]] process_list {
public:
    using value_type = process<R>;
    using executor_type = asio::any_io_executor;
    using results_signature = typename detail::results_signature<R>::type;
    using duration = std::chrono::nanoseconds;

    process_list() = default;
    explicit process_list(std::vector<process<R>> all) noexcept : all_(std::move(all)) {}

    auto begin() const noexcept { return all_.begin(); }
    auto end() const noexcept { return all_.end(); }
    std::size_t size() const noexcept { return all_.size(); }
    bool empty() const noexcept { return all_.empty(); }
    const process<R>& operator[](std::size_t i) const { return all_[i]; }
    void push_back(process<R> one) { all_.push_back(std::move(one)); }

    /// That of the first process.
    executor_type get_executor() const
    {
        return empty() ? executor_type(asio::system_executor()) : all_.front().get_executor();
    }

    /// Waits until all have ended; how, in the order of the list.
    ///
    /// Completion signature: void(error_code, std::vector<exit_info>).
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; the processes do
    /// not notice.
    /// Errors: as `process::wait`, of any of them; `asio::error::timed_out`, after which those that
    /// had ended are filled in.
    template <asio::completion_token_for<void(error_code, std::vector<exit_info>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto wait_all(Token&& token = {}) const
    {
        return wait_all_within(std::nullopt, std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code, std::vector<exit_info>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto wait_all(duration limit, Token&& token = {}) const
    {
        return wait_all_within(limit, std::forward<Token>(token));
    }

    /// Waits until one has ended: which, and how. An empty list never does: `errc::process_gone`.
    ///
    /// Completion signature: void(error_code, first_end).
    /// Per-operation cancellation and errors: as `wait_all`.
    template <asio::completion_token_for<void(error_code, first_end)> Token = asio::deferred_t>
    [[nodiscard]] auto wait_any(Token&& token = {}) const
    {
        return wait_any_within(std::nullopt, std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code, first_end)> Token = asio::deferred_t>
    [[nodiscard]] auto wait_any(duration limit, Token&& token = {}) const
    {
        return wait_any_within(limit, std::forward<Token>(token));
    }

    /// What the functions returned, in the order of the list; or, as soon as one fails, that
    /// failure. The others go on.
    ///
    /// Completion signature: void(std::exception_ptr, std::vector<R>), or void(std::exception_ptr).
    /// Per-operation cancellation: as `wait_all`.
    /// Errors: as `process::result`, of the one that failed first; `asio::error::timed_out`.
    template <asio::completion_token_for<results_signature> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto results(Token&& token = {}) const
    {
        return results_within(std::nullopt, std::forward<Token>(token));
    }
    template <asio::completion_token_for<results_signature> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto results(duration limit, Token&& token = {}) const
    {
        return results_within(limit, std::forward<Token>(token));
    }

    /// The same, failures as values: waits for all, and loses nothing.
    ///
    /// Completion signature: void(error_code, std::vector<settled<R>>).
    /// Per-operation cancellation and errors: as `wait_all`.
    template <asio::completion_token_for<void(error_code, std::vector<settled<R>>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto settled_results(Token&& token = {}) const
    {
        return settled_within(std::nullopt, std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code, std::vector<settled<R>>)> Token =
                  asio::deferred_t>
    [[nodiscard]] auto settled_results(duration limit, Token&& token = {}) const
    {
        return settled_within(limit, std::forward<Token>(token));
    }

    /// Stops all at once, as `process::stop`; completes when all have ended.
    ///
    /// Completion signature: void(error_code).
    /// Per-operation cancellation and errors: as `wait_all`; a stop is not taken back.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(Token&& token = {}) const
    {
        return stop_within(std::nullopt, std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto stop(duration grace, Token&& token = {}) const
    {
        return stop_within(grace, std::forward<Token>(token));
    }

private:
    detail::process_cores all_cores() const
    {
        detail::process_cores result;
        for (const auto& each : all_)
            result.push_back(each.core());
        return result;
    }

    template <class Signature, class Gathering, class Token>
    auto gather(std::optional<duration> limit, Token&& token) const
    {
        return detail::initiate<Signature>(
            get_executor(),
            [all = all_cores(), limit](detail::handler<Signature> h) {
                detail::gather(all, limit, std::make_unique<Gathering>(all.size(), std::move(h)));
            },
            std::forward<Token>(token));
    }

    template <class Token>
    auto wait_all_within(std::optional<duration> limit, Token&& token) const
    {
        using signature = void(error_code, std::vector<exit_info>);
        return detail::initiate<signature>(
            get_executor(),
            [all = all_cores(), limit](detail::handler<signature> h) {
                detail::gather_ends(all, limit, std::move(h));
            },
            std::forward<Token>(token));
    }

    template <class Token>
    auto results_within(std::optional<duration> limit, Token&& token) const
    {
        return gather<results_signature, detail::results_gathering<R>>(limit,
                                                                       std::forward<Token>(token));
    }

    template <class Token>
    auto settled_within(std::optional<duration> limit, Token&& token) const
    {
        return gather<void(error_code, std::vector<settled<R>>), detail::settling<R>>(
            limit, std::forward<Token>(token));
    }

    template <class Token>
    auto wait_any_within(std::optional<duration> limit, Token&& token) const
    {
        using signature = void(error_code, first_end);
        return detail::initiate<signature>(
            get_executor(),
            [all = all_cores(), limit](detail::handler<signature> h) {
                detail::gather_first_end(all, limit, std::move(h));
            },
            std::forward<Token>(token));
    }

    template <class Token>
    auto stop_within(std::optional<duration> grace, Token&& token) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [all = all_cores(), grace](detail::handler<signature> h) {
                detail::stop_all(all, grace, std::move(h));
            },
            std::forward<Token>(token));
    }

    std::vector<process<R>> all_;
};

} // namespace zproc
