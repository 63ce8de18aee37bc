#include "stress/memory/parts.hpp"
#include "support/usage.hpp"

#include <zproc.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace zproc::test::remembering {

namespace {

namespace asio = boost::asio;

constexpr unsigned keys = 1000;
constexpr int writers = 2;
constexpr unsigned lanes = 32; ///< of each writer

/// Changes of every kind and size, one after the other.
asio::awaitable<void> change(state s, unsigned seed)
{
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    while (page->changes < changes_to_make.total) {
        const auto number = page->changes++;
        if (changes_to_make.ever_new_keys) {
            co_await s.set("key " + std::to_string(number), std::string(200, 'x'));
            continue;
        }
        const auto key = "key " + std::to_string(below(keys));
        const auto dice = below(100);
        if (dice < 50)
            co_await s.set(key, below(1'000'000'000));
        else if (dice < 80)
            co_await s.set(key, std::string(below(300), 'x'));
        else if (dice < 95)
            co_await s.increment("number " + std::to_string(below(keys)));
        else
            co_await s.erase(key);
    }
}

asio::awaitable<void> write(context ctx, int number)
{
    const auto here = co_await asio::this_coro::executor;
    asio::steady_timer ended(here, asio::steady_timer::time_point::max());
    unsigned running = lanes;
    for (unsigned i = 0; i != lanes; ++i) {
        const auto seed = changes_to_make.seed * 1000 + static_cast<unsigned>(number) * lanes + i;
        asio::co_spawn(here, change(ctx.state(), seed), [&](std::exception_ptr error) {
            page->failed = page->failed || error;
            if (--running == 0)
                ended.cancel();
        });
    }
    error_code ignored;
    co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// Looks at the state process after each step.
asio::awaitable<std::vector<usage>> look(pid_t server)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    std::vector<usage> looks;
    for (std::uint64_t at = changes_to_make.step; at <= changes_to_make.total;
         at += changes_to_make.step) {
        while (page->changes < at && !page->failed) {
            timer.expires_after(std::chrono::milliseconds(5));
            co_await timer.async_wait(asio::use_awaitable);
        }
        looks.push_back(usage_of(server));
        std::printf("  after %llu changes: RSS %s, PSS %s\n", static_cast<unsigned long long>(at),
                    in_mebibytes(looks.back().resident).c_str(),
                    in_mebibytes(looks.back().proportional).c_str());
        std::fflush(stdout);
    }
    co_return looks;
}

asio::awaitable<int> conduct(context ctx)
{
    const auto server = co_await ctx.ping();
    std::vector<process<>> writing;
    for (int i = 0; i != writers; ++i)
        writing.push_back(co_await ctx.spawn(&write, i));
    const auto looks = co_await look(server.pid);
    for (auto& each : writing)
        co_await each.result();
    const auto growth = [&](auto member) {
        return std::ranges::max(looks, {}, member).*member - looks.front().*member;
    };
    const auto resident = growth(&usage::resident);
    const auto proportional = growth(&usage::proportional);
    std::printf("  growth after the first look: RSS %s, PSS %s\n", in_mebibytes(resident).c_str(),
                in_mebibytes(proportional).c_str());
    co_return page->failed || resident >= mebibyte || proportional >= mebibyte ? 1 : 0;
}

} // namespace

int measure_changes()
{
    return run(&conduct);
}

} // namespace zproc::test::remembering
