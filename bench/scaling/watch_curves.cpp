// What watchers cost, against their number; and what a history costs, against its length.

#include "scaling/curve.hpp"
#include "support/interleave.hpp"
#include "support/one_state.hpp"

#include <zproc/process.hpp>
#include <zproc/state.hpp>
#include <zproc/watcher.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <time.h>

namespace zproc::bench {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;

std::int64_t now_ns()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// CPU time of this process until now, in µs.
double own_cpu()
{
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// ---- watchers ----------------------------------------------------------------------------------

struct shared_page {
    std::atomic<std::uint64_t> ready = 0;
    std::atomic<std::uint64_t> seen = 0;
    std::atomic<std::int64_t> last = 0; ///< when the last one so far was awake
};
shared_page* page = nullptr;

void await(const std::atomic<std::uint64_t>& number, std::uint64_t wanted)
{
    const auto until = now_ns() + 60'000'000'000;
    while (number < wanted) {
        if (now_ns() > until)
            throw std::runtime_error("a watcher does not come");
        std::this_thread::sleep_for(50us); // they need this core
    }
}

/// Until a number below 0 comes.
asio::awaitable<void> watch(context ctx, std::string key)
{
    auto events = ctx.state().when_change(key, {.own = true});
    co_await ctx.ping(); // it is registered
    ++page->ready;
    for (;;) {
        const auto e = co_await events.next();
        if (e->changes.front().after->get<std::int64_t>() < 0)
            co_return;
        const auto now = now_ns();
        auto last = page->last.load();
        while (last < now && !page->last.compare_exchange_weak(last, now)) {}
        ++page->seen;
    }
}

std::string key_of(std::size_t watcher, bool own)
{
    return own ? "key " + std::to_string(watcher) : "key";
}

struct watching {
    double until_all = 0; ///< µs from the write until the last one is awake
    double cpu = 0;       ///< µs of the state process for a write
};

/// Each write is seen by everybody, or by one, before the next one.
asio::awaitable<void> write_to(one_state& on, std::size_t watchers, bool own, std::size_t times,
                               watching& out)
{
    page->ready = page->seen = 0;
    std::vector<process<>> all;
    for (std::size_t i = 0; i != watchers; ++i) {
        auto one = co_await on.ctx.spawn(&watch, key_of(i, own));
        all.push_back(std::move(one));
    }
    await(page->ready, watchers); // nobody needs this loop meanwhile
    const auto s = on.ctx.state();
    asio::steady_timer pause(co_await asio::this_coro::executor);
    std::vector<double> taken;
    const double cpu = on.cpu();
    for (std::size_t i = 1; i <= times; ++i) {
        pause.expires_after(300us);
        co_await pause.async_wait(asio::use_awaitable);
        const auto begun = now_ns();
        co_await s.set(key_of(watchers / 2, own), begun);
        await(page->seen, i * (own ? 1 : watchers));
        taken.push_back(static_cast<double>(page->last - begun) / 1e3);
    }
    out.cpu = (on.cpu() - cpu) / 1e3 / static_cast<double>(times);
    out.until_all = median(std::move(taken));
    for (std::size_t i = 0; i != (own ? watchers : 1); ++i)
        co_await s.set(key_of(i, own), -1);
    for (auto& each : all)
        co_await each.result();
}

std::vector<double> with_watchers(std::size_t count, const effort& how)
{
    const auto times = how.of(100, 10);
    watching same;
    watching own;
    {
        one_state on(sleeping());
        on.run(write_to(on, count, false, times, same));
    }
    {
        one_state on(sleeping());
        on.run(write_to(on, count, true, times, own));
    }
    return {same.until_all, same.cpu, own.cpu};
}

// ---- history -----------------------------------------------------------------------------------

asio::awaitable<void> replay(state s, std::size_t events)
{
    auto all = s.when_change({.since = 0, .count = events, .own = true});
    std::size_t seen = 0;
    for (;;) {
        const auto some = co_await all.next_some(1000);
        if (some.empty())
            break;
        seen += some.size();
    }
    if (seen != events)
        throw std::runtime_error("some of the history is missing");
}

/// A watcher that only wants the last event of many.
asio::awaitable<void> begin_late(state s, std::size_t events)
{
    auto last = s.when_change({.since = events - 1, .count = 1, .own = true});
    const auto e = co_await last.next();
    if (!e || e->revision != events)
        throw std::runtime_error("another event came first");
}

std::vector<double> with_history(std::size_t events, const effort& how)
{
    // Room for all of it, so that nothing is carried on.
    constexpr std::size_t each = 136;
    one_state on(sleeping().journal_size((std::size_t{4} << 20) + each * events));
    const auto s = on.ctx.state();
    on.set(events, 64, 10);
    on.run(begin_late(s, events)); // the ring is mapped
    // Everything of a watcher happens in its own process.
    std::vector<double> late;
    std::vector<double> replayed;
    for (int i = 0; i != 5; ++i) {
        double begun = own_cpu();
        on.run(begin_late(s, events));
        late.push_back(own_cpu() - begun);
        begun = own_cpu();
        on.run(replay(s, events));
        replayed.push_back((own_cpu() - begun) / static_cast<double>(events));
    }
    const double cpu = on.cpu();
    const auto sets = how.of(2'000, 50);
    on.set(sets, 1, 10);
    return {median(std::move(replayed)), median(std::move(late)),
            (on.cpu() - cpu) / 1e3 / static_cast<double>(sets)};
}

} // namespace

void prepare_watch_curves()
{
    void* const memory = ::mmap(nullptr, sizeof(shared_page), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error("no shared memory");
    page = new (memory) shared_page();
}

void add_watch_curves(std::vector<curve>& to)
{
    to.push_back({.name = "watchers",
                  .title = "One write, against the number of watcher processes",
                  .x = "processes that watch",
                  .lines = {"until the last one is awake", "CPU of the state process",
                            "CPU of the state process, each watches a key of its own"},
                  .sizes = {1, 2, 5, 10, 20, 50, 100, 200},
                  .few = {1, 3},
                  .measure = with_watchers});
    to.push_back({.name = "history",
                  .title = "Watchers and writes, against the length of the history",
                  .x = "events that are retained",
                  .lines = {"replay of all of it, CPU of the watcher for each event",
                            "a watcher that begins before the last event, CPU until it has that",
                            "set, CPU of the state process"},
                  .sizes = {10, 100, 1e3, 1e4, 1e5, 1e6},
                  .few = {10, 1e3},
                  .measure = with_history});
}

} // namespace zproc::bench
