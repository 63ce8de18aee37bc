// How far a map has come: as events, and as a bar on a terminal.

#include "integration/swarmed.hpp"
#include "support/witness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace boost::asio::experimental::awaitable_operators;

int doubled(int x)
{
    return 2 * x;
}

int no_fives(int x)
{
    if (x % 5 == 0)
        throw std::runtime_error("five");
    return x;
}

/// Ends when the key is there.
asio::awaitable<int> when_told(context ctx, int x)
{
    auto told = ctx.state().when_available("go");
    co_await told.next(asio::use_awaitable);
    co_return x;
}

/// All events, to the end.
asio::awaitable<std::vector<swarm_progress>> all_of(progress_stream progress)
{
    std::vector<swarm_progress> seen;
    while (true) {
        const auto at = co_await progress.next(asio::use_awaitable);
        if (!at)
            co_return seen;
        seen.push_back(*at);
    }
}

asio::awaitable<void> followed(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto progress = swarm.progress();
    auto few = swarm.with(swarm_options().chunk(100)).with(progress);
    for (int round = 0; round != 2; ++round) {
        auto [all, seen] =
            co_await (few.map(doubled, std::views::iota(0, 5000)) && all_of(progress));
        check(all.size() == 5000, "every result");
        check(!seen.empty() && seen.back().over, "the last event says that it is over");
        check(seen.back().done == 5000 && seen.back().failed == 0, "all are done");
        check(seen.back().total == 5000 && seen.back().in_flight == 0, "nothing is left");
        check(seen.back().rate > 0, "at some rate");
        check(seen.size() <= 5000 / 100 * 2 + 4, "no more events than changes");
        std::uint64_t before = 0;
        for (const auto& at : seen) {
            check(at.settled() >= before && at.settled() + at.in_flight <= 5000, "it grows");
            before = at.settled();
        }
    }
}

asio::awaitable<void> failing(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto progress = swarm.progress();
    auto with = swarm.with(progress);
    auto stream = with.as_completed(no_fives, std::views::iota(0, 100));
    for (int i = 0; i != 100; ++i)
        static_cast<void>(co_await stream.next());
    const auto last = co_await stream.next();
    check(!last, "its end");
    const auto seen = co_await all_of(progress);
    check(seen.size() == 1, "who has not looked sees one event");
    check(seen.back().done == 80 && seen.back().failed == 20, "failures are counted");

    // A map that fails ends, and so does what follows it.
    auto [failed, rest] =
        co_await (failure_of(with.map(no_fives, std::views::iota(1, 100))) && all_of(progress));
    check(failed.find("five") != std::string::npos, failed.c_str());
    check(rest.back().over && rest.back().failed >= 1, "its failure is seen");

    // What is refused ends at once.
    co_await swarm.stop();
    auto [refused, none] =
        co_await (failure_of(with.map(doubled, std::views::iota(0, 3))) && all_of(progress));
    check(refused == "swarm_stopped", refused.c_str());
    check(none.back().over && none.back().settled() == 0, "nothing was done");
}

asio::awaitable<void> in_flight(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto progress = swarm.progress();
    auto map = [](zproc::swarm of) -> asio::awaitable<std::size_t> {
        const auto all = co_await of.map(when_told, std::views::iota(0, 8));
        co_return all.size();
    };
    auto look = [](context own, progress_stream of,
                   checks& must) -> asio::awaitable<std::monostate> {
        while (true) {
            const auto at = co_await of.next(asio::use_awaitable);
            must(at && !at->over, "it cannot be over");
            if (!at || at->in_flight >= 2)
                break;
        }
        co_await own.state().set("go", true);
        while (true) {
            const auto at = co_await of.next(asio::use_awaitable);
            if (!at)
                co_return std::monostate();
        }
    };
    auto [count, nothing] = co_await (map(swarm.with(progress)) && look(ctx, progress, check));
    check(count == 8, "every result");
}

asio::awaitable<void> cancelled(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(1);
    auto progress = swarm.progress();
    asio::cancellation_signal stop;
    error_code first;
    error_code second;
    progress.next(asio::bind_cancellation_slot(
        stop.slot(), [&](error_code ec, std::optional<swarm_progress>) { first = ec; }));
    progress.next([&](error_code ec, std::optional<swarm_progress>) { second = ec; });
    stop.emit(asio::cancellation_type::total);
    co_await ctx.ping();
    check(first == asio::error::operation_aborted, "cancelled");
    check(second == asio::error::already_started, "one at a time");
    const auto four = co_await swarm.with(progress).run(doubled, 2);
    check(four == 4, "a run");
    const auto at = co_await progress.next(asio::use_awaitable);
    check(at && at->done == 1 && at->over, "nothing was lost");
    const auto end = co_await progress.next(asio::use_awaitable);
    check(!end, "its end");

    // Nobody can report any more.
    error_code last;
    swarm.progress().next([&](error_code ec, std::optional<swarm_progress>) { last = ec; });
    co_await ctx.ping();
    check(last == asio::error::operation_aborted, "nothing can come");
}

bool loop_is_destroyed_first(checks& check)
{
    witness seen;
    std::optional<progress_stream> left;
    {
        asio::io_context io;
        context ctx(io);
        auto made = ctx.create_swarm(1, asio::use_future);
        io.run();
        left = made.get().progress();
        left->next(handler_with(seen));
    }
    check(seen.called == 0 && seen.alive == 0, "the handler is dropped uncalled");
    bool refused = false;
    try {
        static_cast<void>(left->next());
    } catch (const system_error& e) {
        refused = e.code() == errc::context_gone;
    }
    check(refused, "later calls are refused");
    return true;
}

/// A pseudo-terminal with so many columns.
struct terminal {
    int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    int slave = -1;

    explicit terminal(unsigned short columns)
    {
        if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0)
            return;
        slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
        const winsize size{24, columns, 0, 0};
        ::ioctl(slave, TIOCSWINSZ, &size);
    }
    ~terminal()
    {
        ::close(slave);
        ::close(master);
    }

    std::string shown() const
    {
        char text[4096];
        const auto size = ::read(master, text, sizeof text);
        return {text, static_cast<std::size_t>(size > 0 ? size : 0)};
    }
};

swarm_progress quarter()
{
    swarm_progress at;
    at.total = 400;
    at.done = 100;
    return at;
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_progress_suite)

BOOST_AUTO_TEST_CASE(progress_follows_maps_to_their_end)
{
    BOOST_TEST(in_a_coroutine(followed));
}

BOOST_AUTO_TEST_CASE(progress_counts_failures_and_ends_with_a_failed_map)
{
    BOOST_TEST(in_a_coroutine(failing));
}

BOOST_AUTO_TEST_CASE(progress_shows_items_in_flight_while_they_are)
{
    BOOST_TEST(in_a_coroutine(in_flight));
}

BOOST_AUTO_TEST_CASE(next_that_is_cancelled_loses_nothing)
{
    BOOST_TEST(in_a_coroutine(cancelled));
}

BOOST_AUTO_TEST_CASE(loop_that_is_destroyed_first_drops_who_waits_for_progress)
{
    BOOST_TEST(in_a_root([](checks& check) { loop_is_destroyed_first(check); }));
}

BOOST_AUTO_TEST_CASE(progress_bar_draws_one_line_as_wide_as_the_terminal)
{
    ::setenv("TERM", "xterm", 1);
    const terminal tty(40);
    BOOST_REQUIRE(tty.slave >= 0);
    {
        progress_bar bar("primes", tty.slave);
        BOOST_TEST(bar.is_visible());
        const std::chrono::steady_clock::time_point noon(std::chrono::hours(12));
        bar.draw(quarter(), noon);
        const auto line = '\r' + render_progress(quarter(), "primes", 39) + "\x1b[K";
        BOOST_TEST(tty.shown() == line);
        auto later = quarter();
        later.done = 200;
        bar.draw(later, noon + std::chrono::milliseconds(1)); // too soon
        later.done = 201;
        bar.draw(later, noon + std::chrono::milliseconds(49));
        BOOST_TEST(tty.shown() == "");
        bar.finish(); // shows the last
        BOOST_TEST(tty.shown() == '\r' + render_progress(later, "primes", 39) + "\x1b[K\r\n");
        bar.finish();
    }
    BOOST_TEST(tty.shown() == "");
}

BOOST_AUTO_TEST_CASE(progress_bar_draws_nothing_where_there_is_no_terminal)
{
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_NONBLOCK) == 0);
    {
        progress_bar bar("primes", ends[1]);
        BOOST_TEST(!bar.is_visible());
        bar.draw(quarter());
    }
    ::close(ends[1]);
    char byte = 0;
    BOOST_TEST(::read(ends[0], &byte, 1) == 0, "it ended, and nothing was in it");
    ::close(ends[0]);
}

BOOST_AUTO_TEST_SUITE_END()
