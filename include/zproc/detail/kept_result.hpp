#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detail/throw_error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/version.hpp>

#include <optional>
#include <tuple>
#include <utility>

// g++ up to 12 takes the results of all `co_await`s of one expression only when the last of them
// has completed; Asio hands out references to a completion's arguments, which are long gone then:
// `co_await state.get<int>("a") + co_await state.get<int>("b")` added b to itself. So there, for
// operations of this library, what completes is kept in the awaiter.
//
// Asio has no way in for this but its internals: this is for the one version that it was tested
// with. doc/traps.md says what to do elsewhere.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12 && BOOST_VERSION / 100 == 1081

namespace zproc {

class watcher;

namespace detail {

template <class Handler, class Body>
struct initiation;

template <class Operation>
inline constexpr bool keeps_result = false;
template <>
inline constexpr bool keeps_result<watcher> = true;
template <class Signature, class Handler, class Body, class... Args>
inline constexpr bool keeps_result<
    boost::asio::deferred_async_operation<Signature, initiation<Handler, Body>, Args...>> = true;

/// Stands for the results of a completion, in the place of a signature.
struct kept;

} // namespace detail
} // namespace zproc

namespace boost::asio::detail {

template <class... Results, class Executor>
class awaitable_async_op_handler<
    zproc::detail::kept(std::tuple<boost::system::error_code, Results...>), Executor>
    : public awaitable_thread<Executor> {
public:
    using result_type = std::optional<std::tuple<boost::system::error_code, Results...>>;

    awaitable_async_op_handler(awaitable_thread<Executor>* from, result_type& result)
        : awaitable_thread<Executor>(std::move(*from)), result_(&result)
    {
    }

    void operator()(boost::system::error_code ec, Results... results)
    {
        result_->emplace(ec, std::move(results)...);
        this->entry_point()->top_of_stack_->attach_thread(this);
        this->entry_point()->top_of_stack_->clear_cancellation_slot();
        this->pump();
    }

    static auto resume(result_type& result)
    {
        throw_error(std::get<0>(*result));
        if constexpr (sizeof...(Results) == 1)
            return std::move(std::get<1>(*result));
    }

private:
    result_type* result_;
};

template <class... Results, class Operation, class Executor>
    requires zproc::detail::keeps_result<Operation>
class awaitable_async_op<void(boost::system::error_code, Results...), Operation, Executor> {
public:
    using handler_type = awaitable_async_op_handler<
        zproc::detail::kept(std::tuple<boost::system::error_code, Results...>), Executor>;

    awaitable_async_op(Operation&& awaited, awaitable_frame_base<Executor>* frame)
        : operation_(std::move(awaited)), frame_(frame)
    {
    }

    bool await_ready() const noexcept { return false; }

    void await_suspend(coroutine_handle<void>)
    {
        frame_->after_suspend(
            [](void* arg) {
                auto* const self = static_cast<awaitable_async_op*>(arg);
                std::move(self->operation_)(
                    handler_type(self->frame_->detach_thread(), self->result_));
            },
            this);
    }

    auto await_resume() { return handler_type::resume(result_); }

private:
    Operation&& operation_;
    awaitable_frame_base<Executor>* frame_;
    typename handler_type::result_type result_;
};

} // namespace boost::asio::detail

#endif
