// Where a change comes from: its origin, the name of that, and the process behind it.

#include "integration/program.hpp"

#include <zproc.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <signal.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::holds;

/// Writes once, and stays until it is stopped.
asio::awaitable<void> baker(context ctx, std::string key)
{
    co_await ctx.state().set(key, static_cast<int>(::getpid()));
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

/// Writes by a context of its own making.
asio::awaitable<void> second_context(context ctx)
{
    const context own(co_await asio::this_coro::executor, context_options{}.address(ctx.address()));
    co_await own.state().set("own", 1);
}

/// Who made the first change of a key.
asio::awaitable<origin> author_of(context ctx, std::string_view key)
{
    auto changes = ctx.state().when_change(key, {.since = 0, .own = true});
    const auto e = co_await changes.next();
    co_return e->origin;
}

bool is(const peer& who, pid_t pid, std::string_view name)
{
    return who.pid == pid && who.name == name;
}

/// Kills the state process; answers when its successor serves.
asio::awaitable<void> replace_server(context ctx)
{
    const auto before = co_await ctx.ping();
    ::kill(before.pid, SIGKILL);
    co_await ctx.state().set("after the kill", 1);
}

} // namespace

BOOST_AUTO_TEST_SUITE(provenance)

BOOST_AUTO_TEST_CASE(who_names_the_process_that_made_a_change)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        co_await state.set("mine", 1);
        const auto mine = co_await author_of(ctx, "mine");
        const auto me = co_await ctx.who(mine);
        check(me.pid == ::getpid(), "the root by its pid");
        check(me.name == program_invocation_short_name, "and by the program's name");

        auto plain = co_await ctx.spawn(baker, "plain");
        const auto baked = co_await author_of(ctx, "plain");
        const auto by = co_await ctx.who(baked);
        check(is(by, plain.pid(), plain.name()), "a child as its handle shows it");
        check(by.name.find("baker") != by.name.npos, "that is the function's name");
        check(baked.session != mine.session, "its session is its own");

        auto named = co_await ctx.spawn(spawn_options{}.name("the second"), baker, "named");
        const auto second = co_await author_of(ctx, "named");
        check((co_await ctx.who(second)).name == "the second", "a child of a given name");
        check(is(co_await ctx.who(second), named.pid(), "the second"), "and it alone");

        auto third = co_await ctx.spawn(second_context);
        co_await third.result();
        const auto own = co_await author_of(ctx, "own");
        check(is(co_await ctx.who(own), third.pid(), third.name()), "also by a context of its own");
        check((co_await ctx.who(own)).pid == third.pid(), "though it has ended");

        co_await named.stop(std::chrono::seconds(10));
        check((co_await ctx.who(second)).name == "the second", "and though it was stopped");
        co_await plain.stop(std::chrono::seconds(10));
    }));
}

BOOST_AUTO_TEST_CASE(origins_and_who_they_are_survive_the_state_process)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        co_await state.set("one", 1);
        const auto before = co_await author_of(ctx, "one");
        auto child = co_await ctx.spawn(baker, "baked");
        const auto baked = co_await author_of(ctx, "baked");
        for (int i = 0; i != 2; ++i) {
            co_await replace_server(ctx);
            const auto key = "after kill " + std::to_string(i);
            co_await state.set(key, 1);
            const auto after = co_await author_of(ctx, key);
            check(after == before, "the same origin");
            check(after.name() == before.name(), "of the same name");
            check((co_await ctx.who(after)).pid == ::getpid(), "it is still this process");
            check(is(co_await ctx.who(baked), child.pid(), child.name()), "and that the child");
        }
        co_await child.stop(std::chrono::seconds(10));
    }));
}

BOOST_AUTO_TEST_CASE(names_travel_through_the_state)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto other = ctx.state();
        co_await state.set("a", 1);
        co_await other.set("b", 1);
        const auto a = co_await author_of(ctx, "a");
        const auto b = co_await author_of(ctx, "b");
        check(a != b && a.session == b.session, "two handles of one session");
        co_await state.set("last writer", a.name());
        const auto read = origin::parse(co_await state.get<std::string>("last writer"));
        check(read == a, "its name in the state is it");
        check((co_await ctx.who(*read)).pid == ::getpid(), "and can be asked about");
    }));
}

BOOST_AUTO_TEST_CASE(who_fails_for_sessions_that_are_gone)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        co_await ctx.state().set("k", 1);
        check(co_await code_of(ctx.who(origin())) == errc::no_such_key, "no session");
        check(co_await code_of(ctx.who(origin{7, 1})) == errc::no_such_key, "an unknown one");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
