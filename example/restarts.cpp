// A worker that fails now and then is run again, later and later, with other arguments; its owner
// only waits for the result.

#include <zproc.hpp>

#include <iostream>
#include <stdexcept>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct no_connection : std::runtime_error {
    using std::runtime_error::runtime_error;
};

asio::awaitable<int> fetch(zproc::context ctx, bool from_the_mirror)
{
    const zproc::value attempt = co_await ctx.state().increment("attempts");
    if (!from_the_mirror)
        throw no_connection("the first server does not answer");
    if (attempt.get<int>() < 3)
        throw no_connection("nor does its mirror");
    co_return 42;
}

asio::awaitable<void> watch_over(zproc::context ctx)
{
    auto policy = zproc::restart_policy::on_failure();
    policy.for_exceptions<no_connection>().delay(20ms).factor(2).limit(5).retry_with(fetch, true);
    auto worker = co_await ctx.spawn(
        zproc::spawn_options{}.name("fetcher").restart(policy).rethrow<no_connection>(), fetch,
        false);

    try {
        const int fetched = co_await worker.result();
        const auto info = co_await worker.wait();
        std::cout << "fetched " << fetched << " after " << info.restarts << " restarts"
                  << std::endl;
    } catch (const no_connection& e) {
        std::cout << "gave up: " << e.what() << std::endl;
    }
    for (const auto& each : co_await ctx.processes())
        if (each.name == "fetcher")
            std::cout << each.name << ": run " << each.attempt << " was the last" << std::endl;
}

int main()
{
    return zproc::run(watch_over);
}
