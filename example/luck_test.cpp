// One process makes random numbers as fast as it can; another waits for one that is lucky.

#include <zproc.hpp>

#include <iostream>
#include <random>

namespace asio = boost::asio;

asio::awaitable<void> listen_for(zproc::context ctx, double low, double high)
{
    auto state = ctx.state();
    // Only what is trivial may be captured here: doc/traps.md.
    const auto lucky = [low, high](const zproc::value& number) {
        return low < number.get<double>() && number.get<double>() < high;
    };
    const auto event = co_await state.when("number", lucky);
    std::cout << "listener: " << *event.changes.front().after << " is between " << low << " and "
              << high << ", so I awake" << std::endl;
    co_await state.set("stop", true);
}

asio::awaitable<void> luck(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("number", 0.0);
    auto listener = co_await ctx.spawn(listen_for, 0.6, 0.601);
    std::mt19937_64 random(std::random_device{}());
    std::uniform_real_distribution<double> any(0, 1);
    unsigned long made = 0;
    while (!co_await state.get_or("stop", false)) {
        co_await state.set("number", any(random));
        ++made;
    }
    co_await listener.result();
    std::cout << "generator: stop was set after " << made << " numbers, so I exit" << std::endl;
}

int main()
{
    return zproc::run(luck);
}
