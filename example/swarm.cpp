// Work on all cores: in order, as it comes, and with a worker that dies of one item.

#include <zproc.hpp>

#include <algorithm>
#include <iostream>
#include <ranges>
#include <string>

namespace asio = boost::asio;

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

asio::awaitable<void> both(zproc::context ctx)
{
    co_await count_primes(ctx);
    co_await survive(ctx);
}

int main()
{
    return zproc::run(both);
}
