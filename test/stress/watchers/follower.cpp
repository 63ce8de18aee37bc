#include "stress/watchers/follower.hpp"

#include "stress/watchers/actors.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <utility>

namespace zproc::test::watching {

follower::follower(context ctx, unsigned which)
    : ctx_(ctx),
      which_(which),
      spec_(specs()[which]),
      random_(round_plan.seed * 10 + which),
      state_(ctx.state(space_names[static_cast<unsigned>(spec_.where)])),
      given_(which, ctx.options().address())
{
}

asio::awaitable<std::uint64_t> follower::present()
{
    const auto all = co_await state_.snapshot();
    co_return all.revision();
}

asio::awaitable<void> follower::pause(std::chrono::microseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

watcher follower::watch_from(std::uint64_t revision, std::optional<std::uint64_t> count)
{
    auto options = options_of(spec_);
    options.timeout = starved;
    options.since = revision;
    options.count = count;
    return make(spec_, state_, options);
}

/// Where it begins is written down as exactly as can be known.
asio::awaitable<void> follower::run()
{
    co_await state_.with_namespace(space_names[2]).set(name_of(greeting_of_watcher + which_), 1);
    if (spec_.since == start::long_ago) // so that a small ring has been gone round by then
        while (co_await present() < 5000 && !page->stop)
            co_await pause(std::chrono::milliseconds(10));
    auto& begun = page->begun[which_];
    begun.low = co_await present();
    auto options = options_of(spec_);
    options.timeout = spec_.way == manner::impatient ? std::chrono::nanoseconds(100'000)
                      : spec_.way == manner::live    ? std::chrono::nanoseconds(50'000'000)
                                                     : std::chrono::nanoseconds(starved);
    options.live = spec_.way == manner::live;
    const auto now = std::chrono::system_clock::now();
    switch (spec_.since) {
    case start::now: break;
    case start::beginning:
        options.since = 0;
        begun.low = 0;
        break;
    case start::revision:
        begun.low -= std::min<std::uint64_t>(begun.low, 50);
        options.since = begun.low;
        break;
    case start::time:
    case start::long_ago:
        options.since = now - (spec_.since == start::time ? std::chrono::milliseconds(2)
                                                          : std::chrono::milliseconds(200));
        begun.time = options.since.time().time_since_epoch().count();
        break;
    }
    auto w = make(spec_, state_, options);
    begun.high = spec_.since == start::now ? co_await present() : begun.low;
    ++page->watching;
    switch (spec_.way) {
    case manner::plain: co_await plainly(std::move(w)); break;
    case manner::counted: co_await counted(std::move(w)); break;
    case manner::single: co_await singly(std::move(w)); break;
    case manner::live: co_await live(std::move(w)); break;
    case manner::going_live: co_await going_live(std::move(w)); break;
    case manner::cancelling: co_await cancelling(std::move(w)); break;
    case manner::impatient: co_await impatiently(std::move(w)); break;
    case manner::racing: co_await racing(std::move(w)); break;
    case manner::dropping: co_await dropping(std::move(w)); break;
    case manner::rebuilding: co_await rebuilding(std::move(w)); break;
    }
}

/// A change of its own, unless nobody is to change anything any more.
asio::awaitable<void> follower::write_itself()
{
    ++page->own_writes;
    if (!page->stop) {
        const auto key = spec_.where == space::second ? second_keys : below(plain_keys);
        co_await state_.set(name_of(key), below(3));
        ++page->written;
    }
    --page->own_writes;
}

/// What it does between two events.
asio::awaitable<void> follower::between()
{
    ++page->awaits[which_];
    if (spec_.writes && below(20) == 0)
        co_await write_itself();
    if (spec_.slow && !page->stop && below(100) == 0)
        co_await pause(std::chrono::milliseconds(below(300)));
}

asio::awaitable<void> follower::plainly(watcher w)
{
    for (;;) {
        error_code ec;
        const auto e = co_await w.next(asio::redirect_error(asio::use_awaitable, ec));
        if (ec == errc::journal_overrun)
            given_.overrun(w.missed());
        else if (ec)
            throw system_error(ec);
        else if (!e)
            throw std::runtime_error("came to an end");
        else if (!given_.take(*e))
            co_return;
        co_await between();
    }
}

asio::awaitable<void> follow_watcher(context ctx, int which)
{
    const auto number = static_cast<unsigned>(which);
    follower self(ctx, number);
    try {
        co_await self.run();
    } catch (const std::exception& e) {
        objection(std::string(specs()[number].name) + " failed: " + e.what());
        page->stop = true;
    }
}

} // namespace zproc::test::watching
