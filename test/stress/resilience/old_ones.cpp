// The rest of what ZProc 0.9.5 tries its own resilience with: waiting for one process after the
// other, starting servers, watching a key that changes all the time.

#include "stress/resilience/parts.hpp"

#include <zproc/run.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace zproc::test::resilience {

namespace {

asio::awaitable<unsigned> give_back(context ctx, unsigned number)
{
    co_await ctx.state().set("last", number);
    co_return number;
}

asio::awaitable<void> many_waits(context ctx, unsigned rounds)
{
    for (unsigned i = 0; i != rounds; ++i) {
        auto p = co_await ctx.spawn(&give_back, i);
        if (co_await p.result() != i || co_await ctx.state().get<unsigned>("last") != i)
            object("a process gave back something else");
    }
}

/// All of them at once, and each its own.
asio::awaitable<void> many_servers(context, unsigned rounds)
{
    const auto here = co_await asio::this_coro::executor;
    std::vector<context> all;
    for (unsigned i = 0; i != rounds; ++i) {
        all.emplace_back(here);
        co_await all.back().state().set("number", i);
    }
    for (unsigned i = 0; i != rounds; ++i)
        if (co_await all[i].state().get<unsigned>("number") != i)
            object("a state is another one's");
    for (auto& each : all)
        co_await each.shutdown(std::chrono::seconds(10));
}

asio::awaitable<void> increase_for_ever(context ctx)
{
    auto state = ctx.state();
    for (;;)
        static_cast<void>(co_await state.increment("foobar"));
}

asio::awaitable<void> see(context ctx, unsigned count, bool live)
{
    auto w = ctx.state().when_change("foobar", {.count = count, .live = live});
    unsigned seen = 0;
    std::int64_t last = -1;
    while (const auto e = co_await w.next()) {
        ++seen;
        const auto now = e->changes.front().after->get<std::int64_t>();
        if (now <= last || (!live && last != -1 && now != last + 1))
            object("saw " + std::to_string(now) + " after " + std::to_string(last));
        last = now;
    }
    if (seen != count)
        object("saw " + std::to_string(seen) + " of " + std::to_string(count));
}

asio::awaitable<void> watch_live_and_buffered(context ctx, unsigned rounds)
{
    co_await ctx.state().set("foobar", 0);
    auto writer = co_await ctx.spawn(&increase_for_ever);
    auto live = co_await ctx.spawn(&see, rounds, true);
    co_await live.result();
    auto buffered = co_await ctx.spawn(&see, rounds, false);
    co_await buffered.result();
    co_await writer.stop();
}

} // namespace

int waits_main(const plan& what)
{
    return run([&](context ctx) { return many_waits(ctx, what.rounds); });
}

int servers_main(const plan& what)
{
    return run([&](context ctx) { return many_servers(ctx, what.rounds); });
}

int watchers_main(const plan& what)
{
    return run([&](context ctx) { return watch_live_and_buffered(ctx, what.rounds); });
}

} // namespace zproc::test::resilience
