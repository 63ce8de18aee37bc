#pragma once

#include <zproc/detail/packing.hpp>
#include <zproc/detail/process_core.hpp>
#include <zproc/error.hpp>
#include <zproc/exit_info.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace zproc {

/// What became of one function of several: its result, or why there is none.
template <class R>
class settled {
public:
    using stored_type = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

    settled() = default;
    explicit settled(stored_type value) : value_(std::move(value)) {}
    explicit settled(std::exception_ptr error) : error_(std::move(error)) {}

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// Null when there is a result.
    const std::exception_ptr& error() const noexcept { return error_; }

    /// The result; throws the error when there is none.
    const stored_type& value() const&
    {
        check();
        return *value_;
    }
    stored_type value() &&
    {
        check();
        return std::move(*value_);
    }

private:
    void check() const
    {
        if (!value_)
            std::rethrow_exception(error_);
    }

    std::optional<stored_type> value_;
    std::exception_ptr error_;
};

namespace detail {

/// What a process gave, or why it gave nothing.
template <class R>
settled<R> settle(const process_outcome& outcome)
{
    try {
        // A function that returns nothing has done so when its process ended well.
        if constexpr (std::is_void_v<R>) {
            if (outcome.has_result || outcome.info.success())
                return settled<R>(std::monostate());
        } else if (outcome.has_result) {
            return settled<R>(unpack<R>(outcome.result));
        }
        return settled<R>(outcome.exception());
    } catch (...) {
        return settled<R>(std::current_exception());
    }
}

/// An operation on several processes. Called under a lock that belongs to it alone.
class gathering {
public:
    virtual ~gathering() = default;
    virtual asio::cancellation_slot slot() const noexcept = 0;
    /// One has ended; true when nothing more is needed.
    virtual bool ended(std::size_t which, const process_outcome& outcome) = 0;
    /// Called once: all have ended, or `ended` said true, or there is an error.
    virtual void complete(const asio::any_io_executor& io, error_code ec) = 0;
};

/// Waits for them, at most so long (`timed_out`). An end that cannot be known is an error of all.
void gather(std::vector<std::shared_ptr<process_core>> of,
            std::optional<std::chrono::nanoseconds> limit, std::unique_ptr<gathering> g);

} // namespace detail
} // namespace zproc
