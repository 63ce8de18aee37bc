// The cookie bakery: one process bakes, another eats, and the state between them is watched.
#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdio>
#include <iostream>

namespace asio = boost::asio;

// [bakery
const auto bake_cookie = zproc::atomic([](zproc::draft& state) { state["cookies"] += 1; });
const auto eat_cookie = zproc::atomic([](zproc::draft& state) { state["cookies"] -= 1; });

asio::awaitable<void> cookie_eater(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("ready", true);
    auto cookies = state.when_change("cookies", {.since = 0, .count = 5});
    while (auto event = co_await cookies.next()) {
        co_await eat_cookie(state);
        std::puts("nom nom nom");
    }
}

asio::awaitable<void> bakery(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("cookies", 0);
    auto ready = state.when_available("ready"); // made now, awaited later
    auto eater = co_await ctx.spawn(cookie_eater);
    std::cout << eater << std::endl;
    co_await ready.next();
    for (int i = 0; i != 5; ++i) {
        co_await bake_cookie(state);
        std::puts("Here's a cookie!");
    }
    co_await eater.result();
    std::cout << "cookies: " << co_await state.get<int>("cookies") << '\n';
}

int main()
{
    return zproc::run(bakery);
}
// bakery]
