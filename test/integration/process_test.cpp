// Spawned processes as users see them: through a context and its supervisor. Each case is a
// program of its own, so that its end cleans up.

#include "integration/forked_root.hpp"
#include "integration/holds.hpp"

#include <zproc/context.hpp>
#include <zproc/process.hpp>
#include <zproc/run.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::forked_root;
using zproc::test::holds;

struct job {
    int id = 0;
    std::string title;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & title;
    }
};

asio::awaitable<void> count_for_ever(context ctx)
{
    auto state = ctx.state();
    for (;;)
        static_cast<void>(co_await state.increment("n"));
}

std::string title_of(const job& j)
{
    return j.title + '#' + std::to_string(j.id);
}

std::size_t length(std::string_view text) noexcept
{
    return text.size();
}

int fail(const std::string& text)
{
    throw std::runtime_error(text);
}

asio::awaitable<void> sleep_for_ever()
{
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<int> nested(zproc::context ctx, int depth)
{
    if (depth == 0)
        co_return ::getpid();
    auto inner = co_await ctx.spawn(nested, depth - 1);
    co_return co_await inner.result();
}

asio::awaitable<int> nested_failure(zproc::context ctx)
{
    auto inner = co_await ctx.spawn(fail, "deep down");
    co_return co_await inner.result();
}

pid_t own_pid()
{
    return ::getpid();
}

std::string directory()
{
    return std::filesystem::current_path().string();
}

} // namespace

BOOST_AUTO_TEST_SUITE(process)

BOOST_AUTO_TEST_CASE(result_is_what_the_function_returned)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto four = co_await ctx.spawn(length, "four");
        check(co_await four.result() == 4, "a view of a literal crosses");

        const job named{7, "a title long enough to be on the heap"};
        auto title = co_await ctx.spawn(title_of, named);
        check(co_await title.result() == named.title + "#7", "a class crosses");

        auto twice = co_await ctx.spawn([](int a) { return 2 * a; }, 21);
        check(co_await twice.result() == 42, "a lambda runs");
        check(co_await twice.result() == 42, "a result is given as often as asked");

        auto pid = co_await ctx.spawn(own_pid);
        check(pid.pid() == co_await pid.result(), "the pid is its own");
        check(pid.name() == "own_pid", "the name is the function's");
        check(!pid.running(), "it has ended");
    }));
}

BOOST_AUTO_TEST_CASE(result_comes_through_nested_processes)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto outer = co_await ctx.spawn(nested, 3);
        check(co_await outer.result() != outer.pid(), "the innermost answered");

        auto failing = co_await ctx.spawn(nested_failure);
        std::optional<remote_error> error;
        try {
            static_cast<void>(co_await failing.result());
        } catch (const remote_error& e) {
            error = e;
        }
        check(error.has_value(), "the failure came");
        check(error && error->type() == "zproc::remote_error", "as that of the middle process");
        check(error && error->pid() == failing.pid(), "whose pid it has");
        check(error && error->report().causes.size() == 1 &&
                  error->report().causes[0].text == "deep down",
              "with the cause");
    }));
}

BOOST_AUTO_TEST_CASE(result_throws_what_ended_the_process)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto thrower = co_await ctx.spawn(spawn_options{}.name("thrower"), fail, "boom");
        std::string what;
        std::vector<std::string> stack;
        try {
            static_cast<void>(co_await thrower.result());
        } catch (const remote_error& e) {
            what = e.what();
            stack = e.stack();
        }
        check(what == "process 'thrower' (pid " + std::to_string(thrower.pid()) +
                          ") threw std::runtime_error: boom",
              "remote_error says who threw what");
        check(!stack.empty() && stack.front().find("fail(") != std::string::npos,
              "and where (this program links zproc::throw_sites)");

        auto exiter = co_await ctx.spawn([]() -> int { throw process_exit{7}; });
        int code = 0;
        try {
            static_cast<void>(co_await exiter.result());
        } catch (const process_exited& e) {
            code = e.code();
        }
        check(code == 7, "process_exited has the code");

        auto killed = co_await ctx.spawn(sleep_for_ever);
        check(!killed.terminate(), "it can be killed");
        int number = 0;
        try {
            co_await killed.result();
        } catch (const process_crashed& e) {
            number = e.signal();
        }
        check(number == SIGKILL, "process_crashed has the signal");
        check(killed.terminate() == errc::process_gone, "it is gone");
    }));
}

BOOST_AUTO_TEST_CASE(wait_says_how_it_ended_and_can_be_given_up)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        auto sleeper = co_await ctx.spawn(sleep_for_ever);
        asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
        const auto first =
            co_await (sleeper.wait(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
        check(first.index() == 1, "the time was up first");
        check(sleeper.running(), "the process did not notice");

        check(!sleeper.request_exit(), "it can be asked");
        const exit_info info = co_await sleeper.wait();
        check(info.signal == SIGTERM, "it ended by the signal that asked");
        check(!info.error && !info.crash, "which is no failure");
    }));
}

BOOST_AUTO_TEST_CASE(stop_ends_it_within_the_grace_period)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto willing = co_await ctx.spawn(sleep_for_ever);
        co_await willing.stop(10s);
        check(!willing.running(), "it has ended");
        check((co_await willing.wait()).signal == SIGTERM, "because it was asked");

        auto unwilling = co_await ctx.spawn([] {
            ::signal(SIGTERM, SIG_IGN);
            const auto said = ::write(1, "ignoring\n", 9);
            for (;;)
                ::pause();
            return said;
        });
        co_await unwilling.stop(50ms);
        const exit_info info = co_await unwilling.wait();
        check(info.signal == SIGKILL || info.signal == SIGTERM, "because it had to");
    }));
}

BOOST_AUTO_TEST_CASE(stop_in_the_middle_of_a_mutation_is_no_failure)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        for (int i = 0; i != 20; ++i) {
            co_await state.set("n", 0);
            auto counting = state.when("n", [](const value& n) { return n.get<int>() >= 20; });
            auto writer = co_await ctx.spawn(count_for_ever);
            static_cast<void>(co_await counting.next());
            check(!writer.request_exit(), "asked to end");
            const exit_info info = co_await writer.wait();
            check(info.signal == SIGTERM && !info.error, "it ended because it was asked");
        }
    }));
}

BOOST_AUTO_TEST_CASE(native_handle_is_readable_at_the_end)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(own_pid);
        static_cast<void>(co_await p.wait());
        pollfd ended{p.native_handle(), POLLIN, 0};
        check(::poll(&ended, 1, 1000) == 1, "the pidfd says so too");
    }));
}

BOOST_AUTO_TEST_CASE(spawn_takes_directory_and_environment_along)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        std::filesystem::current_path("/");
        auto p = co_await ctx.spawn(directory);
        check(co_await p.result() == "/", "it works where its owner does");

        ::setenv("ZPROC_TEST_VARIABLE", "a value", 1);
        auto reader = co_await ctx.spawn([]() -> std::string {
            const char* const value = std::getenv("ZPROC_TEST_VARIABLE");
            return value != nullptr ? value : "";
        });
        check(co_await reader.result() == "a value", "it sees what its owner sees");

        ::umask(027);
        auto mask = co_await ctx.spawn([]() -> int { return static_cast<int>(::umask(0)); });
        check(co_await mask.result() == 027, "it makes files as its owner does");
    }));
}

BOOST_AUTO_TEST_CASE(spawn_and_wait_say_that_the_supervisor_is_lost)
{
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        static_cast<void>(co_await ctx.ping()); // the state is lost, too
        auto sleeper = co_await ctx.spawn(sleep_for_ever);
        ::kill(supervision::current()->supervisor, SIGKILL);
        error_code ec;
        static_cast<void>(co_await sleeper.wait(asio::redirect_error(asio::use_awaitable, ec)));
        check(ec == errc::supervisor_lost, "wait");
        static_cast<void>(
            co_await ctx.spawn(own_pid, asio::redirect_error(asio::use_awaitable, ec)));
        check(ec == errc::supervisor_lost, "spawn");
        static_cast<void>(co_await ctx.ping(asio::redirect_error(asio::use_awaitable, ec)));
        check(ec == errc::supervisor_lost, "ping");
    }));
}

BOOST_AUTO_TEST_CASE(spawn_is_refused_to_who_has_given_up_rights)
{
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("only root has rights to give up");
        return;
    }
    BOOST_TEST(holds([](zproc::context ctx, checks& check) -> asio::awaitable<void> {
        constexpr uid_t nobody = 65534;
        check(::seteuid(nobody) == 0, "it is somebody else now");
        error_code ec;
        try {
            static_cast<void>(co_await ctx.spawn(own_pid));
        } catch (const system_error& e) {
            ec = e.code();
        }
        check(::seteuid(0) == 0, "and itself again");
        check(ec == boost::system::errc::operation_not_permitted, "it was refused");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
