// A hundred eaters, each of which eats at the first five cookies ever made: whenever it comes to
// the table, it reads the history from the beginning.

#include <zproc.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>
#include <random>

namespace asio = boost::asio;

constexpr int eaters = 100;
constexpr int cookies = 5;

asio::awaitable<void> eat(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.increment("ready");

    std::random_device random;
    asio::steady_timer late(co_await asio::this_coro::executor,
                            std::chrono::milliseconds(random() % 200));
    co_await late.async_wait(asio::use_awaitable);

    auto made = ctx.state("kitchen").when_change("cookies", {.since = 0, .count = cookies});
    while (auto cookie = co_await made.next())
        co_await state.decrement("balance");
    co_await state.increment("done");
}

asio::awaitable<void> kitchen(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.update(zproc::dict::of("balance", 0, "ready", 0, "done", 0));
    auto ready = state.when_equal("ready", eaters);
    auto done = state.when_equal("done", eaters);
    for (int i = 0; i != eaters; ++i)
        static_cast<void>(co_await ctx.spawn(eat));
    static_cast<void>(co_await ready.next());
    std::cout << "ready: " << eaters << std::endl;

    auto table = ctx.state("kitchen");
    for (int i = 0; i != cookies; ++i) {
        co_await table.increment("cookies");
        co_await state.increment("balance");
    }
    static_cast<void>(co_await done.next());
    co_await ctx.wait();
    const int balance = co_await state.get<int>("balance");
    std::cout << "balance: " << balance << std::endl;
}

int main()
{
    return zproc::run(kitchen);
}
