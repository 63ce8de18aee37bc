#include "stress/watchers/follower.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <functional>
#include <memory>
#include <utility>

/// The ways to await that are not plain.
namespace zproc::test::watching {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

[[noreturn]] void fail(const error_code& ec)
{
    throw system_error(ec);
}

} // namespace

/// Each ends after its count, and the next one begins there.
asio::awaitable<void> follower::counted(watcher first)
{
    bool more = true;
    // The first one has none.
    while (more && given_.taken() < 20) {
        const auto e = co_await first.next();
        more = given_.take(*e);
    }
    first.cancel();
    while (more) {
        const std::uint64_t count = 1 + below(500);
        auto w = watch_from(given_.revision(), count);
        std::uint64_t got = 0;
        while (const auto e = co_await w.next()) {
            got += e->kind != event_kind::resync;
            more = given_.take(*e);
            if (!more)
                break;
            co_await between();
        }
        if (more && got != count)
            objection("by count got " + std::to_string(got) + " of " + std::to_string(count));
    }
}

asio::awaitable<void> follower::singly(watcher first)
{
    auto e = co_await std::move(first);
    while (given_.take(e)) {
        co_await between();
        e = co_await watch_from(given_.revision());
    }
}

/// What was there when `next()` began, and what was when it surely had: it begins before the answer
/// to what is asked for after it, so before that comes which is asked for then.
asio::awaitable<void> follower::live(watcher w)
{
    asio::steady_timer done(co_await asio::this_coro::executor);
    for (;;) {
        const auto low = co_await present();
        done.expires_at(asio::steady_timer::time_point::max());
        std::optional<event> got;
        error_code failed;
        bool ended = false;
        w.next([&](error_code ec, std::optional<event> e) {
            failed = ec;
            got = std::move(e);
            ended = true;
            done.cancel();
        });
        co_await present();
        const auto high = co_await present();
        error_code ignored;
        if (!ended)
            co_await done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (failed && failed != asio::error::timed_out)
            fail(failed);
        given_.skipped(low, high);
        if (got ? !given_.take(*got) : page->over.load())
            co_return;
        co_await between();
    }
}

asio::awaitable<void> follower::going_live(watcher w)
{
    for (;;) {
        if (below(200) == 0 && !page->stop) {
            const auto low = co_await present();
            w.go_live();
            co_await present();
            const auto high = co_await present();
            given_.skipped(low, high);
        }
        const auto e = co_await w.next();
        if (!given_.take(*e))
            co_return;
        co_await between();
    }
}

asio::awaitable<void> follower::cancelling(watcher w)
{
    using type = asio::cancellation_type;
    constexpr std::array types{type::total, type::partial, type::terminal};
    asio::steady_timer soon(co_await asio::this_coro::executor);
    for (unsigned i = 0;; ++i) {
        error_code ec;
        std::optional<event> e;
        if (i % 2 == 0) {
            e = co_await w.next(asio::redirect_error(asio::use_awaitable, ec));
        } else {
            const auto signal = std::make_shared<asio::cancellation_signal>();
            const auto how = types[i / 2 % types.size()];
            soon.expires_after(std::chrono::microseconds(below(300)));
            soon.async_wait([signal, how](error_code) { signal->emit(how); });
            e = co_await w.next(asio::bind_cancellation_slot(
                signal->slot(), asio::redirect_error(asio::use_awaitable, ec)));
        }
        ++page->awaits[which_];
        page->interrupted[which_] += ec == asio::error::operation_aborted;
        if (ec && ec != asio::error::operation_aborted)
            fail(ec);
        if (!ec && !given_.take(*e))
            co_return;
    }
}

asio::awaitable<void> follower::impatiently(watcher w)
{
    for (;;) {
        error_code ec;
        const auto e = co_await w.next(asio::redirect_error(asio::use_awaitable, ec));
        ++page->awaits[which_];
        page->interrupted[which_] += ec == asio::error::timed_out;
        if (ec && ec != asio::error::timed_out)
            fail(ec);
        if (!ec && !given_.take(*e))
            co_return;
    }
}

/// Whoever loses is cancelled, and the frame of its coroutine destroyed.
asio::awaitable<void> follower::racing(watcher w)
{
    asio::steady_timer soon(co_await asio::this_coro::executor);
    for (;;) {
        soon.expires_after(std::chrono::microseconds(below(200)));
        const auto first =
            co_await (w.next(asio::use_awaitable) || soon.async_wait(asio::use_awaitable));
        ++page->awaits[which_];
        if (first.index() == 1)
            ++page->interrupted[which_];
        else if (!given_.take(*std::get<0>(first)))
            co_return;
    }
}

/// Operations that were made, and never started, or whose coroutine never ran.
asio::awaitable<void> follower::dropping(watcher w)
{
    for (;;) {
        ++page->awaits[which_];
        if (below(2) == 0) {
            ++page->interrupted[which_];
            const auto never_started = w.next();
            const auto never_awaited = w.next(asio::use_awaitable);
        }
        const auto e = co_await w.next();
        if (!given_.take(*e))
            co_return;
    }
}

/// Each loop is destroyed with all that is pending in it; the next one goes on after what was
/// given out.
asio::awaitable<void> follower::rebuilding(watcher first)
{
    const auto address = ctx_.options().address();
    bool more = true;
    while (more && given_.taken() < 20) {
        const auto e = co_await first.next();
        more = given_.take(*e);
    }
    first.cancel();
    while (more) {
        auto io = std::make_unique<asio::io_context>(1);
        context ctx(io->get_executor(), context_options().address(address));
        auto options = options_of(spec_);
        options.since = given_.revision();
        auto w = make(spec_, ctx.state(space_names[static_cast<unsigned>(spec_.where)]), options);
        std::function<void()> await = [&] {
            w.next([&](error_code ec, std::optional<event> e) {
                if (ec)
                    fail(ec);
                more = given_.take(*e);
                if (more)
                    await();
            });
        };
        await();
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::microseconds(1000 + below(20'000));
        while (more && std::chrono::steady_clock::now() < until)
            io->run_one_until(until);
        ++page->interrupted[which_];
        if (below(2) == 0)
            io.reset(); // before the watcher, and not after it
    }
}

} // namespace zproc::test::watching
