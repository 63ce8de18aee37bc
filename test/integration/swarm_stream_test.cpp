// Swarms: results one by one.

#include "integration/swarmed.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;

long square(long x)
{
    return x * x;
}

int no_sevens(int x)
{
    if (x % 10 == 7)
        throw std::invalid_argument("seven");
    return x;
}

asio::awaitable<int> slow_first(int x)
{
    if (x == 0) {
        asio::steady_timer timer(co_await asio::this_coro::executor, 200ms);
        co_await timer.async_wait(asio::use_awaitable);
    }
    co_return x;
}

asio::awaitable<int> for_ever(int x)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
    co_return x;
}

/// An input without an end, which counts what was taken out of it.
struct counted_input {
    long* taken;

    struct iterator {
        using value_type = long;
        using difference_type = std::ptrdiff_t;
        long* taken = nullptr;
        long at = 0;

        long operator*() const { return at; }
        iterator& operator++()
        {
            ++at;
            *taken = at;
            return *this;
        }
        void operator++(int) { ++*this; }
    };

    iterator begin() const { return {taken, 0}; }
    std::unreachable_sentinel_t end() const { return {}; }
};

class countdown { // a generator
public:
    explicit countdown(int from) : left_(from) {}

    asio::awaitable<std::optional<int>> next()
    {
        asio::steady_timer timer(co_await asio::this_coro::executor, 100us);
        co_await timer.async_wait(asio::use_awaitable);
        if (left_ == 0)
            co_return std::nullopt;
        co_return left_--;
    }

private:
    int left_;
};

asio::awaitable<void> in_order(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(3);
    auto squares = swarm.map_lazy(square, std::views::iota(0L, 5000L));
    long expected = 0;
    while (auto each = co_await squares.next()) {
        if (*each != expected * expected)
            check(false, "in order");
        ++expected;
    }
    check(expected == 5000, "all of them");
    const auto end = co_await squares.next();
    check(!end, "and no more");

    auto none = swarm.map_lazy(square, std::vector<long>());
    const auto nothing = co_await none.next();
    check(!nothing, "of nothing");
}

asio::awaitable<void> endless(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    long taken = 0;
    {
        auto squares =
            swarm.with(swarm_options().in_flight(50)).map_lazy(square, counted_input{&taken});
        for (long i = 0; i != 1000; ++i) {
            const auto each = co_await squares.next();
            if (each != i * i)
                check(false, "in order");
            if (taken > i + 52)
                check(false, "no more than 50 are under way");
        }
    }
    const auto one = co_await swarm.run(square, 3);
    check(one == 9, "usable afterwards");
}

asio::awaitable<void> as_they_come(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto all =
        swarm.with(swarm_options().chunk(1)).as_completed(slow_first, std::views::iota(0, 20));
    std::set<std::uint64_t> seen;
    std::uint64_t last = 0;
    while (auto each = co_await all.next()) {
        check(each->result.value() == static_cast<int>(each->index), "with its index");
        seen.insert(each->index);
        last = each->index;
    }
    check(seen.size() == 20, "each once");
    check(last == 0, "the slow one last");
}

asio::awaitable<void> failures_in_place(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto all = swarm.map_lazy(no_sevens, std::views::iota(0, 100));
    for (int i = 0; i != 100; ++i) {
        std::string failed;
        int got = -1;
        try {
            const auto each = co_await all.next();
            got = each.value_or(-2);
        } catch (const remote_error& e) {
            failed = e.text();
        }
        check(i % 10 == 7 ? failed == "seven" : got == i, "in its place");
    }
    const auto end = co_await all.next();
    check(!end, "the end");

    auto completed = swarm.as_completed(no_sevens, std::views::iota(0, 100));
    int wrong = 0;
    int right = 0;
    while (auto each = co_await completed.next())
        ++(each->result ? right : wrong);
    check(right == 90 && wrong == 10, "as completed, too");
}

asio::awaitable<void> generators(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto all = co_await swarm.map(square, countdown(30));
    check(all.size() == 30 && all.front() == 900 && all.back() == 1, "map over a generator");

    auto first = swarm.map_lazy(square, std::views::iota(0L, 100L));
    auto second = swarm.map_lazy(square, first); // a stream of a stream
    for (long i = 0; i != 100; ++i) {
        const auto each = co_await second.next();
        check(each == i * i * i * i, "a stream of a stream");
    }
    const auto end = co_await second.next();
    check(!end, "ends with it");
}

asio::awaitable<void> cancelled_next(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    auto all = swarm.with(swarm_options().chunk(1).in_flight(4))
                   .map_lazy(slow_first, std::views::iota(0, 50));
    int expected = 0;
    int lost_races = 0;
    for (;;) {
        asio::steady_timer timer(ctx.get_executor(), 1ms);
        auto either = co_await (all.next() || timer.async_wait(asio::use_awaitable));
        if (either.index() == 1) {
            ++lost_races;
            continue;
        }
        const auto& got = std::get<0>(either);
        if (!got)
            break;
        check(*got == expected, "nothing is lost or twice");
        ++expected;
    }
    check(expected == 50, "all of them");
    check(lost_races > 10, "after races that were lost");
}

asio::awaitable<void> dropped(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    {
        auto all = swarm.map_lazy(for_ever, std::views::iota(0));
        asio::steady_timer timer(ctx.get_executor(), 20ms);
        auto either = co_await (all.next() || timer.async_wait(asio::use_awaitable));
        check(either.index() == 1, "nothing comes");
    }
    const auto one = co_await swarm.run(square, 3);
    check(one == 9, "usable afterwards");
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_stream)

BOOST_AUTO_TEST_CASE(map_lazy_yields_results_in_order)
{
    BOOST_TEST(in_a_coroutine(in_order));
}

BOOST_AUTO_TEST_CASE(map_lazy_takes_no_more_of_an_endless_input_than_may_be_in_flight)
{
    BOOST_TEST(in_a_coroutine(endless));
}

BOOST_AUTO_TEST_CASE(as_completed_yields_results_as_they_come)
{
    BOOST_TEST(in_a_coroutine(as_they_come));
}

BOOST_AUTO_TEST_CASE(next_fails_in_the_place_of_the_item_that_failed)
{
    BOOST_TEST(in_a_coroutine(failures_in_place));
}

BOOST_AUTO_TEST_CASE(map_reads_generators_and_streams)
{
    BOOST_TEST(in_a_coroutine(generators));
}

BOOST_AUTO_TEST_CASE(next_loses_nothing_when_it_is_cancelled)
{
    BOOST_TEST(in_a_coroutine(cancelled_next));
}

BOOST_AUTO_TEST_CASE(stream_that_is_dropped_leaves_the_swarm_usable)
{
    BOOST_TEST(in_a_coroutine(dropped));
}

BOOST_AUTO_TEST_SUITE_END()
