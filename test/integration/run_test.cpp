// What `run` does with signals after the main function has returned.

#include "integration/forked_root.hpp"

#include <zproc.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>

#include <signal.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

asio::awaitable<void> sleep_long(context ctx)
{
    say("child", ::getpid());
    asio::steady_timer timer(ctx.get_executor(), std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<int> leave_a_child(context ctx)
{
    static_cast<void>(co_await ctx.spawn(sleep_long));
    co_return 3;
}

} // namespace

BOOST_AUTO_TEST_SUITE(run_and_signals)

BOOST_AUTO_TEST_CASE(first_signal_ends_the_wait_at_the_exit)
{
    for (const int number : {SIGTERM, SIGINT}) {
        forked_root root([] {
            ::alarm(30);
            return zproc::run(leave_a_child, run_options{}.wait_at_exit(true));
        });
        BOOST_TEST(root.number("child") > 0);
        ::usleep(100'000); // it waits for the child by now, or will
        BOOST_REQUIRE(::kill(root.pid(), number) == 0);
        const int status = root.wait();
        BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 3));
    }
}

BOOST_AUTO_TEST_SUITE_END()
