// What "live" means: a consumer that is slower than its producer sees every event, or only those
// that happen while it waits, or something in between.

#include <zproc.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> rest(std::chrono::milliseconds time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> make_peanuts(zproc::context ctx)
{
    auto state = ctx.state();
    for (;;) {
        co_await state.increment("peanuts");
        co_await rest(10ms);
    }
}

// [consume
asio::awaitable<void> consume(const zproc::watcher& peanuts, std::string name, bool hybrid)
{
    for (int i = 0; i != 5; ++i) {
        const auto event = co_await peanuts.next();
        std::cout << name << " consumer got: " << *event->changes.front().after << std::endl;
        if (hybrid)
            peanuts.go_live(); // what has piled up by now is skipped
        co_await rest(35ms);
    }
}
// consume]

asio::awaitable<void> processor(zproc::context ctx)
{
    auto state = ctx.state();
    auto live = state.when_change("peanuts", {.live = true});
    auto buffered = state.when_change("peanuts");
    auto hybrid = state.when_change("peanuts");
    auto maker = co_await ctx.spawn(make_peanuts);

    co_await consume(live, "live", false);
    co_await consume(buffered, "buffered", false);
    co_await consume(hybrid, "hybrid", true);
    co_await maker.stop();
}

int main()
{
    return zproc::run(processor);
}
