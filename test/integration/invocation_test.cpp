// Spawned processes from both ends of their channel, without a supervisor: a plain fork takes its
// place, so that what fails here is not its fault.

#include "supervisor/invocation.hpp"

#include "integration/forked_process.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/messages.hpp"

#include <zproc/error.hpp>
#include <zproc/process.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::forked;
using zproc::test::thrown_by;

// ---- what runs in them

int add(int a, int b)
{
    return a + b;
}

std::string echo(const std::string& text)
{
    return text;
}

std::size_t length(std::string_view text) noexcept
{
    return text.size();
}

void nothing()
{
}

asio::awaitable<int> slow_add(int a, int b)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return a + b;
}

asio::awaitable<std::string> slow_echo(const std::string& text)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return text;
}

asio::awaitable<int> fail_slowly(std::string text)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    throw std::runtime_error(text);
}

int fail_nested()
{
    try {
        throw std::out_of_range("the cause");
    } catch (...) {
        std::throw_with_nested(std::logic_error("the effect"));
    }
}

int leave_with(int code)
{
    throw process_exit{code};
}

asio::awaitable<int> leave_slowly_with(int code)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    throw process_exit{code};
}

int leave_silently(int code)
{
    ::_exit(code);
}

asio::awaitable<std::string> until_stopped()
{
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    std::puts("waiting");
    std::fflush(stdout);
    co_await timer.async_wait(asio::use_awaitable);
    co_return "never";
}

asio::awaitable<std::string> tidy_up_when_stopped()
{
    try {
        co_await until_stopped();
    } catch (const system_error&) {
    }
    co_return "tidied up";
}

/// Does not heed being asked.
void busy()
{
    std::puts("waiting");
    std::fflush(stdout);
    for (;;)
        ::pause();
}

asio::awaitable<void> busy_coroutine()
{
    busy();
    co_return;
}

asio::awaitable<void> await_what_is_gone()
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [](auto handler) { static_cast<void>(handler); }, asio::use_awaitable);
}

struct alarmed {
    ~alarmed() { std::puts("static destructor"); }
};

/// Whether the process has been sent a signal that has not come through yet.
bool is_pending(pid_t pid, int number)
{
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("ShdPnd:"))
            return (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1) != 0;
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(invocation)

BOOST_AUTO_TEST_CASE(result_is_what_the_function_returned)
{
    BOOST_TEST(forked(add, 2, 3).result<int>() == 5);
    BOOST_TEST(forked(length, "four").result<std::size_t>() == 4u);
    BOOST_TEST(forked(slow_add, 2, 3).result<int>() == 5);
    BOOST_TEST(forked(slow_echo, "text").result<std::string>() == "text");
    BOOST_TEST(forked([](int a) { return a * 2; }, 21).result<int>() == 42);
    BOOST_TEST(forked([](std::string s) -> asio::awaitable<std::string> { co_return s + "!"; }, "a")
                   .result<std::string>() == "a!");
    forked(nothing).result<void>();
}

BOOST_AUTO_TEST_CASE(result_crosses_whatever_its_size)
{
    const std::string large(std::size_t{5} << 20, 'x');
    BOOST_TEST((forked(echo, large).result<std::string>() == large));
}

BOOST_AUTO_TEST_CASE(result_fails_when_it_is_above_the_limit)
{
    forked child([] { return std::string(supervision::max_packet_body, 'x'); });
    const auto error = thrown_by<remote_error, std::string>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->text().find("result") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(result_does_not_wait_for_who_holds_the_channel_open)
{
    // A process that outlives it, with all its descriptors.
    forked child([] {
        const pid_t daemon = ::fork();
        if (daemon == 0)
            for (;;)
                ::pause();
        return daemon;
    });
    const auto daemon = child.result<pid_t>();
    BOOST_TEST(daemon > 0);
    ::kill(daemon, SIGKILL);
}

BOOST_AUTO_TEST_CASE(result_throws_what_the_function_threw)
{
    forked child(fail_slowly, "no cookies left");
    const auto error = thrown_by<remote_error, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->type() == "std::runtime_error");
    BOOST_TEST(error->text() == "no cookies left");
    BOOST_TEST(error->pid() == child.pid());
    BOOST_TEST(error->process_name() == "fail_slowly");
    BOOST_TEST(error->what() == "process 'fail_slowly' (pid " + std::to_string(child.pid()) +
                                    ") threw std::runtime_error: no cookies left");

    const auto info = child.wait();
    BOOST_TEST((info.code == 1));
    BOOST_REQUIRE(info.error.has_value());
    const auto printed = child.output();
    BOOST_TEST(printed.find("zproc: process 'fail_slowly'") == 0u);
    BOOST_TEST(printed.find("std::runtime_error: no cookies left") != std::string::npos);
    BOOST_TEST(printed.find("spawned by pid " + std::to_string(::getpid())) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(result_says_where_it_was_thrown)
{
    forked child(fail_slowly, "x");
    const auto error = thrown_by<remote_error, int>(child);
    BOOST_REQUIRE(error.has_value());
    if (error->stack().empty()) { // the component is not linked: it says how to get it
        BOOST_TEST(error->report().stack_note.find("zproc::throw_sites") != std::string::npos);
        return;
    }
    BOOST_TEST(error->stack().front().find("fail_slowly") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(result_throws_nested_causes)
{
    forked child(fail_nested);
    const auto error = thrown_by<remote_error, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->text() == "the effect");
    BOOST_REQUIRE(error->report().causes.size() == 1u);
    BOOST_TEST(error->report().causes[0].type == "std::out_of_range");
    BOOST_TEST(error->report().causes[0].text == "the cause");
}

BOOST_AUTO_TEST_CASE(process_exit_ends_with_its_code)
{
    forked plain(leave_with, 7);
    const auto error = thrown_by<process_exited, int>(plain);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->code() == 7);
    BOOST_TEST((plain.wait().code == 7));
    BOOST_TEST(plain.output() == "");

    forked coroutine(leave_slowly_with, 8);
    BOOST_TEST((coroutine.wait().code == 8));

    // Ended well, but there is no value.
    forked well(leave_with, 0);
    BOOST_TEST((thrown_by<process_exited, int>(well).has_value()));
    forked nothing_to_give(leave_with, 0);
    nothing_to_give.result<void>();
}

BOOST_AUTO_TEST_CASE(result_throws_process_exited_when_it_left_silently)
{
    forked child(leave_silently, 9);
    const auto error = thrown_by<process_exited, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->code() == 9);
}

BOOST_AUTO_TEST_CASE(stop_signal_cancels_the_coroutine)
{
    for (const int number : {SIGINT, SIGTERM}) {
        forked child(until_stopped);
        BOOST_TEST(child.line() == "waiting");
        BOOST_TEST(!child.handle().signal(number));
        const auto info = child.wait();
        BOOST_TEST((info.signal == number));
        BOOST_TEST(!info.error.has_value());
        BOOST_TEST(child.output() == "");
    }
}

BOOST_AUTO_TEST_CASE(stop_signal_lets_the_coroutine_finish)
{
    forked child(tidy_up_when_stopped);
    BOOST_TEST(child.line() == "waiting");
    // The first of either; both are one request.
    BOOST_TEST(!child.handle().request_exit());
    BOOST_TEST(child.result<std::string>() == "tidied up");
}

BOOST_AUTO_TEST_CASE(stop_signal_ends_a_plain_function)
{
    forked child(busy);
    BOOST_TEST(child.line() == "waiting");
    BOOST_TEST(!child.handle().request_exit());
    BOOST_TEST((child.wait().signal == SIGTERM));
}

BOOST_AUTO_TEST_CASE(interrupt_twice_ends_who_does_not_heed)
{
    // Its parent here counts as its supervisor, so somebody else has to insist.
    forked child(busy_coroutine);
    BOOST_TEST(child.line() == "waiting");
    const auto insist = [&] {
        const pid_t other = ::fork();
        if (other == 0)
            ::_exit(::kill(child.pid(), SIGINT));
        ::waitpid(other, nullptr, 0);
    };
    BOOST_TEST(!child.handle().request_exit());
    BOOST_TEST(!child.handle().request_exit()); // the supervisor may repeat itself
    insist();
    while (is_pending(child.pid(), SIGINT)) // two that wait together are one
        std::this_thread::yield();
    insist();
    BOOST_TEST((child.wait().signal == SIGINT));
}

BOOST_AUTO_TEST_CASE(result_throws_when_the_coroutine_waits_for_what_is_gone)
{
    forked child(await_what_is_gone);
    const auto error = thrown_by<remote_error, void>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->text().find("no longer happen") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(end_flushes_stdio_and_runs_no_exit_handlers)
{
    forked child([] {
        static alarmed destroyed_at_exit;
        std::atexit([] { std::puts("exit handler"); });
        std::printf("unfinished line");
    });
    child.end();
    BOOST_TEST(child.output() == "unfinished line");
}

BOOST_AUTO_TEST_CASE(start_discards_what_the_program_had_not_written)
{
    std::printf("of the test itself, ");
    forked child([] { std::printf("of the process"); });
    child.end();
    BOOST_TEST(child.output() == "of the process");
    std::fflush(stdout);
}

BOOST_AUTO_TEST_CASE(start_fails_for_a_function_it_does_not_know)
{
    // As if the owner were another build.
    auto call = detail::make_call(add, 1, 2);
    call.function.stub.offset += 4;
    auto core =
        std::make_shared<detail::process_core>(asio::system_executor(), nullptr, "x", "add");
    error_code ec;
    const int channel = core->open_channel(call, {}, "", ec).front();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(STDERR_FILENO);
        supervision::child_start start;
        start.descriptors = {channel};
        ::_exit(supervision::function_entry(start));
    }
    ::close(channel);
    core->started(1, pid, -1);
    int status = 0;
    ::waitpid(pid, &status, 0);
    supervision::exit_report report;
    report.number = WEXITSTATUS(status);
    core->exited(report);
    const auto info = core->last_exit();
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST((info->code == 1));
    BOOST_REQUIRE(info->error.has_value());
    BOOST_TEST(info->error->text.find(make_error_code(errc::unknown_function).message()) !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
