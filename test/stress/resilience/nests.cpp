#include "descriptor.hpp"
#include "stress/resilience/parts.hpp"

#include <zproc/run.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::test::resilience {

namespace {

enum class end { returns, throws, middle_killed, terminated };
constexpr unsigned ends = 4;

constexpr int patience_ms = 10'000;

asio::awaitable<void> stay()
{
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

asio::awaitable<unsigned> nest(context ctx, unsigned level, unsigned round)
{
    page->nest[level] = ::getpid();
    if (level + 1 == nest_depth) {
        co_await ctx.state().set("up", round);
        co_await stay();
    }
    const auto how = static_cast<end>(round % ends);
    auto up = ctx.state().when_equal("up", round);
    auto inner = co_await ctx.spawn(&nest, level + 1, round);
    if (level != 0 || how == end::middle_killed || how == end::terminated)
        co_return co_await inner.result();
    static_cast<void>(co_await up.next());
    if (how == end::throws)
        throw std::runtime_error("round " + std::to_string(round));
    co_return round;
}

/// What the nest's root gave: the number it returned, or the text of what ended it.
asio::awaitable<std::string> outcome_of(process<unsigned> root)
{
    try {
        const auto returned = co_await root.result();
        co_return "returned " + std::to_string(returned);
    } catch (const remote_error& e) {
        co_return e.text();
    } catch (const process_crashed& e) {
        co_return "signal " + std::to_string(e.signal());
    }
}

std::string expected(unsigned round, const std::string& actual)
{
    switch (static_cast<end>(round % ends)) {
    case end::returns: return "returned " + std::to_string(round);
    case end::throws: return "round " + std::to_string(round);
    case end::terminated: return "signal " + std::to_string(SIGTERM);
    case end::middle_killed: break;
    }
    // The error of the one that was killed, on its way through those above.
    const bool well = actual.find("SIGKILL") != std::string::npos;
    return well ? actual : "something with SIGKILL";
}

asio::awaitable<void> one_nest(context ctx, unsigned round)
{
    auto up = ctx.state().when_equal("up", round);
    auto root = co_await ctx.spawn(&nest, 0u, round);
    static_cast<void>(co_await up.next());
    std::vector<descriptor> all;
    for (const auto& each : page->nest)
        if (descriptor held(static_cast<int>(::syscall(SYS_pidfd_open, each.load(), 0))); held)
            all.push_back(std::move(held));
    const auto how = static_cast<end>(round % ends);
    if (how == end::middle_killed)
        ::kill(page->nest[nest_depth / 2], SIGKILL);
    if (how == end::terminated && root.request_exit())
        object("the nest's root was not there");

    const auto actual = co_await outcome_of(root);
    if (actual != expected(round, actual))
        object("round " + std::to_string(round) + ": '" + actual + '\'');
    for (const auto& each : all)
        if (pollfd ended{each.get(), POLLIN, 0}; ::poll(&ended, 1, patience_ms) != 1)
            object("round " + std::to_string(round) + ": somebody of the nest is left");
}

asio::awaitable<void> many_nests(context ctx, unsigned rounds)
{
    for (unsigned i = 1; i <= ends; ++i) // everything has happened once
        co_await one_nest(ctx, i);
    co_await pause_to_be_seen();
    for (unsigned i = 0; i != rounds; ++i)
        co_await one_nest(ctx, ends * 2 + i);
    co_await pause_to_be_seen();
}

} // namespace

int nests_main(const plan& what)
{
    return run([&](context ctx) { return many_nests(ctx, what.rounds); });
}

} // namespace zproc::test::resilience
