// One context for many threads: a loop that four of them run, and a pool. ThreadSanitizer is the
// judge of most of it.

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_table.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

constexpr int coroutines = 64;
constexpr int rounds = 5;
constexpr unsigned threads = 4;

/// A loop that several threads run until it has nothing left to do.
class busy_loop {
public:
    asio::io_context io{static_cast<int>(threads)};
    asio::any_io_executor executor() { return io.get_executor(); }

    void join()
    {
        std::vector<std::thread> all;
        for (unsigned i = 0; i != threads; ++i)
            all.emplace_back([this] { io.run(); });
        for (auto& each : all)
            each.join();
    }
};

class busy_pool {
public:
    asio::thread_pool pool{threads};
    asio::any_io_executor executor() { return pool.get_executor(); }
    void join() { pool.join(); }
};

/// What a coroutine found wrong; from any thread.
struct findings {
    std::atomic<int> wrong = 0;
    void operator()(bool holds)
    {
        if (!holds)
            ++wrong;
    }
};

/// Told to whoever started a coroutine: what it threw is wrong.
auto told(findings& found)
{
    return [&found](std::exception_ptr e) {
        try {
            if (e)
                std::rethrow_exception(e);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "thrown: %s\n", error.what());
        }
        found(e == nullptr);
    };
}

// One state for all ------------------------------------------------------------------------------

asio::awaitable<void> use_everything(zproc::state state, int number, findings& found)
{
    const auto own = "key" + std::to_string(number);
    for (int round = 0; round != rounds; ++round) {
        co_await state.set(own, round);
        const int got = co_await state.get<int>(own);
        found(got == round);
        co_await state.increment("sum");
        static_cast<void>(co_await state.atomic(add_to_key, 1, asio::use_awaitable));
        static_cast<void>(co_await state.size());
    }
    const bool there = co_await state.erase(own);
    found(there);
}

asio::awaitable<void> check_sums(zproc::state state, findings& found)
{
    const int sum = co_await state.get<int>("sum");
    const int key = co_await state.get<int>("key");
    found(sum == coroutines * rounds);
    found(key == coroutines * rounds);
}

template <class Loop>
void share_one_state(checks& check)
{
    findings found;
    std::optional<context_options> options;
    {
        Loop loop;
        context ctx(loop.executor());
        const auto state = ctx.state();
        for (int i = 0; i != coroutines; ++i)
            asio::co_spawn(loop.executor(), use_everything(state, i, found), told(found));
        loop.join();
        options = context_options{}.address(ctx.address());
    }
    check(found.wrong == 0, "each coroutine saw its own writes");
    Loop loop;
    context ctx(loop.executor(), *options);
    asio::co_spawn(loop.executor(), check_sums(ctx.state(), found), told(found));
    loop.join();
    check(found.wrong == 0, "and no increment was lost");
}

// Watchers ---------------------------------------------------------------------------------------

constexpr int watchers = 8;
constexpr std::uint64_t changes = 50;

asio::awaitable<void> see_all(watcher events, findings& found)
{
    std::uint64_t seen = 0;
    std::uint64_t last = 0;
    while (auto e = co_await events.next()) {
        found(e->revision > last && e->changes.size() == 1 &&
              e->changes[0].after == static_cast<int>(seen));
        last = e->revision;
        ++seen;
    }
    found(seen == changes);
}

asio::awaitable<void> change_all(zproc::state state)
{
    for (std::uint64_t i = 0; i != changes; ++i)
        co_await state.set("watched", static_cast<int>(i));
}

template <class Loop>
void watch_on_many_threads(checks& check)
{
    findings found;
    Loop loop;
    context ctx(loop.executor());
    for (int i = 0; i != watchers; ++i)
        asio::co_spawn(loop.executor(),
                       see_all(ctx.state().when_change("watched", {.count = changes}), found),
                       told(found));
    asio::co_spawn(loop.executor(), change_all(ctx.state()), told(found));
    loop.join();
    check(found.wrong == 0, "each watcher saw every change, in order");
}

// Processes --------------------------------------------------------------------------------------

asio::awaitable<void> spawn_one(context ctx, findings& found)
{
    auto child = co_await ctx.spawn(seven);
    const auto copy = child;
    found(child.pid() > 0);
    const int result = co_await child.result();
    found(result == 7);
    const auto info = co_await copy.wait();
    found(info.success() && !copy.running());
    auto sleeper = co_await ctx.spawn(sleep_long);
    co_await sleeper.stop(std::chrono::seconds(10));
    found(!sleeper.running());
}

template <class Loop>
void spawn_on_many_threads(checks& check)
{
    findings found;
    Loop loop;
    context ctx(loop.executor());
    for (int i = 0; i != 6; ++i)
        asio::co_spawn(loop.executor(), spawn_one(ctx, found), told(found));
    loop.join();
    check(found.wrong == 0, "each process ended as it should");
}

// Cancellation, and the end -----------------------------------------------------------------------

asio::awaitable<void> be_cancelled(zproc::state state)
{
    auto silent = state.when_change("never");
    static_cast<void>(co_await silent.next());
}

/// A signal is emitted where its operation runs; everything else is anywhere.
template <class Loop>
void cancel_on_many_threads(checks& check)
{
    findings found;
    std::atomic<int> cancelled = 0;
    Loop loop;
    context ctx(loop.executor());
    const auto state = ctx.state();
    for (int i = 0; i != 32; ++i) {
        auto own = asio::make_strand(loop.executor());
        auto signal = std::make_shared<asio::cancellation_signal>();
        asio::co_spawn(
            own, be_cancelled(state),
            asio::bind_cancellation_slot(signal->slot(),
                                         [&, signal](std::exception_ptr e) { cancelled += !!e; }));
        asio::post(own, [signal] { signal->emit(asio::cancellation_type::terminal); });
        asio::co_spawn(loop.executor(), use_everything(state, i, found), told(found));
    }
    loop.join();
    check(cancelled == 32, "each was cancelled");
    check(found.wrong == 0, "the others did not notice");
}

/// Handles, made and dropped by threads that do not run the loop.
template <class Loop>
void drop_handles_on_other_threads(checks& check)
{
    Loop loop;
    context ctx(loop.executor());
    std::atomic<int> called = 0;
    auto more = asio::make_work_guard(loop.executor());
    std::thread runner([&] { loop.join(); });
    {
        std::vector<std::thread> users;
        for (unsigned i = 0; i != threads; ++i)
            users.emplace_back([&ctx, &called] {
                for (int n = 0; n != 20; ++n) {
                    auto mine = std::make_unique<context>(ctx);
                    auto state = mine->state();
                    auto watched = state.when_change("key");
                    state.set("key", n, [&](error_code ec) { called += !ec; });
                    watched.next([&](error_code, std::optional<event>) { ++called; });
                }
            });
        for (auto& each : users)
            each.join();
    }
    more.reset();
    runner.join();
    check(called == static_cast<int>(threads) * 20 * 2, "each handler was called");
}

/// Handlers that ask and then wait, each on a thread of the loop, for what another thread completes.
template <class Loop>
void block_in_handlers(checks& check, unsigned at_once)
{
    static_assert(threads > 3, "one is left for the loop");
    Loop loop;
    context ctx(loop.executor());
    const auto state = ctx.state();
    std::atomic<int> right = 0;
    std::function<void(int)> begin = [&](int left) {
        state.set("key", left, [&, left](error_code) {
            auto first = state.set("first", left, asio::use_future);
            auto second = state.set("second", left, asio::use_future);
            first.get();
            second.get();
            right += state.contains("first", asio::use_future).get();
            if (left > 1)
                begin(left - 1);
        });
    };
    for (unsigned i = 0; i != at_once; ++i)
        begin(20);
    loop.join();
    check(right == 20 * static_cast<int>(at_once), "each was answered while its handler waited");
}

template <class Loop>
void block_in_one_handler(checks& check)
{
    block_in_handlers<Loop>(check, 1);
}

template <class Loop>
void block_in_three_handlers(checks& check)
{
    block_in_handlers<Loop>(check, 3);
}

/// A loop that is stopped in the middle drops what is pending.
void stop_in_the_middle(checks& check)
{
    for (int i = 0; i != 10; ++i) {
        asio::thread_pool pool(threads);
        context ctx(pool.get_executor());
        const auto state = ctx.state();
        std::atomic<int> begun = 0;
        std::promise<void> enough;
        for (int n = 0; n != coroutines; ++n)
            state.set("key", n, [&](error_code) {
                if (++begun == i * 5 + 1)
                    enough.set_value();
                state.get("key", [state](error_code, value) {});
            });
        enough.get_future().wait();
        pool.stop();
        pool.join();
        check(begun > 0, "it had begun");
    }
}

template <void (*Body)(checks&)>
bool holds()
{
    return in_a_root([](checks& check) { Body(check); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(threads_of_one_context)

BOOST_AUTO_TEST_CASE(coroutines_share_one_state)
{
    BOOST_TEST(holds<share_one_state<busy_loop>>());
    BOOST_TEST(holds<share_one_state<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(watchers_see_every_change)
{
    BOOST_TEST(holds<watch_on_many_threads<busy_loop>>());
    BOOST_TEST(holds<watch_on_many_threads<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(processes_are_spawned_and_waited_for)
{
    BOOST_TEST(holds<spawn_on_many_threads<busy_loop>>());
    BOOST_TEST(holds<spawn_on_many_threads<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(operations_are_cancelled)
{
    BOOST_TEST(holds<cancel_on_many_threads<busy_loop>>());
    BOOST_TEST(holds<cancel_on_many_threads<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(handles_are_dropped_by_other_threads)
{
    BOOST_TEST(holds<drop_handles_on_other_threads<busy_loop>>());
    BOOST_TEST(holds<drop_handles_on_other_threads<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(handlers_block_for_what_they_ask)
{
    BOOST_TEST(holds<block_in_one_handler<busy_loop>>());
    BOOST_TEST(holds<block_in_one_handler<busy_pool>>());
    BOOST_TEST(holds<block_in_three_handlers<busy_loop>>());
    BOOST_TEST(holds<block_in_three_handlers<busy_pool>>());
}

BOOST_AUTO_TEST_CASE(pool_is_stopped_in_the_middle)
{
    BOOST_TEST(holds<stop_in_the_middle>());
}

BOOST_AUTO_TEST_SUITE_END()
