// Swarms: what fails, and that nothing else does.

#include "integration/swarmed.hpp"
#include "supervisor/sanitized.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <numeric>
#include <random>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using supervision::sanitized;
using namespace std::chrono_literals;

int square(int x)
{
    return x * x;
}

int fails_at(int x, int bad)
{
    if (x == bad)
        throw std::range_error("item " + std::to_string(x));
    return x;
}

asio::awaitable<int> fails_later(int x)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, x == 1 ? 10ms : 2s);
    co_await timer.async_wait(asio::use_awaitable);
    throw std::runtime_error("item " + std::to_string(x));
}

int crashes_at(int x, int bad)
{
    if (x == bad)
        ::raise(SIGSEGV);
    return x;
}

int exits_at(int x, int bad)
{
    if (x == bad)
        throw process_exit{3};
    return x;
}

int hangs_at(int x, int bad)
{
    while (x == bad)
        ::pause();
    return x;
}

asio::awaitable<int> dies_once(context ctx, int x)
{
    if (x == 5) {
        const value times = co_await ctx.state().increment("deaths");
        if (times.get<int>() == 1)
            ::kill(::getpid(), SIGKILL);
    }
    co_return x;
}

asio::awaitable<int> throws_twice(context ctx, int x)
{
    if (x == 5) {
        const value times = co_await ctx.state().increment("throws");
        if (times.get<int>() <= 2)
            throw std::runtime_error("again");
    }
    co_return x;
}

int busy(int x)
{
    volatile unsigned sum = 0;
    for (unsigned i = 0; i != 20'000; ++i)
        sum = sum + i;
    return x + 1;
}

struct picky { // cannot be written when it is odd, nor read when it is 4
    int number = 0;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        if (Archive::is_saving::value && number % 2 == 1)
            throw std::logic_error("odd");
        archive & number;
        if (Archive::is_loading::value && number == 4)
            throw std::logic_error("four");
    }
};

int beside_picky(int x, const picky&)
{
    return x;
}

int take_picky(picky p)
{
    return p.number;
}

picky give_picky(int n)
{
    picky p;
    p.number = n;
    return p;
}

void never_starts()
{
    throw std::runtime_error("no database");
}

void dies_at_start()
{
    ::_exit(9);
}

pid_t own_pid(int)
{
    return ::getpid();
}

asio::awaitable<void> exceptions(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto failed = co_await failure_of(swarm.map(fails_at, std::views::iota(0, 1000), 700));
    check(failed == "remote_error std::range_error: item 700", failed.c_str());

    failed = co_await failure_of(swarm.run(fails_at, 1, 1));
    check(failed == "remote_error std::range_error: item 1", failed.c_str());

    // The first that happened, not the first of the input.
    failed = co_await failure_of(swarm.map(fails_later, std::views::iota(0, 2)));
    check(failed == "remote_error std::runtime_error: item 1", failed.c_str());

    bool has_stack = false;
    try {
        co_await swarm.run(fails_at, 1, 1);
    } catch (const remote_error& e) {
        for (const auto& line : e.stack())
            has_stack = has_stack || line.find("fails_at") != std::string::npos;
    }
    check(has_stack, "with the stack of its throw");

    const auto after = co_await swarm.map(square, std::views::iota(1, 4));
    check(after == std::vector{1, 4, 9}, "usable afterwards");
}

/// All items of a stream but one succeed, which fails so.
template <class F>
asio::awaitable<void> one_fails(swarm of, F f, std::string how, checks& check)
{
    auto all = of.map_lazy(f, std::views::iota(0, 300), 123);
    for (int i = 0; i != 300; ++i) {
        int got = -1;
        std::string failed;
        try {
            const auto each = co_await all.next();
            got = each.value_or(-2);
        } catch (const process_crashed& e) {
            failed = "crashed " + std::to_string(e.signal());
            check(how != "crashed 11" || e.info().crash.has_value(), "with a report of the crash");
        } catch (const process_exited& e) {
            failed = "exited " + std::to_string(e.code());
        } catch (const system_error& e) {
            failed = e.code() == errc::deadline_exceeded ? "deadline" : e.what();
        }
        if (i == 123)
            check(failed == how, (failed + " for " + how).c_str());
        else
            check(got == i, "the others succeed");
    }
}

asio::awaitable<void> poison(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(3);
    if (!sanitized) {
        co_await one_fails(swarm, crashes_at, "crashed 11", check);
        co_await one_fails(swarm.with(swarm_options().retries(0)), crashes_at, "crashed 11", check);
    }
    co_await one_fails(swarm, exits_at, "exited 3", check);
    co_await one_fails(swarm.with(swarm_options().deadline(100ms)), hangs_at, "deadline", check);
    const auto failed = co_await failure_of(swarm.map(crashes_at, std::views::iota(0, 300), 299));
    check(sanitized || failed == "process_crashed 11", failed.c_str());
}

asio::awaitable<void> retried(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto all = co_await swarm.map(dies_once, std::views::iota(0, 20));
    check(all.size() == 20 && all[5] == 5, "tried again after a death");
    auto patient = swarm.with(swarm_options().exception_retries(2));
    const auto other = co_await patient.map(throws_twice, std::views::iota(0, 20));
    check(other.size() == 20 && other[5] == 5, "tried again after exceptions");
    co_await ctx.state().set("throws", 0);
    const auto failed = co_await failure_of(swarm.map(throws_twice, std::views::iota(0, 20)));
    check(failed == "remote_error std::runtime_error: again", failed.c_str());
}

/// Kills workers of the swarm again and again, until told otherwise.
asio::awaitable<void> kill_workers(context ctx, bool& go_on, int& killed)
{
    std::mt19937 chance(7);
    while (go_on) {
        asio::steady_timer timer(co_await asio::this_coro::executor, 3ms);
        co_await timer.async_wait(asio::use_awaitable);
        std::vector<pid_t> all;
        for (const auto& each : co_await ctx.processes())
            if (each.name == "swarm worker" && each.status == process_status::up)
                all.push_back(each.pid);
        if (!all.empty() && ::kill(all[chance() % all.size()], SIGKILL) == 0)
            ++killed;
    }
}

asio::awaitable<void> killed_at_random(context ctx, checks& check)
{
    // Where there is little processor time, one item may meet any number of the deaths.
    auto swarm = co_await ctx.create_swarm(swarm_options().size(4).retries(1000));
    bool go_on = true;
    int killed = 0;
    bool ended = false;
    asio::co_spawn(ctx.get_executor(), kill_workers(ctx, go_on, killed),
                   [&](const std::exception_ptr&) { ended = true; });
    for (int round = 0; killed < 30 && round != 200; ++round) {
        const auto all = co_await swarm.map(busy, std::views::iota(0, 20'000));
        bool right = all.size() == 20'000;
        for (std::size_t i = 0; right && i != all.size(); ++i)
            right = all[i] == static_cast<int>(i) + 1;
        check(right, "every result, in order");
    }
    go_on = false;
    check(killed >= 30, "workers were killed");
    while (!ended)
        co_await ctx.ping();
}

asio::awaitable<void> unserialisable(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    std::vector<picky> given(10);
    for (int i = 0; i != 10; ++i)
        given[static_cast<std::size_t>(i)].number = i;
    auto all = swarm.map_lazy(take_picky, given);
    for (int i = 0; i != 10; ++i) {
        bool failed = false;
        try {
            const auto each = co_await all.next();
            check(each == i, "the others succeed");
        } catch (const system_error& e) {
            failed = e.code() == errc::not_serializable;
        }
        check(failed == (i % 2 == 1 || i == 4), "arguments that cannot be written or read");
    }
    auto results = swarm.map_lazy(give_picky, std::views::iota(0, 10));
    for (int i = 0; i != 10; ++i) {
        bool failed = false;
        try {
            const auto each = co_await results.next();
            check(each && each->number == i, "the others succeed");
        } catch (const system_error& e) {
            failed = e.code() == errc::not_serializable;
        }
        check(failed == (i % 2 == 1 || i == 4), "results that cannot be written or read");
    }
    picky odd;
    odd.number = 1;
    picky four;
    four.number = 4;
    auto common = swarm.map_lazy(beside_picky, std::views::iota(0, 10), four);
    for (int i = 0; i != 10; ++i) {
        const auto failed = co_await failure_of(common.next());
        check(failed == "not_serializable", "a common argument that cannot be read");
    }
    auto unsent = co_await failure_of(swarm.map(beside_picky, std::views::iota(0, 10), odd));
    check(unsent == "not_serializable", "a common argument that cannot be written");
    const auto failed = co_await failure_of(swarm.run(take_picky, odd));
    check(failed == "not_serializable", failed.c_str());
}

asio::awaitable<void> starts(context ctx, checks& check)
{
    swarm_options broken;
    broken.size(3).initialiser(never_starts);
    auto failed = co_await failure_of(ctx.create_swarm(broken));
    check(failed == "remote_error std::runtime_error: no database", failed.c_str());
    swarm_options dying;
    dying.size(1).initialiser(dies_at_start);
    failed = co_await failure_of(ctx.create_swarm(dying));
    check(failed == "process_exited 9", failed.c_str());
}

asio::awaitable<void> killed_while_idle(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(swarm_options().size(1).retries(0));
    for (int i = 0; i != 5; ++i) {
        const auto pid = co_await swarm.run(own_pid, 0);
        ::kill(pid, SIGKILL);
        const auto all = co_await swarm.map(square, std::views::iota(1, 4));
        check(all == std::vector{1, 4, 9}, "nobody is blamed");
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_failure)

BOOST_AUTO_TEST_CASE(map_throws_the_first_exception_that_happened)
{
    BOOST_TEST(in_a_coroutine(exceptions));
}

BOOST_AUTO_TEST_CASE(item_that_ends_its_worker_fails_alone)
{
    BOOST_TEST(in_a_coroutine(poison));
}

BOOST_AUTO_TEST_CASE(item_is_tried_again_as_the_options_say)
{
    BOOST_TEST(in_a_coroutine(retried));
}

BOOST_AUTO_TEST_CASE(map_gives_every_result_while_workers_are_killed)
{
    BOOST_TEST(in_a_coroutine(killed_at_random, 120));
}

BOOST_AUTO_TEST_CASE(worker_that_was_killed_while_idle_costs_nothing)
{
    BOOST_TEST(in_a_coroutine(killed_while_idle));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_serialised_fails_alone)
{
    BOOST_TEST(in_a_coroutine(unserialisable));
}

BOOST_AUTO_TEST_CASE(create_swarm_fails_with_what_its_initialiser_fails_with)
{
    BOOST_TEST(in_a_coroutine(starts));
}

BOOST_AUTO_TEST_SUITE_END()
