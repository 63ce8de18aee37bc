#pragma once

#include <zproc/detail/held_handler.hpp>
#include <zproc/detail/kept_result.hpp>
#include <zproc/error.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <type_traits>
#include <utility>

namespace zproc {

namespace detail {

/// A completion handler behind one type, owned by whoever completes it. What it is called with is
/// a `Stored`, made by the completion. Assignment destroys what was held, uncalled.
template <class Signature, class Stored = arguments_of<Signature>>
class handler {
public:
    handler() = default;

    template <class H>
        requires(!std::is_same_v<std::remove_cvref_t<H>, handler>)
    explicit handler(H&& h)
        : held_(held_by<Stored, std::decay_t<H>>::make(std::decay_t<H>(std::forward<H>(h))))
    {
    }

    handler(handler&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}

    handler& operator=(handler&& other) noexcept
    {
        const held_pointer old(std::exchange(held_, std::exchange(other.held_, nullptr)));
        return *this;
    }

    ~handler()
    {
        if (held_ != nullptr)
            held_->drop();
    }

    explicit operator bool() const noexcept { return held_ != nullptr; }

    asio::cancellation_slot cancellation_slot() const noexcept
    {
        return held_ != nullptr ? held_->cancellation_slot() : asio::cancellation_slot();
    }

    /// Where the handler wants to run: its associated executor, or `io` when it has none.
    asio::any_completion_executor executor(const asio::any_io_executor& io) const
    {
        return held_->executor(erased(io));
    }

    /// Has the handler called with `Stored{args…}` on its associated executor (`io` when it has none),
    /// as `post_held` says, and forgets it. Never within this.
    template <class... Args>
    void complete(const asio::any_io_executor& io, Args&&... args)
    {
        auto* const held = std::exchange(held_, nullptr);
        held_pointer owned(held);
        held->stored.emplace(Stored{std::forward<Args>(args)...});
        post_held(io, std::move(owned));
    }

private:
    storing_handler<Stored>* held_ = nullptr;
};

[[noreturn]] void throw_context_gone();

/// The initiation that every operation of the library shares: an executor for those who ask, and
/// a body that receives the erased handler.
template <class Handler, class Body>
struct initiation {
    asio::any_io_executor executor;
    Body body;

    using executor_type = asio::any_io_executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class H>
    void operator()(H&& h)
    {
        body(Handler(std::forward<H>(h)));
    }
};

/// Starts an operation under any completion token: `body(Handler)` runs when the token
/// says so, with everything it needs captured by value. `Token` is as the user's call deduced it:
/// a token with a name is copied.
///
/// An empty executor is that of a loop that is gone: `errc::context_gone` is thrown, here and not
/// by the initiation, within which a coroutine could not catch it.
template <class Signature, class Handler = handler<Signature>, class Body, class Token>
auto initiate(asio::any_io_executor executor, Body body, Token&& token)
{
    if (!executor)
        throw_context_gone();
    return asio::async_initiate<Token, Signature>(
        initiation<Handler, Body>{std::move(executor), std::move(body)}, token);
}

} // namespace detail
} // namespace zproc
