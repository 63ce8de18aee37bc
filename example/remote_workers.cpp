// Work for several machines. On each of the others the same executable is started, with an address
// that this one can be reached at, and the secret:
//
//     remote_workers --zproc-workers tcp://HOST:7000 --zproc-secret-file FILE
//
// Here the other one runs beside this one, so that neither a port nor a secret has to be agreed on.

#include <zproc.hpp>

#include <algorithm>
#include <iostream>
#include <ranges>

namespace asio = boost::asio;

// [share
bool is_prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; ++d)
        if (n % d == 0)
            return false;
    return n > 1;
}

asio::awaitable<void> share(zproc::context ctx)
{
    // Without workers of its own; elsewhere it would listen at tcp://0.0.0.0:7000.
    auto swarm =
        co_await ctx.create_swarm(zproc::swarm_options{}.size(0).listen("tcp://127.0.0.1:0"));
    auto other = co_await ctx.spawn(zproc::command("/proc/self/exe")
                                        .arg("--zproc-workers")
                                        .arg(swarm.address())
                                        .arg("--zproc-workers-count")
                                        .arg("2"));
    const auto all = co_await swarm.map(is_prime, std::views::iota(0u, 100'000u));
    std::cout << std::ranges::count(all, true) << " primes below 100000" << std::endl;

    co_await swarm.stop(); // who has joined is dismissed
    const auto info = co_await other.wait();
    std::cout << "the other program " << info << std::endl;
}
// share]

int main(int argc, char** argv)
{
    return zproc::run(argc, argv, share);
}
