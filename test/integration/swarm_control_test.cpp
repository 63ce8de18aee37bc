// Swarms: their workers, their size, their end.

#include "integration/swarmed.hpp"
#include "support/witness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;

int square(int x)
{
    return x * x;
}

pid_t who(int)
{
    ::usleep(1000);
    return ::getpid();
}

asio::awaitable<int> for_ever(context ctx, int x)
{
    co_await ctx.state().set("begun", true);
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
    co_return x;
}

int spins(int x)
{
    for (volatile bool go_on = true; go_on;) {}
    return x;
}

struct connection { // cannot leave its process
    std::string to;
    int used = 0;

    explicit connection(std::string where) : to(std::move(where)) {}
    connection(const connection&) = delete;
};

std::unique_ptr<connection> connect(std::string where)
{
    return std::make_unique<connection>(std::move(where));
}

std::string ask(worker_local<std::unique_ptr<connection>> own, int x)
{
    ++(*own)->used;
    return (*own)->to + std::to_string(x);
}

asio::awaitable<std::string> ask_later(context ctx, worker_local<std::unique_ptr<connection>> own,
                                       int x)
{
    co_await ctx.ping();
    co_return (*own)->to + std::to_string(x);
}

void disconnect(worker_local<std::unique_ptr<connection>> own, std::string file)
{
    if (auto* out = std::fopen(file.c_str(), "a")) {
        std::fprintf(out, "%d\n", (*own)->used);
        std::fclose(out);
    }
}

asio::awaitable<int> nested(context ctx, int x)
{
    auto own = co_await ctx.create_swarm(2);
    const auto all = co_await own.map(square, std::views::iota(0, x));
    int sum = 0;
    for (const int each : all)
        sum += each;
    co_return sum;
}

int slow(int x)
{
    ::usleep(500);
    return x;
}

std::set<pid_t> different(const std::vector<pid_t>& all)
{
    return {all.begin(), all.end()};
}

std::size_t workers_of(const std::vector<process_info>& all)
{
    return static_cast<std::size_t>(std::ranges::count_if(all, [](const process_info& each) {
        return each.name == "swarm worker" && each.status == process_status::up;
    }));
}

/// The table learns of an end a little later than who waits for it. The test has a time limit.
asio::awaitable<void> workers_are(context ctx, std::size_t count)
{
    for (;;) {
        const auto listed = co_await ctx.processes();
        if (workers_of(listed) == count)
            co_return;
    }
}

asio::awaitable<void> resized(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    check(swarm.size() == 2, "its size");
    auto one_by_one = swarm.with(swarm_options().chunk(1));
    auto pids = co_await one_by_one.map(who, std::views::iota(0, 100));
    check(different(pids).size() == 2, "two workers");

    co_await swarm.resize(5);
    pids = co_await one_by_one.map(who, std::views::iota(0, 200));
    check(different(pids).size() == 5, "five workers");

    // While work runs.
    auto [all, nothing] = co_await (one_by_one.map(slow, std::views::iota(0, 2000)) &&
                                        [](zproc::swarm of) -> asio::awaitable<std::monostate> {
        for (const std::size_t count : {1, 4, 2, 6, 3})
            co_await of.resize(count);
        co_return std::monostate();
    }(swarm));
    bool right = all.size() == 2000;
    for (int i = 0; right && i != 2000; ++i)
        right = all[static_cast<std::size_t>(i)] == i;
    check(right, "every result, in order");
    co_await workers_are(ctx, 3);
    check(swarm.size() == 3, "its size is the last");
}

asio::awaitable<void> stopped(context ctx, checks& check)
{
    for (const bool force : {false, true}) {
        auto swarm = co_await ctx.create_swarm(2);
        auto [failed, nothing] = co_await (
            failure_of(swarm.map(for_ever, std::views::iota(0, 5))) &&
                [](context own, zproc::swarm of, bool how) -> asio::awaitable<std::monostate> {
                auto begun = own.state().when_equal("begun", true);
                co_await begun.next();
                co_await of.stop(how);
                co_return std::monostate();
            }(ctx, swarm, force));
        check(failed == "swarm_stopped", failed.c_str());
        co_await workers_are(ctx, 0);
        failed = co_await failure_of(swarm.map(square, std::views::iota(0, 5)));
        check(failed == "swarm_stopped", failed.c_str());
        co_await ctx.state().clear();
    }
}

template <class F>
asio::awaitable<void> cancel_one(zproc::swarm of, F f, checks& check)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
    auto either =
        co_await (of.map(f, std::views::iota(0, 100)) || timer.async_wait(asio::use_awaitable));
    check(either.index() == 1, "it was cancelled");
    const auto all = co_await of.map(square, std::views::iota(0, 100));
    check(all.size() == 100 && all[99] == 9801, "usable afterwards");
}

asio::awaitable<void> cancelled(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto before = co_await swarm.map(who, std::views::iota(0, 20));
    co_await cancel_one(swarm, for_ever, check);
    const auto after = co_await swarm.map(who, std::views::iota(0, 20));
    check(different(before) == different(after), "coroutines are cancelled, their workers stay");
    co_await cancel_one(swarm, spins, check); // killed after the grace period
    co_await cancel_one(swarm, slow, check);
}

asio::awaitable<void> with_state(context ctx, checks& check)
{
    char file[] = "/tmp/zproc_swarm_XXXXXX";
    const int number = ::mkstemp(file);
    ::close(number);
    swarm_options options;
    options.size(2).initialiser(connect, "db/").finaliser(disconnect, file);
    auto swarm = co_await ctx.create_swarm(options);
    const auto answers = co_await swarm.map(ask, std::views::iota(0, 100));
    check(answers.size() == 100 && answers[99] == "db/99", "what the initialiser made");
    const auto later = co_await swarm.map(ask_later, std::views::iota(0, 10));
    check(later.size() == 10 && later[9] == "db/9", "in a coroutine, too");
    co_await swarm.stop();
    int used = 0;
    int finalised = 0;
    if (auto* in = std::fopen(file, "r")) {
        for (int each = 0; std::fscanf(in, "%d", &each) == 1; ++finalised)
            used += each;
        std::fclose(in);
    }
    ::unlink(file);
    check(finalised == 2 && used == 100, "the finaliser has run in each");

    // Without an initialiser there is no such thing.
    auto plain = co_await ctx.create_swarm(1);
    const auto failed = co_await failure_of(plain.run(ask, 1));
    check(failed.find("worker_local") != std::string::npos, failed.c_str());
}

asio::awaitable<void> life_spans(context ctx, checks& check)
{
    swarm_options options;
    options.size(2).items_per_worker(10).chunk(5);
    auto swarm = co_await ctx.create_swarm(options);
    const auto pids = co_await swarm.map(who, std::views::iota(0, 200));
    for (const auto pid : different(pids)) // ten items, and what it held then
        check(std::ranges::count(pids, pid) <= 15, "no more than that");

    swarm_options small;
    small.size(1).memory_per_worker(1).chunk(1);
    auto other = co_await ctx.create_swarm(small);
    const auto few = co_await other.map(who, std::views::iota(0, 5));
    check(different(few).size() >= 3, "a new one when there is too much memory");
}

asio::awaitable<void> nesting(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto sums = co_await swarm.map(nested, std::views::iota(0, 6));
    check(sums == std::vector{0, 0, 1, 5, 14, 30}, "swarms of workers");
}

asio::awaitable<void> two_at_once(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    bool long_one_runs = true;
    auto [all, nothing] =
        co_await ([](zproc::swarm of, bool& runs) -> asio::awaitable<std::vector<int>> {
            auto got = co_await of.map(slow, std::views::iota(0, 3000));
            runs = false;
            co_return got;
        }(swarm, long_one_runs) && [](zproc::swarm of, bool& runs,
                                      checks& must) -> asio::awaitable<std::monostate> {
            for (int i = 0; i != 5; ++i) {
                const auto some = co_await of.map(slow, std::views::iota(0, 20));
                must(some.size() == 20, "the short one is done");
                must(runs, "while the long one runs");
            }
            co_return std::monostate();
        }(swarm, long_one_runs, check));
    check(all.size() == 3000, "the long one, too");
}

asio::awaitable<void> let_go(context ctx, checks& check)
{
    {
        auto swarm = co_await ctx.create_swarm(3);
        const auto one = co_await swarm.run(square, 2);
        check(one == 4, "it works");
    }
    co_await ctx.wait(); // nothing that was spawned is left
    co_await workers_are(ctx, 0);
    // An operation keeps its swarm.
    auto last = (co_await ctx.create_swarm(1)).map(square, std::views::iota(0, 10));
    const auto all = co_await std::move(last);
    check(all.size() == 10, "its swarm was there");
}

bool loop_is_destroyed_first(checks& check)
{
    witness seen;
    std::optional<zproc::swarm> left;
    {
        asio::io_context io;
        context ctx(io);
        auto made = ctx.create_swarm(2, asio::use_future);
        io.run();
        left = made.get();
        io.restart();
        auto begun = ctx.state().when_equal("begun", true);
        bool is_begun = false;
        left->map(for_ever, std::views::iota(0, 5), handler_with(seen));
        auto stream = left->map_lazy(square, std::views::iota(0));
        begun.next([&](error_code, std::optional<event>) { is_begun = true; });
        while (!is_begun)
            io.run_one();
    }
    check(seen.called == 0, "its handler is not called");
    check(seen.alive == 0, "it is dropped");
    bool refused = false;
    try {
        static_cast<void>(left->map(square, std::views::iota(0, 3)));
    } catch (const system_error& e) {
        refused = e.code() == errc::context_gone;
    }
    check(refused, "later calls are refused");
    left.reset();
    return true;
}

bool returns_when_nothing_is_pending(checks& check)
{
    asio::io_context io;
    context ctx(io);
    auto made = ctx.create_swarm(2, asio::use_future);
    io.run(); // comes back, though the workers live
    const auto swarm = made.get();
    io.restart();
    auto squares = swarm.map(square, std::views::iota(0, 100), asio::use_future);
    io.run();
    const auto all = squares.get();
    check(all.size() == 100, "a future");
    io.restart();
    int called = 0;
    swarm.run(square, 3, [&](const std::exception_ptr& error, int got) {
        ++called;
        check(!error && got == 9, "a callback");
    });
    check(called == 0, "not within the call");
    io.run();
    check(called == 1, "once");
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_control)

BOOST_AUTO_TEST_CASE(resize_changes_the_number_of_workers_while_they_work)
{
    BOOST_TEST(in_a_coroutine(resized));
}

BOOST_AUTO_TEST_CASE(stop_ends_workers_and_what_is_pending)
{
    BOOST_TEST(in_a_coroutine(stopped));
}

BOOST_AUTO_TEST_CASE(cancelled_map_leaves_the_swarm_usable)
{
    BOOST_TEST(in_a_coroutine(cancelled));
}

BOOST_AUTO_TEST_CASE(functions_get_what_the_initialiser_made)
{
    BOOST_TEST(in_a_coroutine(with_state));
}

BOOST_AUTO_TEST_CASE(worker_is_replaced_at_the_end_of_its_span)
{
    BOOST_TEST(in_a_coroutine(life_spans));
}

BOOST_AUTO_TEST_CASE(worker_has_a_swarm_of_its_own)
{
    BOOST_TEST(in_a_coroutine(nesting));
}

BOOST_AUTO_TEST_CASE(short_map_does_not_wait_for_a_long_one)
{
    BOOST_TEST(in_a_coroutine(two_at_once));
}

BOOST_AUTO_TEST_CASE(workers_end_with_the_last_handle)
{
    BOOST_TEST(in_a_coroutine(let_go));
}

BOOST_AUTO_TEST_CASE(loop_that_is_destroyed_first_drops_what_is_pending)
{
    BOOST_TEST(in_a_root([](checks& check) { loop_is_destroyed_first(check); }));
}

BOOST_AUTO_TEST_CASE(loop_returns_when_nothing_is_pending)
{
    BOOST_TEST(in_a_root([](checks& check) { returns_when_nothing_is_pending(check); }));
}

BOOST_AUTO_TEST_SUITE_END()
