// Ctrl-C, as a person types it: through a pseudo-terminal.

#include "integration/forked_root.hpp"
#include "support/processes.hpp"

#include <zproc/run.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace asio = boost::asio;
using zproc::context;
using zproc::test::say;

namespace {

/// A program whose terminal is in the test's hands.
class on_a_terminal {
public:
    explicit on_a_terminal(int (*main)())
    {
        terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        BOOST_REQUIRE(terminal_ >= 0 && ::grantpt(terminal_) == 0 && ::unlockpt(terminal_) == 0);
        const std::string name = ::ptsname(terminal_);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setsid();
            const int own = ::open(name.c_str(), O_RDWR);
            ::ioctl(own, TIOCSCTTY, 0);
            for (int number = 0; number != 3; ++number)
                ::dup2(own, number);
            if (own > 2)
                ::close(own);
            ::alarm(60);
            ::_exit(main());
        }
    }
    on_a_terminal(const on_a_terminal&) = delete;
    on_a_terminal& operator=(const on_a_terminal&) = delete;

    ~on_a_terminal()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(terminal_);
    }

    void type(char what) const { BOOST_REQUIRE(::write(terminal_, &what, 1) == 1); }

    /// Reads until the text has come so often.
    bool shows(const std::string& text, int times = 1)
    {
        for (;;) {
            int found = 0;
            for (auto at = shown_.find(text); at != shown_.npos; at = shown_.find(text, at + 1))
                ++found;
            if (found >= times)
                return true;
            pollfd readable{terminal_, POLLIN, 0};
            char part[512];
            if (::poll(&readable, 1, 10'000) != 1)
                return false;
            const auto size = ::read(terminal_, part, sizeof part);
            if (size <= 0) // EIO: nobody has it open any more
                return false;
            shown_.append(part, static_cast<std::size_t>(size));
        }
    }

    /// The status of the root when all output has come.
    int wait()
    {
        shows("never shown");
        int status = -1;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }

    const std::string& shown() const { return shown_; }

private:
    int terminal_ = -1;
    pid_t pid_ = -1;
    std::string shown_;
};

asio::awaitable<void> sleep_for_ever()
{
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

asio::awaitable<void> leaf(context)
{
    say("up", ::getpid());
    co_await sleep_for_ever();
}

asio::awaitable<void> branch(context ctx)
{
    auto below = co_await ctx.spawn(&leaf);
    say("up", ::getpid());
    co_await sleep_for_ever();
}

void deaf()
{
    ::signal(SIGINT, SIG_IGN);
    say("up", ::getpid());
    for (;;)
        ::pause();
}

int tree()
{
    return zproc::run([](context ctx) -> asio::awaitable<void> {
        auto one = co_await ctx.spawn(&branch);
        auto two = co_await ctx.spawn(&deaf);
        say("up", ::getpid());
        try {
            co_await sleep_for_ever();
        } catch (const boost::system::system_error& e) {
            if (e.code() == asio::error::operation_aborted)
                say("cancelled", 1);
            throw;
        }
    });
}

void stubborn()
{
    ::signal(SIGTERM, SIG_IGN);
    deaf();
}

int tree_with_a_stubborn_one()
{
    return zproc::run(
        [](context ctx) -> asio::awaitable<void> {
            auto one = co_await ctx.spawn(&stubborn);
            say("ready", ::getpid()); // what is cancelled from here on is its sleep
            try {
                co_await sleep_for_ever();
            } catch (...) {
                say("cancelled", 1);
                throw;
            }
        },
        zproc::context_options().grace(std::chrono::seconds(1)));
}

int own_handler()
{
    // A program that has its own idea of SIGINT, and does not use run().
    static volatile sig_atomic_t interrupts = 0;
    ::signal(SIGINT, [](int) { interrupts = interrupts + 1; });
    asio::io_context io;
    context ctx(io);
    bool over = false;
    ctx.spawn(&deaf, [&](zproc::error_code ec, const zproc::process<>&) { over = bool(ec); });
    while (interrupts == 0 && !over)
        io.run_one_for(std::chrono::milliseconds(10));
    say("handled", interrupts);
    ctx.shutdown(std::chrono::milliseconds(300), [&](zproc::error_code) { over = true; });
    io.restart();
    while (!over)
        io.run_one();
    return 7;
}

} // namespace

BOOST_AUTO_TEST_SUITE(terminal)

BOOST_AUTO_TEST_CASE(ctrl_c_cancels_the_root_and_ends_all_processes)
{
    on_a_terminal program(&tree);
    BOOST_REQUIRE(program.shows("up ", 4));
    program.type('\x03');
    const int status = program.wait();
    BOOST_TEST_INFO(program.shown());
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 128 + SIGINT);
    BOOST_TEST(program.shown().find("cancelled 1") != std::string::npos);
    // Asked to end, nobody complains.
    BOOST_TEST(program.shown().find("zproc:") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(second_ctrl_c_ends_the_root_at_once_and_the_supervisor_cleans_up)
{
    on_a_terminal program(&tree_with_a_stubborn_one);
    BOOST_REQUIRE(program.shows("up "));
    BOOST_REQUIRE(program.shows("ready "));
    program.type('\x03');
    BOOST_REQUIRE(program.shows("cancelled 1"));
    program.type('\x03');
    const int status = program.wait(); // until nobody has the terminal open
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(WTERMSIG(status) == SIGINT);
}

BOOST_AUTO_TEST_CASE(handler_of_the_program_is_respected)
{
    on_a_terminal program(&own_handler);
    BOOST_REQUIRE(program.shows("up "));
    program.type('\x03');
    const int status = program.wait();
    BOOST_TEST_INFO(program.shown());
    BOOST_TEST(program.shown().find("handled 1") != std::string::npos);
    BOOST_TEST(WEXITSTATUS(status) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
