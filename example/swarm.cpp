// Work on all cores: in order, as it comes, with a worker that dies of one item, with a bar, and for
// somebody else.

#include <zproc.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <iostream>
#include <ranges>
#include <string>

namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;

// [swarm
bool is_prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; ++d)
        if (n % d == 0)
            return false;
    return n > 1;
}

asio::awaitable<void> count_primes(zproc::context ctx)
{
    auto swarm = co_await ctx.create_swarm(); // a worker for each core
    const auto all = co_await swarm.map(is_prime, std::views::iota(0u, 100'000u));
    std::cout << std::ranges::count(all, true) << " primes below 100000" << std::endl;

    auto endless = swarm.map_lazy(is_prime, std::views::iota(1'000'000u));
    for (unsigned n = 1'000'000; auto prime = co_await endless.next(); ++n)
        if (*prime) {
            std::cout << n << " is the first above a million" << std::endl;
            break;
        }
}
// swarm]

int divide(int a, int b)
{
    return a / b; // by zero: SIGFPE
}

asio::awaitable<void> survive(zproc::context ctx)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto quotients =
        swarm.map_lazy(divide, zproc::zip(std::views::iota(6, 9), std::views::iota(-1)));
    for (int i = 0; i != 3; ++i) {
        std::string line;
        try {
            const auto each = co_await quotients.next();
            line = std::to_string(*each);
        } catch (const zproc::process_crashed& e) {
            line = "signal " + std::to_string(e.signal());
        }
        std::cout << line << std::endl;
    }
}

/// With a bar, where standard error is a terminal.
asio::awaitable<void> look_on(zproc::context ctx)
{
    auto swarm = co_await ctx.create_swarm();
    auto progress = swarm.progress();
    const auto all =
        co_await (swarm.with(progress).map(is_prime, std::views::iota(0u, 1'000'000u)) &&
                  zproc::show_progress(progress, "primes"));
    std::cout << std::ranges::count(all, true) << " primes below 1000000" << std::endl;
}

asio::awaitable<bool> take(zproc::context ctx, zproc::task_id id)
{
    const bool prime = co_await ctx.result<bool>(id);
    co_return prime;
}

/// One process has it done, another takes the result.
asio::awaitable<void> hand_over(zproc::context ctx)
{
    auto swarm = co_await ctx.create_swarm(1);
    const auto id = co_await swarm.submit(is_prime, 1'000'003u);
    auto taker = co_await ctx.spawn(take, id);
    const bool prime = co_await taker.result();
    std::cout << (prime ? "a prime" : "no prime") << std::endl;
}

asio::awaitable<void> all(zproc::context ctx)
{
    co_await count_primes(ctx);
    co_await survive(ctx);
    co_await look_on(ctx);
    co_await hand_over(ctx);
}

int main()
{
    return zproc::run(all);
}
