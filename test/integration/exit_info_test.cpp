// A process that ends in every way there is; its first argument says how. Every field of what its
// owner is told must be exact.

#include "integration/program.hpp"
#include "supervisor/sanitized.hpp"
#include "support/sandbox.hpp"

#include <zproc/process.hpp>

#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

using zproc::supervision::sanitized;

constexpr std::size_t mebibyte = 1 << 20;

int recurse(int depth) // NOLINT: it is meant to run over
{
    volatile char room[1024];
    room[0] = static_cast<char>(depth);
    return depth == -1 ? 0 : recurse(depth + 1) + room[0];
}

void throw_nested()
{
    try {
        throw std::out_of_range("the cause");
    } catch (...) {
        std::throw_with_nested(std::runtime_error("the consequence"));
    }
}

std::chrono::microseconds own_time(timeval rusage::* which)
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return std::chrono::seconds((used.*which).tv_sec) +
           std::chrono::microseconds((used.*which).tv_usec);
}

void fill_stderr()
{
    const std::string line(1023, 'e');
    for (std::size_t i = 0; i != mebibyte / 1024; ++i)
        if (::write(2, (line + '\n').data(), 1024) != 1024)
            throw std::runtime_error("cannot write");
}

[[noreturn]] void allow_core_and_abort()
{
    rlimit most{};
    ::getrlimit(RLIMIT_CORE, &most);
    most.rlim_cur = most.rlim_max;
    ::setrlimit(RLIMIT_CORE, &most);
    ::signal(SIGABRT, SIG_DFL); // to the point
    std::abort();
}

/// The child: "<what> [<number>]".
int act_out(const std::string& role)
{
    std::istringstream words(role);
    std::string what;
    int number = 0;
    words >> what >> number;

    if (what == "return")
        return number;
    if (what == "exit")
        throw process_exit{number};
    if (what == "_exit")
        ::_exit(number);
    if (what == "throw")
        throw std::runtime_error("as told");
    if (what == "throw-nested")
        throw_nested();
    if (what == "throw-int")
        throw number;
    if (what == "raise") {
        ::raise(number);
        // A real-time signal may take a moment.
        ::pause();
    }
    if (what == "fault")
        *reinterpret_cast<volatile int*>(static_cast<std::uintptr_t>(number)) = 1;
    if (what == "overflow")
        return recurse(0);
    if (what == "core")
        allow_core_and_abort();
    if (what == "burn")
        while (own_time(&rusage::ru_utime) < std::chrono::milliseconds(number)) {}
    if (what == "call")
        while (own_time(&rusage::ru_stime) < std::chrono::milliseconds(number))
            static_cast<void>(std::filesystem::exists("/proc/self/status"));
    if (what == "touch") {
        const auto size = static_cast<std::size_t>(number) * mebibyte;
        const auto memory = std::make_unique<char[]>(size);
        std::fill_n(memory.get(), size, 'x');
        return *std::max_element(memory.get(), memory.get() + size) - 'x';
    }
    if (what == "sleep")
        ::usleep(static_cast<useconds_t>(number) * 1000);
    if (what == "fill-stderr")
        fill_stderr();
    return 0;
}

/// Ignores SIGTERM, says so in the state, and stays.
asio::awaitable<void> ignore(context ctx)
{
    ::signal(SIGTERM, SIG_IGN);
    co_await ctx.state().set("ignoring", true);
    for (;;)
        ::pause();
}

asio::awaitable<exit_info> end_of(context ctx, std::string role)
{
    auto child = co_await ctx.spawn(act_out, role);
    co_return co_await child.wait();
}

/// What holds of every end.
void check_form(checks& check, const exit_info& info)
{
    check(info.code.has_value() != info.signal.has_value(), "either a code or a signal");
    check(info.success() == (info.code == 0), "success is code 0");
    check(info.restarts == 0, "it was not started again");
    check(info.usage.max_resident_bytes > 0, "it took some memory");
    const auto number = info.code ? std::to_string(*info.code)
                        : ::sigabbrev_np(*info.signal) != nullptr
                            ? std::string("SIG") + ::sigabbrev_np(*info.signal)
                            : std::to_string(*info.signal);
    check(info.reason.find(number) != std::string::npos, "the reason names it");
    check((info.reason.find("core") != std::string::npos) == info.core, "and a core file");
    std::ostringstream text;
    text << info;
    check(text.str() == info.reason, "it is printed as its reason");
}

bool ends_a_process(int number)
{
    for (const int harmless :
         {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU})
        if (number == harmless)
            return false;
    return true;
}

bool is_reported(int number)
{
    for (const int reported : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
        if (number == reported)
            return true;
    return false;
}

/// A sanitizer keeps its own handlers of these.
bool is_the_sanitizers(int number)
{
    return sanitized && (is_reported(number) || number == SIGTRAP);
}

std::vector<int> signals_that_end()
{
    std::vector<int> all;
    for (int number = 1; number != 32; ++number)
        if (ends_a_process(number) && !is_the_sanitizers(number))
            all.push_back(number);
    for (const int number : {SIGRTMIN, SIGRTMIN + 5, SIGRTMAX})
        all.push_back(number);
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(exit_infos)

BOOST_AUTO_TEST_CASE(wait_tells_the_code_however_it_was_given)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        for (const int code : {0, 1, 2, 9, 15, 126, 127, 128, 137, 255}) {
            for (const char* way : {"exit ", "_exit "}) {
                const auto role = way + std::to_string(code);
                const exit_info info = co_await end_of(ctx, role);
                check_form(check, info);
                check(info.code == code, role.c_str());
                check(!info.error && !info.crash && !info.core, "and nothing else");
            }
            const auto returning = "return " + std::to_string(code);
            const exit_info info = co_await end_of(ctx, returning);
            check(info.code == 0, "what a function returns is no code");
        }
    }));
}

BOOST_AUTO_TEST_CASE(wait_tells_the_signal_for_each_that_ends_a_process)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        for (const int number : signals_that_end()) {
            const auto role = "raise " + std::to_string(number);
            const exit_info info = co_await end_of(ctx, role);
            check_form(check, info);
            check(info.signal == number, role.c_str());
            check(!info.core && !info.error, "without a core file where none is allowed");
            check(info.crash.has_value() == is_reported(number), "faults are reported");
            if (info.crash) {
                check(info.crash->signal == number, "with their signal");
                check(info.crash->code == SI_TKILL, "raised by itself");
                check(info.crash->address == 0, "which has no address");
                check(!info.crash->stack.empty(), "and where");
            }
        }
    }));
}

BOOST_AUTO_TEST_CASE(wait_tells_the_exception)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const std::string named = "thrower";
        for (const std::string role : {"throw", "throw-nested", "throw-int 5"}) {
            auto child = co_await ctx.spawn(spawn_options{}.name(named), act_out, role);
            const exit_info info = co_await child.wait();
            check_form(check, info);
            check(info.code == 1 && !info.crash && !info.core, "code 1");
            check(info.error.has_value(), "an error");
            if (!info.error)
                continue;
            check(info.error->pid == child.pid() && info.error->process == named, "of whom");
            const bool nested = role == "throw-nested";
            check(info.error->causes.size() == (nested ? 1u : 0u), "its causes");
            if (nested) {
                check(info.error->text == "the consequence", "the outer text");
                check(info.error->causes[0].type == "std::out_of_range", "the cause's type");
                check(info.error->causes[0].text == "the cause", "the cause's text");
            } else if (role == "throw") {
                check(info.error->type == "std::runtime_error", "its type");
                check(info.error->text == "as told", "its text");
                check(!info.error->stack.empty(), "and where it was thrown");
            } else {
                check(info.error->type == "int" && info.error->text.empty(), "an int has no text");
            }
        }
    }));
}

BOOST_AUTO_TEST_CASE(wait_tells_the_fault)
{
    if (sanitized)
        return; // it reports in its own way
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const exit_info fault = co_await end_of(ctx, "fault 4080");
        check_form(check, fault);
        check(fault.signal == SIGSEGV && fault.crash, "a fault");
        check(fault.crash && fault.crash->address == 4080, "its address");
        check(fault.crash && fault.crash->code == SEGV_MAPERR, "its code");
        check(fault.crash && !fault.crash->stack.empty() &&
                  fault.crash->stack.front().find("act_out") != std::string::npos,
              "its place");

        const exit_info overflow = co_await end_of(ctx, "overflow");
        check_form(check, overflow);
        check(overflow.signal == SIGSEGV && overflow.crash, "a stack that ran over");
        check(overflow.crash && overflow.crash->address != 0, "somewhere");
    }));
}

BOOST_AUTO_TEST_CASE(wait_tells_of_a_core_file_when_there_is_one)
{
    std::string pattern;
    std::ifstream("/proc/sys/kernel/core_pattern") >> pattern;
    if (sanitized || pattern.find_first_of("|/") != std::string::npos) {
        BOOST_TEST_MESSAGE("where core files go to cannot be seen here: " << pattern);
        return;
    }
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto place = zproc::test::sandbox::directory() / "core files";
        std::filesystem::create_directory(place);
        std::filesystem::current_path(place);
        const exit_info info = co_await end_of(ctx, "core");
        check_form(check, info);
        check(info.signal == SIGABRT, "aborted");
        check(info.core == !std::filesystem::is_empty(place), "a core file, if it is there");
        std::filesystem::current_path("/");
        std::filesystem::remove_all(place);
    }));
}

BOOST_AUTO_TEST_CASE(wait_tells_what_was_used)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const exit_info nothing = co_await end_of(ctx, "sleep 300");
        check(nothing.success() && nothing.usage.user_time + nothing.usage.system_time < 200ms,
              "who sleeps uses nothing");
        const exit_info user = co_await end_of(ctx, "burn 200");
        check(user.usage.user_time >= 200ms && user.usage.user_time < 1s, "user time");
        const exit_info system = co_await end_of(ctx, "call 100");
        check(system.usage.system_time >= 100ms && system.usage.system_time < 1s, "system time");
        const exit_info memory = co_await end_of(ctx, "touch 64");
        check(memory.success(), "it touched");
        check(memory.usage.max_resident_bytes >= 64 * mebibyte, "as much as it touched");
        check(memory.usage.max_resident_bytes >= nothing.usage.max_resident_bytes + 32 * mebibyte,
              "more than others");
    }));
}

BOOST_AUTO_TEST_CASE(stop_of_one_that_ignores_it_is_told_as_a_kill)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto ignoring = ctx.state().when_available("ignoring");
        auto child = co_await ctx.spawn(ignore);
        static_cast<void>(co_await ignoring.next());
        check(!child.request_exit(), "asked");
        const auto begun = std::chrono::steady_clock::now();
        co_await child.stop(100ms);
        check(std::chrono::steady_clock::now() - begun >= 100ms, "it had its grace");
        const exit_info info = co_await child.wait();
        check_form(check, info);
        check(info.signal == SIGKILL && !info.crash && !info.error, "killed, and no crash");
    }));
}

BOOST_AUTO_TEST_CASE(a_full_or_closed_stderr_does_not_change_what_is_told)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const int kept = ::dup(2);
        const auto path = zproc::test::sandbox::directory() / "stderr";
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ::dup2(file, 2);
        const exit_info full = co_await end_of(ctx, "fill-stderr");
        ::dup2(kept, 2);
        ::close(file);
        check(full.success() && !full.error, "it wrote a mebibyte");
        check(std::filesystem::file_size(path) == mebibyte, "all of which is there");
        std::filesystem::remove(path);

        int ends[2];
        check(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
        ::close(ends[0]);
        ::dup2(ends[1], 2);
        ::close(ends[1]);
        const exit_info closed = co_await end_of(ctx, "fill-stderr");
        const exit_info thrown = co_await end_of(ctx, "throw");
        const exit_info aborted = co_await end_of(ctx, "raise 6");
        ::dup2(kept, 2);
        ::close(kept);
        check(closed.signal == SIGPIPE && !closed.error, "nobody reads it: SIGPIPE");
        check(thrown.code == 1 && thrown.error, "a report that cannot be written is still told");
        check(sanitized || (aborted.signal == SIGABRT && aborted.crash), "so is a crash");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
