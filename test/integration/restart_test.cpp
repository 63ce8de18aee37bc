// Processes that run again, and statuses that can be awaited. Each case is a program of its own.

#include "integration/holds.hpp"

#include <zproc/context.hpp>
#include <zproc/process.hpp>
#include <zproc/run.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

restart_policy at_once()
{
    return restart_policy::on_failure().delay(1ms).longest_delay(1ms).jitter(0);
}

asio::awaitable<std::int64_t> next_run(context ctx)
{
    const auto now = co_await ctx.state().increment("runs");
    co_return now.get<std::int64_t>();
}

struct flaky : std::runtime_error {
    using runtime_error::runtime_error;
};

asio::awaitable<int> fail_until(context ctx, int good)
{
    const auto run = static_cast<int>(co_await next_run(ctx));
    if (run < good)
        throw flaky("run " + std::to_string(run));
    co_return run;
}

asio::awaitable<int> die_until(context ctx, int good, int number)
{
    const auto run = static_cast<int>(co_await next_run(ctx));
    if (run < good)
        ::raise(number);
    co_return run;
}

asio::awaitable<void> exit_with(context ctx, int code)
{
    co_await next_run(ctx);
    throw process_exit{code};
}

asio::awaitable<std::string> echo_or_fail(context ctx, std::string text)
{
    const auto run = co_await next_run(ctx);
    if (run == 1)
        throw flaky("the first");
    co_return text;
}

asio::awaitable<void> become_ready(context ctx)
{
    co_await ctx.state().when_available("go").next();
    ctx.notify_ready();
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

asio::awaitable<std::int64_t> runs(context ctx)
{
    const auto all = co_await ctx.state().snapshot();
    co_return all.contains("runs") ? all["runs"].get<std::int64_t>() : 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(restart)

BOOST_AUTO_TEST_CASE(process_runs_again_until_it_succeeds)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(spawn_options{}.restart(at_once()), fail_until, 3);
        check(co_await p.result() == 3, "the result of the third run");
        const auto end = co_await p.wait();
        check(end.success() && end.restarts == 2, "two restarts");
        check(p.status() == process_status::down, "down");
    }));
}

BOOST_AUTO_TEST_CASE(limit_counts_the_retries_and_the_last_failure_surfaces)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(spawn_options{}.restart(at_once().limit(5)), fail_until, 100);
        try {
            co_await p.result();
            check(false, "no result");
        } catch (const remote_error& e) {
            check(e.text() == "run 6", "of the sixth run");
        }
        check(co_await runs(ctx) == 6, "five retries are six runs");
        check(p.status() == process_status::failed, "failed");
        const auto [ec] =
            co_await p.when(process_status::ready, asio::as_tuple(asio::use_awaitable));
        check(ec == errc::process_gone, "it will never be ready");
        co_await p.when(process_status::down);
    }));
}

BOOST_AUTO_TEST_CASE(filters_choose_the_failures)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto runs_of = [&](const char* name, restart_policy policy, auto f,
                                 auto... args) -> asio::awaitable<std::int64_t> {
            const auto own = ctx.with_namespace(name);
            auto p = co_await own.spawn(spawn_options{}.restart(policy.limit(1)), f, args...);
            co_await p.wait();
            co_return co_await runs(own);
        };
        using std::logic_error;
        using std::runtime_error;
        check(co_await runs_of("a", at_once().for_exceptions<runtime_error>(), fail_until, 9) == 2,
              "a base of the exception");
        check(co_await runs_of("b", at_once().for_exceptions<logic_error>(), fail_until, 9) == 1,
              "another exception");
        check(co_await runs_of("c", at_once().for_exceptions<logic_error, flaky>(), fail_until,
                               9) == 2,
              "one of two exceptions");
        check(co_await runs_of("d", at_once().for_signals(SIGUSR1), die_until, 9, SIGUSR1) == 2,
              "the signal");
        check(co_await runs_of("e", at_once().for_signals(SIGUSR1), die_until, 9, SIGUSR2) == 1,
              "another signal");
        check(co_await runs_of("f", at_once().for_signals(SIGUSR1), fail_until, 9) == 1,
              "an exception where signals are named");
        check(co_await runs_of("g", at_once().for_codes(3), exit_with, 3) == 2, "the code");
        check(co_await runs_of("h", at_once().for_codes(3), exit_with, 4) == 1, "another code");
        check(co_await runs_of("i", restart_policy::always().delay(1ms), exit_with, 0) == 2,
              "always");
        check(co_await runs_of("j", at_once(), exit_with, 0) == 1, "no failure");
        check(co_await runs_of("k", at_once(), die_until, 9, SIGKILL) == 2, "SIGKILL");
    }));
}

BOOST_AUTO_TEST_CASE(retries_may_have_other_arguments)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto policy = at_once();
        policy.retry_with(echo_or_fail, std::string(100'000, 'b'));
        auto p = co_await ctx.spawn(spawn_options{}.restart(policy), echo_or_fail,
                                    std::string(100'000, 'a'));
        check(co_await p.result() == std::string(100'000, 'b'), "of the retry");
    }));
}

BOOST_AUTO_TEST_CASE(backoff_is_a_status_that_says_what_comes)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            spawn_options{}.restart(restart_policy::on_failure().delay(1h).longest_delay(1h)),
            fail_until, 9);
        co_await p.when(process_status::backoff);
        const auto last = p.last_exit();
        check(last && last->error && last->error->text == "run 1", "the report of the last run");
        check(last && last->retry_in && *last->retry_in > 50min && *last->retry_in < 70min,
              "when it runs again");
        check(p.running(), "it is not over");
        check(p.signal(SIGUSR1) == errc::process_gone, "there is no process now");
        std::ostringstream out;
        out << p;
        check(out.str().find("backoff") != std::string::npos, "printed");
        co_await p.stop();
        check(!p.running() && p.status() == process_status::down, "stopped between two runs");
        const auto end = co_await p.wait();
        check(end.code == 1 && end.error && end.restarts == 0, "its end is that of the last run");
        check(co_await runs(ctx) == 1, "it did not run again");
    }));
}

BOOST_AUTO_TEST_CASE(process_that_is_stopped_does_not_run_again)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            spawn_options{}.restart(restart_policy::always().delay(0ms).for_ever()), become_ready);
        co_await p.stop();
        check(p.status() == process_status::down, "down");
        check((co_await p.wait()).restarts == 0, "once");
    }));
}

BOOST_AUTO_TEST_CASE(every_run_is_a_process_of_its_own)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            spawn_options{}.restart(restart_policy::always().delay(1ms).for_ever()), become_ready);
        const auto first = p.pid();
        p.terminate();
        co_await p.when(process_status::backoff);
        co_await p.when(process_status::up);
        check(p.pid() != first && ::kill(p.pid(), 0) == 0, "another pid");
        check(p.last_exit() && p.last_exit()->signal == SIGKILL, "how the first one ended");
        co_await p.stop();
    }));
}

BOOST_AUTO_TEST_CASE(ready_is_what_the_process_says)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(become_ready);
        co_await p.when(process_status::up);
        check(p.status() == process_status::up, "not ready yet");
        co_await ctx.state().set("go", true);
        co_await p.when(process_status::ready);
        check(p.status() == process_status::ready, "ready");
        co_await p.when(process_status::up);
        co_await p.stop();
        check(p.status() == process_status::down, "stopped, so it did not fail");
    }));
}

BOOST_AUTO_TEST_CASE(owner_that_does_not_look_learns_the_end_of_many_runs)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        // Nobody reads what the supervisor tells of 2,000 runs; the result comes through.
        auto p = co_await ctx.spawn(
            spawn_options{}.restart(restart_policy::on_failure().delay(0ms).jitter(0).for_ever()),
            fail_until, 600);
        while (co_await runs(ctx) < 600) {}
        check(co_await p.result() == 600, "the result");
        check((co_await p.wait()).restarts == 599, "restarts");
    }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(process_lists)

namespace {

int square(int n)
{
    return n * n;
}

int square_or_throw(int n)
{
    if (n == 2)
        throw flaky("two");
    if (n > 2)
        ::pause();
    return n * n;
}

asio::awaitable<void> sleep_for_ever()
{
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

int answer()
{
    return 42;
}

std::string question()
{
    return "six by seven";
}

} // namespace

BOOST_AUTO_TEST_CASE(spawn_n_and_spawn_map_give_results_in_order)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto same = co_await ctx.spawn_n(3, square, 5);
        check(same.size() == 3, "three");
        const std::vector thrice(3, 25);
        check(co_await same.results() == thrice, "the same thrice");
        auto items = std::vector{1, 2, 3, 4};
        auto each = co_await ctx.spawn_map(square, items);
        const std::vector squares{1, 4, 9, 16};
        check(co_await each.results() == squares, "one each");
        const auto ends = co_await each.wait_all();
        check(ends.size() == 4 && ends[3].success(), "and their ends");
        auto none = co_await ctx.spawn_n(0, square, 5);
        check((co_await none.results()).empty() && (co_await none.wait_all()).empty(), "none");
        auto [a, q] = co_await ctx.spawn_all(answer, question);
        check(co_await a.result() == 42 && co_await q.result() == "six by seven", "several");
    }));
}

BOOST_AUTO_TEST_CASE(results_fail_with_the_first_failure_and_settled_ones_lose_nothing)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto items = std::vector{1, 2, 3};
        auto all = co_await ctx.spawn_map(square_or_throw, items);
        try {
            co_await all.results();
            check(false, "fails");
        } catch (const remote_error& e) {
            check(e.text() == "two", "by the one that failed, though another still runs");
        }
        check(all[2].running(), "which goes on");
        const auto first = co_await all.wait_any();
        check(first.index < 2, "one has ended");
        all[2].terminate();
        const auto settled = co_await all.settled_results();
        check(settled[0] && settled[0].value() == 1, "a result");
        check(!settled[1] && settled[1].error(), "an exception");
        try {
            settled[2].value();
            check(false, "throws");
        } catch (const process_crashed& e) {
            check(e.signal() == SIGKILL, "a signal");
        }
    }));
}

BOOST_AUTO_TEST_CASE(one_limit_holds_for_all)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto all = co_await ctx.spawn_n(3, sleep_for_ever);
        const auto begun = std::chrono::steady_clock::now();
        const auto token = asio::as_tuple(asio::use_awaitable);
        const auto [ec, ends] = co_await all.wait_all(50ms, token);
        check(ec == asio::error::timed_out, "timed out");
        try {
            co_await all.results(50ms);
            check(false, "throws");
        } catch (const system_error& e) {
            check(e.code() == asio::error::timed_out, "timed out");
        }
        const auto [one_ec, end] = co_await all[0].wait(50ms, token);
        check(one_ec == asio::error::timed_out, "one alone");
        const auto took = std::chrono::steady_clock::now() - begun;
        check(took >= 150ms && took < 10s, "three limits, not nine");
        co_await all.stop();
        for (const auto& each : all)
            check(!each.running(), "stopped");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
