#include "stress/hostile_peers/parts.hpp"
#include "support/processes.hpp"
#include "support/usage.hpp"

#include <zproc.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace zproc::test::hostile {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::int64_t most_memory = 96 * mebibyte; ///< more than before, at any moment
constexpr double least_throughput = 0.9; ///< of what the others do alone, or beside a decoy

context_options with_secret(const std::string& address)
{
    return context_options{}.address(address).secret(secret);
}

asio::awaitable<void> set_again_and_again(state s, std::string key,
                                          std::atomic<std::uint64_t>* count)
{
    for (std::uint64_t i = 0; !page->over; ++i) {
        co_await s.set(key, i);
        ++*count;
    }
}

/// The others: one over a Unix socket, one over TCP.
asio::awaitable<void> work(context near, std::string address)
{
    const auto here = co_await asio::this_coro::executor;
    context far(here, with_secret(address));
    auto other = asio::co_spawn(here, set_again_and_again(near.state(), "near", &page->near),
                                asio::use_future);
    co_await set_again_and_again(far.state(), "far", &page->far);
    while (other.wait_for(0s) != std::future_status::ready)
        co_await near.ping();
    other.get();
}

asio::awaitable<void> pass(clock::duration time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

struct window {
    double near = 0; ///< operations a second
    double far = 0;
    double attempts = 0;
};

asio::awaitable<window> look(target whom, clock::duration length)
{
    page->whom = whom;
    co_await pass(50ms); // until the attacker has seen it
    const auto near = page->near.load();
    const auto far = page->far.load();
    const auto attempts = page->attempts.load();
    const auto begun = clock::now();
    co_await pass(length);
    const std::chrono::duration<double> took = clock::now() - begun;
    const auto rate = [&](std::uint64_t now, std::uint64_t before) {
        return static_cast<double>(now - before) / took.count();
    };
    co_return window{rate(page->near, near), rate(page->far, far), rate(page->attempts, attempts)};
}

double median(std::vector<double> of)
{
    std::ranges::sort(of);
    return of.empty() ? 0 : of[of.size() / 2];
}

/// How long it takes one who is welcome to come in, in ms; nothing when it gives up before.
asio::awaitable<std::optional<double>> come_in(std::string address)
{
    const auto begun = clock::now();
    context fresh(co_await asio::this_coro::executor, with_secret(address));
    const auto [ec, who] = co_await fresh.ping(asio::as_tuple(asio::use_awaitable));
    if (ec == errc::server_silent)
        co_return std::nullopt;
    if (ec)
        throw system_error(ec);
    co_return std::chrono::duration<double, std::milli>(clock::now() - begun).count();
}

struct conductor {
    std::string address;
    pid_t server = -1;
    bool well = true;
    bool strangers_in = false;

    void complain(const char* about)
    {
        std::printf("  FAILED: %s\n", about);
        well = false;
    }

    asio::awaitable<void> suffer(kind what, bool many)
    {
        page->whom = target::nobody;
        page->what = what;
        page->many_addresses = many;
        const auto before = usage_of(server).resident;
        const auto files = open_descriptors(server);
        forget_peak(server);
        // While crowds from everywhere keep the queue of the socket full, to come in is a lottery:
        // that is looked at, and not asked for.
        const int newcomers = to_do.full ? 5 : 0;
        std::vector<double> near, far, attempts, alone;
        for (int i = 0; i != (to_do.full ? 20 : 2); ++i) {
            const auto length = to_do.full ? 500ms : 150ms;
            const auto calm = co_await look(target::nobody, length);
            const auto decoy = co_await look(target::decoy, length);
            const auto real = co_await look(target::server, length);
            near.push_back(real.near / decoy.near);
            far.push_back(real.far / decoy.far);
            attempts.push_back(real.attempts);
            alone.push_back((real.near + real.far) / (calm.near + calm.far));
            if (real.near == 0 || real.far == 0)
                complain("the others are not served");
        }
        std::vector<double> entered;
        for (int i = 0; i != newcomers; ++i)
            if (const auto took = co_await come_in(address))
                entered.push_back(*took);
        const auto peak = peak_of(server) - before;
        page->whom = target::nobody;
        // First those that wait in the queue are looked at.
        std::optional<double> in;
        for (const auto until = clock::now() + 60s; !in && clock::now() < until;)
            in = co_await come_in(address);
        if (!in)
            complain("nobody comes in any more");
        std::printf("  %-12s %-5s %7.0f a second; others: near %3.0f %%, far %3.0f %% (%3.0f %% of "
                    "alone); %zu of %d newcomers in, after %.1f ms; memory +%s\n",
                    names[static_cast<unsigned>(what)], many ? "many" : "one", median(attempts),
                    100 * median(near), 100 * median(far), 100 * median(alone), entered.size(),
                    newcomers, median(entered), in_mebibytes(peak).c_str());
        std::fflush(stdout);
        if (page->came_in != 0)
            strangers_in = true;
        if (measurable && peak > most_memory)
            complain("the server took too much memory");
        // Beside a decoy they lack the processor that attackers take; alone, processors fall
        // asleep between two requests, and take a while to wake.
        if (to_do.full &&
            std::max(median(alone), std::min(median(near), median(far))) < least_throughput)
            complain("the others are slower than they may be");
        // All that they held is given back, and nobody waits for it in vain.
        const auto until = clock::now() + 60s;
        while (open_descriptors(server) > files + 4 && clock::now() < until)
            co_await pass(10ms);
        if (open_descriptors(server) > files + 4)
            complain("the server keeps descriptors");
    }

    /// A million connections, while the others work.
    asio::awaitable<void> churn_through(std::uint64_t count)
    {
        page->what = kind::churn;
        page->many_addresses = true;
        forget_peak(server);
        const auto before = usage_of(server).resident;
        const auto first = page->attempts.load();
        const auto near = page->near.load();
        const auto begun = clock::now();
        page->whom = target::server;
        while (page->attempts - first < count)
            co_await pass(10ms);
        const std::chrono::duration<double> took = clock::now() - begun;
        page->whom = target::nobody;
        std::printf("  %llu connections in %.1f s; others: %.0f a second; memory +%s\n",
                    static_cast<unsigned long long>(page->attempts - first), took.count(),
                    static_cast<double>(page->near - near) / took.count(),
                    in_mebibytes(peak_of(server) - before).c_str());
        if (measurable && peak_of(server) - before > most_memory)
            complain("the server took too much memory");
    }
};

asio::awaitable<int> conduct(context ctx)
{
    co_await ctx.state().set("large", std::string(1'000'000, 'x'));
    conductor all;
    all.server = static_cast<pid_t>((co_await ctx.ping()).pid);
    all.address = ctx.addresses().front();
    auto working = co_await ctx.spawn(&work, all.address);
    auto attacking = co_await ctx.spawn(&attack, all.address, to_do.seed);
    while (page->near == 0 || page->far == 0)
        co_await pass(1ms);
    for (auto i = static_cast<unsigned>(to_do.first); i <= static_cast<unsigned>(to_do.last); ++i) {
        const auto what = static_cast<kind>(i);
        co_await all.suffer(what, true);
        if (what == kind::guesses) // who fails often is throttled by its address
            co_await all.suffer(what, false);
    }
    if (to_do.last != kind::insider)
        co_await all.churn_through(to_do.full ? 1'000'000 : 5'000);
    page->over = true;
    co_await working.result();
    co_await attacking.result();
    if (all.strangers_in)
        std::printf("  somebody came in who does not know the secret\n");
    co_return !all.well ? 1 : all.strangers_in ? stranger_came_in : 0;
}

} // namespace

int measure()
{
    run_options options;
    options.listen("tcp://127.0.0.1:0").secret(secret);
    return run(&conduct, options);
}

} // namespace zproc::test::hostile
