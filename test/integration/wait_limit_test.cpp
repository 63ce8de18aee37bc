// A limit on a wait is kept to the millisecond or so, however busy the machine is, and costs
// nothing meanwhile.

#include "integration/program.hpp"

#include <zproc/process.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;
using clock = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int slowness = 5;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int slowness = 5;
#else
constexpr int slowness = 1;
#endif
#else
constexpr int slowness = 1;
#endif

constexpr auto lateness = 20ms * slowness;

/// Of this process, user and system.
std::chrono::microseconds cpu_time()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& t) {
        return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

/// Keeps every core busy.
class load {
public:
    load()
    {
        cpu_set_t ours;
        ::sched_getaffinity(0, sizeof ours, &ours);
        for (int i = 0; i != CPU_COUNT(&ours); ++i)
            if (const auto pid = ::fork(); pid == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (volatile unsigned turns = 0;;)
                    turns = turns + 1;
            } else if (pid > 0) {
                pids_.push_back(pid);
            }
    }
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load()
    {
        for (const auto each : pids_) {
            ::kill(each, SIGKILL);
            ::waitpid(each, nullptr, 0);
        }
    }

private:
    std::vector<pid_t> pids_;
};

asio::awaitable<int> sleep_for_ever()
{
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
    co_return 0;
}

int nothing()
{
    return 7;
}

/// How late each of some limits was. One in four may be late by other people's fault.
void check_lateness(checks& check, std::vector<milliseconds> late)
{
    std::ranges::sort(late);
    const auto judged = late[late.size() * 3 / 4];
    check(late.front() >= 0ms, "none came early");
    check(judged <= lateness, "they came in time");
    if (judged > lateness)
        std::fprintf(stderr, "a limit came %.1f ms late\n", judged.count());
}

} // namespace

BOOST_AUTO_TEST_SUITE(wait_limit)

BOOST_AUTO_TEST_CASE(wait_and_result_are_given_up_in_time_while_all_cores_are_busy)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto child = co_await ctx.spawn(sleep_for_ever);
        asio::steady_timer timer(co_await asio::this_coro::executor);
        const load busy;
        std::vector<milliseconds> late;
        const auto cpu = cpu_time();
        for (int i = 0; i != 12; ++i) {
            const auto limit = 50ms + i * 10ms;
            const auto begun = clock::now();
            timer.expires_after(limit);
            std::size_t first = 0;
            if (i % 2 == 0) {
                const auto won = co_await (child.wait(asio::use_awaitable) ||
                                           timer.async_wait(asio::use_awaitable));
                first = won.index();
            } else {
                const auto won = co_await (child.result(asio::use_awaitable) ||
                                           timer.async_wait(asio::use_awaitable));
                first = won.index();
            }
            late.emplace_back(clock::now() - begun - limit);
            check(first == 1, "the time was up first");
        }
        check(cpu_time() - cpu < 50ms * slowness, "waiting costs nothing");
        check(child.running(), "the process has not noticed");
        check_lateness(check, late);
    }));
}

BOOST_AUTO_TEST_CASE(wait_burns_nothing_when_others_have_ended_before)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto early = co_await ctx.spawn(nothing);
        check(co_await early.result() == 7, "one has ended");
        auto unasked = co_await ctx.spawn(nothing);
        auto child = co_await ctx.spawn(sleep_for_ever);
        asio::steady_timer timer(co_await asio::this_coro::executor);
        const auto cpu = cpu_time();
        const auto begun = clock::now();
        timer.expires_after(1s);
        const auto first =
            co_await ((early.wait(asio::use_awaitable) && unasked.wait(asio::use_awaitable) &&
                       child.wait(asio::use_awaitable)) ||
                      timer.async_wait(asio::use_awaitable));
        check(first.index() == 1, "not all have ended");
        check(clock::now() - begun >= 1s, "it waited");
        check(cpu_time() - cpu < 50ms * slowness, "and slept meanwhile");
    }));
}

BOOST_AUTO_TEST_CASE(wait_completes_at_the_end_of_its_process_long_before_the_limit)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        const load busy;
        std::vector<milliseconds> late;
        for (int i = 0; i != 12; ++i) {
            auto child = co_await ctx.spawn(sleep_for_ever);
            timer.expires_after(30s);
            const auto killed = clock::now();
            check(!child.terminate(), "killed");
            const auto first =
                co_await (child.wait(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
            check(first.index() == 0, "its end came first");
            late.emplace_back(clock::now() - killed);
        }
        check_lateness(check, late);
    }));
}

BOOST_AUTO_TEST_CASE(many_waits_with_a_limit_leave_nothing_behind)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto child = co_await ctx.spawn(sleep_for_ever);
        asio::steady_timer timer(co_await asio::this_coro::executor);
        const auto cpu = cpu_time();
        for (int i = 0; i != 1000; ++i) {
            timer.expires_after(0ms);
            const auto first =
                co_await (child.wait(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
            check(first.index() == 1, "at once");
        }
        check(cpu_time() - cpu < 1s * slowness, "each costs little, also the last");
        co_await child.stop();
        const exit_info info = co_await child.wait();
        check(info.signal == SIGTERM, "and the process can still be waited for");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
