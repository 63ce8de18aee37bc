// What a map takes, against the number of workers.

#include "scaling/curve.hpp"
#include "support/one_state.hpp"

#include <zproc/swarm.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <time.h>

namespace zproc::bench {

namespace asio = boost::asio;

namespace {

constexpr long millisecond = 1'000'000;

int compute(int item)
{
    timespec time{};
    const auto spent = [&] {
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time.tv_sec * 1'000'000'000 + time.tv_nsec;
    };
    for (const auto end = spent() + millisecond; spent() < end;) {}
    return item;
}

int wait_for_somebody(int item)
{
    const timespec time{0, millisecond};
    ::nanosleep(&time, nullptr);
    return item;
}

int give_back(int item)
{
    return item;
}

std::vector<int> items_for(std::size_t count)
{
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    return all;
}

/// µs of one item.
asio::awaitable<double> time_map(swarm s, int (*work)(int), std::size_t count)
{
    const auto few = items_for(100);
    const auto items = items_for(count);
    co_await s.map(work, few); // all workers know it
    const auto begun = std::chrono::steady_clock::now();
    const auto results = co_await s.map(work, items);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
    if (results != items)
        throw std::runtime_error("a map has other results");
    co_return took.count() / static_cast<double>(items.size());
}

std::vector<double> measure_workers(std::size_t workers, const effort& how)
{
    one_state on(sleeping());
    std::vector<double> figures;
    on.run([](context ctx, std::size_t n, const effort& e,
              std::vector<double>& out) -> asio::awaitable<void> {
        const auto s = co_await ctx.create_swarm(n);
        const auto several = e.of(500 * n, 10 * n);
        out.push_back(co_await time_map(s, &compute, e.of(1000, 20)));
        out.push_back(co_await time_map(s, &wait_for_somebody, several));
        swarm_options one_by_one;
        one_by_one.chunk(1);
        out.push_back(co_await time_map(s.with(one_by_one), &give_back, e.of(20'000, 100)));
        co_await s.stop();
    }(on.ctx, workers, how, figures));
    return figures;
}

} // namespace

void add_swarm_curves(std::vector<curve>& to)
{
    to.push_back(
        {.name = "workers",
         .title = "An item of a map, against the number of workers",
         .x = "workers",
         .lines = {"1 ms of computing", "1 ms of waiting", "nothing to do, in chunks of one item"},
         .sizes = {1, 2, 4, 8, 16, 32},
         .few = {1, 3},
         .measure = &measure_workers});
}

} // namespace zproc::bench
