// A button with two meanings: pressed for a moment, or held for a while.

#include <zproc.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto long_press = 150ms;

// [presses
/// Is called when the button has been down for so long.
void held(const zproc::event&)
{
    std::cout << "long press" << std::endl;
}

/// Is called each time it comes up.
asio::awaitable<void> released(zproc::context ctx, zproc::event up)
{
    // The change before this one says since when it was down.
    const auto presses = co_await ctx.state().history("pressed");
    for (std::size_t i = 1; i < presses.size(); ++i)
        if (presses[i].revision == up.revision && up.time - presses[i - 1].time < long_press)
            std::cout << "short press" << std::endl;
}
// presses]

asio::awaitable<void> button(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("pressed", false);
    auto long_ones =
        co_await ctx.call_when_truthy("pressed", {.count = 1, .held_for = long_press}, held);
    auto short_ones = co_await ctx.call_when_falsy("pressed", {.count = 3, .edge = true}, released);

    for (const auto time : {10ms, 400ms, 10ms}) {
        co_await state.set("pressed", true);
        asio::steady_timer finger(co_await asio::this_coro::executor, time);
        co_await finger.async_wait(asio::use_awaitable);
        co_await state.set("pressed", false);
    }
    co_await long_ones.result();
    co_await short_ones.result();
    std::cout << "done" << std::endl;
}

int main()
{
    return zproc::run(button);
}
