// A supervisor that has no descriptors left: nobody is left waiting, and what can be done later is.

#include "integration/holds.hpp"
#include "support/processes.hpp"

#include <zproc/spawn_options.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>

#include <signal.h>
#include <sys/resource.h>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

namespace {

/// Leaves the supervisor so many descriptors beyond the highest that it has open.
class few_descriptors {
public:
    explicit few_descriptors(rlim_t left)
    {
        ::prlimit(supervisor(), RLIMIT_NOFILE, nullptr, &before_);
        const rlimit now{test::highest_descriptor(supervisor()) + 1 + left, before_.rlim_max};
        ::prlimit(supervisor(), RLIMIT_NOFILE, &now, nullptr);
    }
    few_descriptors(const few_descriptors&) = delete;
    few_descriptors& operator=(const few_descriptors&) = delete;
    ~few_descriptors() { ::prlimit(supervisor(), RLIMIT_NOFILE, &before_, nullptr); }

private:
    static pid_t supervisor() { return supervision::current()->supervisor; }

    rlimit before_{};
};

/// Leaves it none: numbers below the lowest free one are all taken.
class no_descriptors {
public:
    no_descriptors()
    {
        ::prlimit(supervisor(), RLIMIT_NOFILE, nullptr, &before_);
        const auto open = "/proc/" + std::to_string(supervisor()) + "/fd/";
        rlimit now{0, before_.rlim_max};
        std::error_code ec;
        while (std::filesystem::is_symlink(open + std::to_string(now.rlim_cur), ec))
            ++now.rlim_cur;
        ::prlimit(supervisor(), RLIMIT_NOFILE, &now, nullptr);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { ::prlimit(supervisor(), RLIMIT_NOFILE, &before_, nullptr); }

private:
    static pid_t supervisor() { return supervision::current()->supervisor; }

    rlimit before_{};
};

int nothing()
{
    return 7;
}

void idle()
{
    for (;;)
        ::pause();
}

/// Two generations that take no SIGTERM.
asio::awaitable<void> leave_stubborn_ones(context ctx)
{
    int up[2];
    if (::pipe(up) != 0)
        ::_exit(99);
    for (int i = 0; i != 10; ++i)
        if (::fork() == 0) {
            ::signal(SIGTERM, SIG_IGN);
            ::fork();
            static_cast<void>(!::write(up[1], "", 1));
            idle();
        }
    char byte;
    for (int i = 0; i != 20; ++i)
        if (::read(up[0], &byte, 1) != 1)
            ::_exit(98);
    ctx.notify_ready();
    idle();
    co_return;
}

} // namespace

BOOST_AUTO_TEST_SUITE(scarcity)

BOOST_AUTO_TEST_CASE(spawn_without_descriptors_is_refused_and_its_owner_hears_of_all_else)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1);
        auto other = co_await ctx.spawn(&idle);
        unsigned refused = 0;
        for (rlim_t left = 0; left != 12; ++left) {
            const few_descriptors only(left);
            error_code ec;
            auto p = co_await ctx.spawn(&nothing, asio::redirect_error(asio::use_awaitable, ec));
            check(!ec || ec == boost::system::errc::too_many_files_open, "refused, or it runs");
            refused += ec ? 1 : 0;
            if (!ec)
                check(co_await p.result() == 7, "to its end");
        }
        check(refused != 0 && refused != 12, "both happen");
        co_await other.stop();
        check(!other.running(), "what was there before is told, too");
    }));
}

BOOST_AUTO_TEST_CASE(process_that_cannot_be_run_again_is_tried_again)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            spawn_options().restart(restart_policy::on_failure().for_ever().delay(1ms)), &idle);
        const auto first = p.pid();
        {
            const few_descriptors none(0);
            ::kill(first, SIGKILL);
            co_await p.when(process_status::backoff);
        }
        co_await p.when(process_status::up);
        check(p.pid() != first && p.running(), "it runs again");
        co_await p.stop();
    }));
}

BOOST_AUTO_TEST_CASE(stop_ends_a_whole_subtree_without_descriptors)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1);
        auto p = co_await ctx.spawn(spawn_options().grace(50ms), &leave_stubborn_ones);
        co_await p.when(process_status::ready);
        const auto below = test::descendants(p.pid());
        check(below.size() == 20, "they are there");
        const auto top = p.pid();
        {
            const no_descriptors none;
            co_await p.stop();
            for (const auto& each : below)
                check(test::wait_for_end(each.pid, 5000), "one of those below ends");
            check(test::wait_for_end(top, 5000), "itself, too");
        }
        co_await ctx.wait();
    }));
}

BOOST_AUTO_TEST_CASE(orphans_are_found_and_ended_without_descriptors)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("key", 1);
        auto p = co_await ctx.spawn(spawn_options().grace(50ms), &leave_stubborn_ones);
        co_await p.when(process_status::ready);
        const auto below = test::descendants(p.pid());
        {
            const no_descriptors none;
            ::kill(p.pid(), SIGKILL);
            for (const auto& each : below)
                check(test::wait_for_end(each.pid, 5000), "what it has left ends");
        }
        co_await ctx.wait();
    }));
}

BOOST_AUTO_TEST_SUITE_END()
