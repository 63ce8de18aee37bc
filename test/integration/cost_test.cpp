// What an operation costs must not depend on how much there is.

#include "integration/program.hpp"

#include <zproc.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

/// CPU time that a process has used, in ns. The first field of schedstat.
std::uint64_t cpu_time(int pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/schedstat");
    std::uint64_t time = 0;
    in >> time;
    return time;
}

/// CPU time of the state process for a thousand sets; the least of some, since others disturb.
asio::awaitable<std::uint64_t> cost_of_sets(state on, int pid)
{
    auto least = std::numeric_limits<std::uint64_t>::max();
    for (int attempt = 0; attempt != 5; ++attempt) {
        const auto before = cpu_time(pid);
        for (int i = 0; i != 1000; ++i)
            co_await on.set("k" + std::to_string(i % 10), i);
        least = std::min(least, cpu_time(pid) - before);
    }
    co_return least;
}

/// How often a process has slept.
std::uint64_t sleeps(int pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/status");
    for (std::string word; in >> word;)
        if (std::uint64_t count = 0; word == "voluntary_ctxt_switches:" && in >> count)
            return count;
    return 0;
}

/// The sleeps of a state process for a thousand requests, one at a time.
asio::awaitable<std::uint64_t> sleeps_for_requests(std::chrono::nanoseconds busy_poll)
{
    context ctx(co_await asio::this_coro::executor, context_options().busy_poll(busy_poll));
    const auto server = co_await ctx.ping();
    for (int i = 0; i != 100; ++i) // it sees that they follow each other closely
        co_await ctx.state().set("k", i);
    const auto before = sleeps(server.pid);
    for (int i = 0; i != 1000; ++i)
        co_await ctx.state().set("k", i);
    co_return sleeps(server.pid) - before;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cost)

BOOST_AUTO_TEST_CASE(how_long_a_state_process_looks_for_requests_is_the_users_choice)
{
    BOOST_TEST(holds([](context, checks& check) -> asio::awaitable<void> {
        const auto looking = co_await sleeps_for_requests(std::chrono::seconds(1));
        const auto sleeping = co_await sleeps_for_requests(std::chrono::nanoseconds(0));
        check(looking < 100, "it looks until the next one comes");
        check(sleeping > looking + 100, "it sleeps between them");
    }));
}

BOOST_AUTO_TEST_CASE(another_client_is_noticed_while_it_looks_for_who_asks_all_the_time)
{
    BOOST_TEST(holds([](context, checks& check) -> asio::awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        context ctx(executor, context_options().busy_poll(std::chrono::seconds(1)));
        const auto server = co_await ctx.ping();
        for (int i = 0; i != 100; ++i)
            co_await ctx.state().set("k", i);
        const auto before = cpu_time(server.pid);
        context other(executor, context_options().address(ctx.address()));
        co_await other.state().set("k", 1);
        check(cpu_time(server.pid) - before < 200'000'000, "it has not looked for a second");
    }));
}

BOOST_AUTO_TEST_CASE(set_takes_the_state_process_as_long_with_ten_keys_as_with_a_hundred_thousand)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        const auto server = co_await ctx.ping();
        const auto few = co_await cost_of_sets(state, server.pid);
        for (int i = 0; i != 100; ++i) {
            dict thousand;
            for (int j = 0; j != 1000; ++j)
                thousand.insert_or_assign("other" + std::to_string(1000 * i + j), value(j));
            co_await state.update(thousand);
        }
        check(co_await state.size() == 100'010, "all keys are there");
        const auto many = co_await cost_of_sets(state, server.pid);
        // Caches cost something; anything that looked at all keys would cost thousands as much.
        check(few != 0 && many < 5 * few, "a set costs the same");
        if (few == 0 || many >= 5 * few)
            std::fprintf(stderr, "a thousand sets: %llu ns with 10 keys, %llu ns with 100,000\n",
                         static_cast<unsigned long long>(few),
                         static_cast<unsigned long long>(many));
    }));
}

BOOST_AUTO_TEST_SUITE_END()
