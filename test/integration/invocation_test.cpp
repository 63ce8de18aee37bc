// Spawned processes from both ends of their channel, without a supervisor: a plain fork takes its
// place, so that what fails here is not its fault.

#include "supervisor/channel.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/invocation.hpp"
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
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZPROC_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ZPROC_TEST_SANITIZED 1
#endif
#endif

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;

/// A spawned process whose supervisor is this test.
class forked {
public:
    template <class F, class... A>
    explicit forked(F f, A&&... a)
    {
        const auto call = detail::make_call(f, std::forward<A>(a)...);
        core_ = std::make_shared<detail::process_core>(io_.get_executor(), nullptr, call.name,
                                                       call.name);
        error_code ec;
        const int channel = core_->open_channel(call, "settings", ec);
        BOOST_REQUIRE(!ec);
        BOOST_REQUIRE(::pipe2(output_, O_CLOEXEC) == 0);
        pid_ = ::fork();
        if (pid_ == 0)
            be_child(channel);
        ::close(channel);
        ::close(output_[1]);
        core_->started(1, pid_, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    }

    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;

    ~forked()
    {
        end();
        ::close(output_[0]);
    }

    /// What it wrote to standard error and output, until it closed them.
    std::string output()
    {
        std::string text;
        char buffer[4096];
        for (ssize_t got = 0; (got = ::read(output_[0], buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(got));
        return text;
    }

    /// Waits for its first line.
    std::string line()
    {
        std::string text;
        char c = 0;
        while (::read(output_[0], &c, 1) == 1 && c != '\n')
            text.push_back(c);
        return text;
    }

    void end()
    {
        if (reaped_)
            return;
        reaped_ = true;
        int status = 0;
        BOOST_REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        supervision::exit_report report;
        report.signalled = WIFSIGNALED(status);
        report.number = report.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
        core_->exited(report);
    }

    template <class R = void>
    process<R> handle() const
    {
        return process<R>(core_);
    }

    template <class R>
    R result()
    {
        auto future = handle<R>().result(asio::use_future);
        end();
        io_.restart();
        io_.run();
        return future.get();
    }

    exit_info wait()
    {
        auto future = handle().wait(asio::use_future);
        end();
        io_.restart();
        io_.run();
        return future.get();
    }

    pid_t pid() const { return pid_; }
    asio::io_context& io() { return io_; }
    detail::process_core& core() { return *core_; }

private:
    [[noreturn]] void be_child(int channel)
    {
        ::dup2(output_[1], STDOUT_FILENO);
        ::dup2(output_[1], STDERR_FILENO);
        // The test framework has handlers of its own; spawned processes begin without.
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
            ::signal(number, SIG_DFL);
        supervision::child_start start;
        start.descriptors = {channel};
        ::_exit(supervision::function_entry(start));
    }

    asio::io_context io_;
    std::shared_ptr<detail::process_core> core_;
    int output_[2] = {-1, -1};
    pid_t pid_ = -1;
    bool reaped_ = false;
};

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

void nothing() {}

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

void die_by(int number)
{
    ::raise(number);
}

[[maybe_unused]] void write_to_nowhere()
{
    volatile int* const nowhere = reinterpret_cast<int*>(0x10);
    *nowhere = 1;
}

[[maybe_unused]] int recurse(int depth) // NOLINT: it is meant to run over
{
    volatile char room[1024];
    room[0] = static_cast<char>(depth);
    return depth == -1 ? 0 : recurse(depth + 1) + room[0];
}

[[gnu::noinline]] int fail_anywhere()
{
    throw std::runtime_error("not allowed here");
}

[[maybe_unused]] int fail_where_nothing_may() noexcept
{
    return fail_anywhere();
}

asio::awaitable<std::string> until_stopped()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
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

/// What result() throws, if it is of that kind.
template <class Error, class R>
std::optional<Error> thrown_by(forked& child)
{
    try {
        static_cast<void>(child.result<R>());
    } catch (const Error& e) {
        return e;
    }
    return std::nullopt;
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

BOOST_AUTO_TEST_CASE(result_throws_process_crashed_when_a_signal_ended_it)
{
    for (const int number : {SIGKILL, SIGHUP, SIGTERM}) {
        forked child(die_by, number);
        const auto error = thrown_by<process_crashed, void>(child);
        BOOST_REQUIRE(error.has_value());
        BOOST_TEST(error->signal() == number);
        BOOST_TEST(!error->info().crash.has_value());
    }
}

#ifndef ZPROC_TEST_SANITIZED // a sanitizer's handlers stay, and report in their own way

BOOST_AUTO_TEST_CASE(crash_is_reported_with_signal_and_stack)
{
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        forked child(die_by, number);
        const auto error = thrown_by<process_crashed, void>(child);
        BOOST_REQUIRE(error.has_value());
        BOOST_TEST(error->signal() == number);
        BOOST_REQUIRE(error->info().crash.has_value());
        BOOST_TEST(error->info().crash->signal == number);
        bool named = false;
        for (const auto& line : error->info().crash->stack)
            named = named || line.find("die_by(int)") != std::string::npos;
        BOOST_TEST(named);
        BOOST_TEST(child.output().find("zproc: process 'die_by'") == 0u);
    }
}

BOOST_AUTO_TEST_CASE(crash_is_reported_with_the_address_of_a_fault)
{
    forked child(write_to_nowhere);
    const auto error = thrown_by<process_crashed, void>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGSEGV);
    BOOST_REQUIRE(error->info().crash.has_value());
    BOOST_TEST(error->info().crash->address == 0x10u);
    BOOST_REQUIRE(!error->info().crash->stack.empty());
    BOOST_TEST(error->info().crash->stack[0].find("write_to_nowhere()") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(crash_is_reported_when_the_stack_ran_over)
{
    forked child(recurse, 0);
    const auto error = thrown_by<process_crashed, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGSEGV);
    BOOST_TEST(error->info().crash.has_value());
}

BOOST_AUTO_TEST_CASE(crash_names_the_exception_that_nobody_may_throw)
{
    forked child(fail_where_nothing_may);
    const auto error = thrown_by<process_crashed, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGABRT);
    BOOST_REQUIRE(error->info().error.has_value());
    BOOST_TEST(error->info().error->text == "not allowed here");
}

#endif

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
    auto core = std::make_shared<detail::process_core>(asio::system_executor(), nullptr, "x", "add");
    error_code ec;
    const int channel = core->open_channel(call, "", ec);
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
    const auto info = core->ended();
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST((info->code == 1));
    BOOST_REQUIRE(info->error.has_value());
    BOOST_TEST(info->error->text.find(make_error_code(errc::unknown_function).message()) !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
