// Results by task id: from any process, until they are taken or have expired.

#include "context/task_record.hpp"
#include "integration/swarmed.hpp"
#include "supervisor/sanitized.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

#include <signal.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using supervision::sanitized;
using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;

int doubled(int x)
{
    return 2 * x;
}

std::string joined(const std::vector<std::string>& all, int times)
{
    std::string made;
    for (int i = 0; i != times; ++i)
        for (const auto& each : all)
            made += each;
    return made;
}

void nothing()
{
}

int throws_it(int x)
{
    throw std::runtime_error("no " + std::to_string(x));
}

int crashes(int x)
{
    ::raise(SIGSEGV);
    return x;
}

int leaves(int)
{
    throw process_exit{7};
}

int spins(int x)
{
    for (volatile bool go_on = true; go_on;) {}
    return x;
}

asio::awaitable<int> when_told(context ctx, int x)
{
    auto told = ctx.state().when_available("go");
    co_await told.next(asio::use_awaitable);
    co_return x;
}

asio::awaitable<std::string> taken_elsewhere(context ctx, task_id id)
{
    const auto got = co_await ctx.result<std::string>(id);
    co_return got + "!";
}

asio::awaitable<void> taken(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto one = co_await swarm.submit(doubled, 21);
    const auto two = co_await swarm.submit(nothing);
    const auto words = std::vector<std::string>{"a", "bc"};
    const auto three = co_await swarm.submit(joined, words, 2);
    check(one != two && one.name().size() == 32, "an id for each");

    const auto got = co_await ctx.result<int>(one);
    check(got == 42, "plain");
    co_await ctx.result(two);

    // By its text, in another process.
    const task_id again(three.name());
    auto elsewhere = co_await ctx.spawn(taken_elsewhere, again);
    const auto text = co_await elsewhere.result();
    check(text == "abcabc!", text.c_str());

    for (const auto id : {one, two, three, task_id::random()}) {
        error_code ec;
        try {
            co_await ctx.result<int>(id);
        } catch (const system_error& e) {
            ec = e.code();
        }
        check(ec == errc::no_such_key, "who is second, or mistaken, is told so");
    }
    const auto left = co_await ctx.state(zproc::detail::task_results).size();
    check(left == 0, "nothing is left");
}

asio::awaitable<void> awaited(context ctx, checks& check)
{
    task_id id;
    {
        auto swarm = co_await ctx.create_swarm(1);
        id = co_await swarm.submit(when_told, 5);
    } // the task keeps it
    auto wait = [](context own, task_id of) -> asio::awaitable<int> {
        const int got = co_await own.result<int>(of);
        co_return got;
    };
    auto tell = [](context own) -> asio::awaitable<void> {
        const auto listed = co_await own.namespaces();
        for (const auto& each : listed)
            if (each.name == zproc::detail::task_results)
                throw std::logic_error("it is a namespace of zproc's own");
        co_await own.state().set("go", true);
    };
    const int got = co_await (wait(ctx, id) && tell(ctx));
    check(got == 5, "it came");
}

/// What becomes of a task that runs `f`.
asio::awaitable<void> fails_with(context ctx, zproc::swarm of, int (*f)(int), std::string expected,
                                 checks& check)
{
    const auto id = co_await of.submit(f, 3);
    const auto failed = co_await failure_of(ctx.result<int>(id));
    check(failed == expected, failed.c_str());
}

asio::awaitable<void> failed(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(1);
    auto once = swarm.with(swarm_options().retries(0));
    auto timed = swarm.with(swarm_options().deadline(50ms));
    co_await fails_with(ctx, once, throws_it, "remote_error std::runtime_error: no 3", check);
    if (!sanitized)
        co_await fails_with(ctx, once, crashes, "process_crashed 11", check);
    co_await fails_with(ctx, once, leaves, "process_exited 7", check);
    co_await fails_with(ctx, timed, spins, "deadline_exceeded", check);

    const auto thrown = co_await swarm.submit(throws_it, 4);
    bool stack = false;
    try {
        co_await ctx.result<int>(thrown);
    } catch (const remote_error& e) {
        stack = !e.stack().empty() || !e.report().stack_note.empty();
    }
    check(stack, "where it was thrown");

    const auto crashed = co_await once.submit(crashes, 4);
    bool report = false;
    try {
        co_await ctx.result<int>(crashed);
    } catch (const process_crashed& e) {
        report = e.info().crash && e.info().crash->signal == SIGSEGV &&
                 std::string(e.what()).starts_with("process 'swarm worker' ");
    } catch (const process_exited&) { // NOLINT(bugprone-empty-catch): as above
    }
    check(sanitized || report, "what it left behind");

    // A wrong type takes nothing.
    const auto typed = co_await swarm.submit(doubled, 4);
    error_code ec;
    try {
        co_await ctx.result<double>(typed);
    } catch (const system_error& e) {
        ec = e.code();
    }
    check(ec == errc::type_mismatch, "it is told");
    const auto eight = co_await ctx.result<int>(typed);
    check(eight == 8, "and the result is still there");

    // What is under way when the swarm is stopped.
    const auto stopped = co_await swarm.submit(spins, 1);
    co_await swarm.stop(true);
    const auto why = co_await failure_of(ctx.result<int>(stopped));
    check(why == "swarm_stopped", why.c_str());
}

asio::awaitable<void> until_gone(zproc::state kept, std::string key)
{
    const auto changes = kept.when_change(key);
    while (true) {
        const bool there = co_await kept.contains(key);
        if (!there)
            co_return;
        co_await changes.next();
    }
}

asio::awaitable<void> expired(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(1);
    const auto kept = ctx.state(zproc::detail::task_results);
    auto at_once = swarm.with(swarm_options().keep(0ns));

    // What has expired when it comes is removed by the owner.
    const auto id = co_await at_once.submit(doubled, 1);
    co_await until_gone(kept, id.name());
    const auto why = co_await failure_of(ctx.result<int>(id));
    check(why.find("expired") != std::string::npos, why.c_str());

    // A result that has expired is not given out.
    zproc::detail::task_record old;
    old.pending = false;
    old.type = typeid(int).name();
    old.expires = 1;
    old.result = std::string(sizeof(int), '\0');
    const auto stale = task_id::random();
    const auto stale_record = zproc::detail::to_value(old);
    co_await kept.set(stale.name(), stale_record);
    const auto too_late = co_await failure_of(ctx.result<int>(stale));
    check(too_late.find("expired") != std::string::npos, too_late.c_str());
}

/// Of owners that are dead.
asio::awaitable<void> left_behind(context ctx, checks& check)
{
    const auto kept = ctx.state(zproc::detail::task_results);
    zproc::detail::task_record settled;
    settled.pending = false;
    settled.expires = 1;
    zproc::detail::task_record pending;
    pending.owner = {1, 1};
    zproc::detail::task_record good = settled;
    good.expires = std::int64_t{1} << 60;
    const auto settled_record = zproc::detail::to_value(settled);
    const auto pending_record = zproc::detail::to_value(pending);
    const auto good_record = zproc::detail::to_value(good);
    co_await kept.set("settled", settled_record);
    co_await kept.set("pending", pending_record);
    co_await kept.set("good", good_record);

    auto swarm = co_await ctx.create_swarm(1);
    const auto id = co_await swarm.submit(doubled, 1);
    co_await until_gone(kept, "settled");
    co_await until_gone(kept, "pending");
    const auto two = co_await ctx.result<int>(id);
    check(two == 2, "and its own is there");
    const auto left = co_await kept.keys();
    check(left == std::vector<std::string>{"good"}, "what has not expired is left");
}

/// Owns a swarm, and never ends.
asio::awaitable<void> owner(context ctx)
{
    auto swarm = co_await ctx.create_swarm(1);
    const auto id = co_await swarm.submit(spins, 1);
    co_await ctx.state().set("id", id.name());
    auto never = ctx.state().when_available("never");
    co_await never.next(asio::use_awaitable);
}

asio::awaitable<void> orphaned(context ctx, checks& check)
{
    auto told = ctx.state().when_available("id");
    auto child = co_await ctx.spawn(owner);
    co_await told.next(asio::use_awaitable);
    const auto id = co_await ctx.state().get<std::string>("id");
    child.signal(SIGKILL);
    co_await child.wait();
    error_code ec;
    try {
        co_await ctx.result<int>(task_id(id));
    } catch (const system_error& e) {
        ec = e.code();
    }
    check(ec == errc::process_gone, ec.message().c_str());
    const auto left = co_await ctx.state(zproc::detail::task_results).size();
    check(left == 0, "nothing is left");
}

bool loop_is_destroyed_first(checks& check)
{
    std::optional<zproc::swarm> left;
    bool called = false;
    {
        asio::io_context io;
        context ctx(io);
        auto made = ctx.create_swarm(1, asio::use_future);
        io.run();
        left = made.get();
        io.restart();
        auto submitted = left->submit(when_told, 1, asio::use_future);
        while (submitted.wait_for(0s) != std::future_status::ready)
            io.run_one();
        ctx.result<int>(submitted.get(), [&](const std::exception_ptr&, int) { called = true; });
        // This one may be called: the state may have answered by then.
        left->submit(when_told, 1, [](const std::exception_ptr&, task_id) {});
        io.poll();
    }
    check(!called, "handlers are dropped uncalled");
    bool refused = false;
    try {
        static_cast<void>(left->submit(doubled, 1));
    } catch (const system_error& e) {
        refused = e.code() == errc::context_gone;
    }
    check(refused, "later calls are refused");
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_results)

BOOST_AUTO_TEST_CASE(result_is_taken_once_from_any_process)
{
    BOOST_TEST(in_a_coroutine(taken));
}

BOOST_AUTO_TEST_CASE(result_is_waited_for_while_the_task_runs)
{
    BOOST_TEST(in_a_coroutine(awaited));
}

BOOST_AUTO_TEST_CASE(result_fails_as_the_task_did)
{
    BOOST_TEST(in_a_coroutine(failed));
}

BOOST_AUTO_TEST_CASE(result_that_nobody_takes_expires)
{
    BOOST_TEST(in_a_coroutine(expired));
}

BOOST_AUTO_TEST_CASE(submit_removes_what_dead_owners_have_left_behind)
{
    BOOST_TEST(in_a_coroutine(left_behind));
}

BOOST_AUTO_TEST_CASE(result_fails_when_the_owner_of_the_swarm_has_died)
{
    BOOST_TEST(in_a_root([](checks& check) {
        asio::io_context io;
        server_limits limits;
        limits.session_expiry = 500ms;
        context_options options;
        options.limits(limits);
        context ctx(io, options);
        bool ended = false;
        asio::co_spawn(io, orphaned(ctx, check),
                       [&](const std::exception_ptr& error) { ended = !error; });
        io.run();
        check(ended, "the coroutine came to its end");
    }));
}

BOOST_AUTO_TEST_CASE(loop_that_is_destroyed_first_drops_who_waits_for_results)
{
    BOOST_TEST(in_a_root([](checks& check) { loop_is_destroyed_first(check); }));
}

BOOST_AUTO_TEST_SUITE_END()
