#pragma once

#include <zproc/detail/kept_result.hpp>
#include <zproc/error.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <type_traits>
#include <utility>

namespace zproc {

namespace asio = boost::asio;

namespace detail {

/// A handler, and what calls it when its turn has come: `call(handler)`. It is associated with
/// whatever the handler is associated with.
template <class Handler, class Call>
struct late_call {
    Handler handler;
    Call call;

    void operator()() { call(std::move(handler)); }
};

/// A completion handler behind one type, owned by whoever completes it. It keeps work on the
/// handler's own executor, so that a loop which only waits for us does not run dry.
///
/// Asio 1.26's `any_completion_handler` recurses for ever in its move assignment; this one
/// moves by swap. Assignment destroys what was held, uncalled.
template <class Signature>
class handler {
public:
    using inner_type = asio::any_completion_handler<Signature>;

    handler() = default;

    template <class H>
        requires(!std::is_same_v<std::remove_cvref_t<H>, handler>)
    explicit handler(H&& h)
        : work_(asio::prefer(asio::get_associated_executor(h),
                             asio::execution::outstanding_work.tracked)),
          inner_(std::forward<H>(h))
    {
    }

    handler(handler&& other) noexcept
        : work_(std::move(other.work_)), inner_(std::move(other.inner_))
    {
    }

    handler& operator=(handler&& other) noexcept
    {
        inner_type taken(std::move(other.inner_));
        inner_.swap(taken);
        work_ = std::move(other.work_);
        return *this;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(inner_); }

    asio::cancellation_slot cancellation_slot() const noexcept
    {
        return inner_ ? asio::get_associated_cancellation_slot(inner_) : asio::cancellation_slot();
    }

    /// Where the handler wants to run: its associated executor, or `io` when it has none.
    asio::any_completion_executor executor(const asio::any_io_executor& io) const
    {
        return asio::get_associated_executor(inner_, io);
    }

    /// Posts the handler with `args` to its associated executor (`io` when it has none), and
    /// forgets it. Never inline.
    ///
    /// Its cancellation slot is left alone: only the handler's own thread may touch that, and
    /// what is left in it holds weak references.
    ///
    /// An empty `io` is that of a loop that is gone: then a handler without an executor of its own
    /// cannot be called, and `errc::context_gone` is thrown.
    template <class... Args>
    void complete(const asio::any_io_executor& io, Args... args)
    {
        inner_type taken(std::move(inner_));
        if (io)
            asio::post(io, asio::append(std::move(taken), std::move(args)...));
        else if (asio::get_associated_executor(taken, asio::any_completion_executor()))
            asio::post(asio::system_executor(), asio::append(std::move(taken), std::move(args)...));
        else
            throw system_error(errc::context_gone);
        work_ = {};
    }

    /// The same; what it is called with is decided when it runs: `call(inner)` calls it.
    template <class Call>
    void complete_late(const asio::any_io_executor& io, Call call)
    {
        inner_type taken(std::move(inner_));
        asio::post(io, late_call<inner_type, Call>{std::move(taken), std::move(call)});
        work_ = {};
    }

private:
    asio::any_completion_executor work_;
    inner_type inner_;
};

/// The initiation that every operation of the library shares: an executor for those who ask, and
/// a body that receives the erased handler.
template <class Signature, class Body>
struct initiation {
    asio::any_io_executor executor;
    Body body;

    using executor_type = asio::any_io_executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class H>
    void operator()(H&& h)
    {
        body(handler<Signature>(std::forward<H>(h)));
    }
};

/// Starts an operation under any completion token: `body(handler<Signature>)` runs when the token
/// says so, with everything it needs captured by value. `Token` is as the user's call deduced it:
/// a token with a name is copied.
///
/// An empty executor is that of a loop that is gone: `errc::context_gone` is thrown, here and not
/// by the initiation, within which a coroutine could not catch it.
template <class Signature, class Body, class Token>
auto initiate(asio::any_io_executor executor, Body body, Token&& token)
{
    if (!executor)
        throw system_error(errc::context_gone);
    return asio::async_initiate<Token, Signature>(
        initiation<Signature, Body>{std::move(executor), std::move(body)}, token);
}

} // namespace detail
} // namespace zproc

template <template <class, class> class Associator, class Handler, class Call, class Default>
struct boost::asio::associator<Associator, zproc::detail::late_call<Handler, Call>, Default>
    : Associator<Handler, Default> {
    static auto get(const zproc::detail::late_call<Handler, Call>& c) noexcept
    {
        return Associator<Handler, Default>::get(c.handler);
    }
    static auto get(const zproc::detail::late_call<Handler, Call>& c,
                    const Default& otherwise) noexcept
    {
        return Associator<Handler, Default>::get(c.handler, otherwise);
    }
};
