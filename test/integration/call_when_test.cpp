// Processes that are called on every event.

#include "integration/program.hpp"
#include "support/operation_world.hpp"

#include <zproc.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;
using zproc::test::outcome;

/// Notes what it is called with in a namespace of its own.
asio::awaitable<void> note(context ctx, event e)
{
    auto notes = ctx.state("notes");
    co_await notes.append("revisions", e.revision);
    co_await notes.increment("calls");
}

void end_with(const event& e, int code)
{
    if (e.changes.at(0).after == value(3))
        throw process_exit{code};
}

[[noreturn]] void fail_at_once(event)
{
    throw std::runtime_error("an event too many");
}

asio::awaitable<void> echo(context ctx, event e, std::string to)
{
    co_await ctx.state().set(to, e.changes.at(0).after.value_or(nullptr));
}

asio::awaitable<void> wait_for_calls(context ctx, int many)
{
    auto w =
        ctx.state("notes").when("calls", [many](const value& v) { return v.get<int>() >= many; });
    static_cast<void>(co_await w.next());
}

} // namespace

BOOST_AUTO_TEST_SUITE(processes_called_on_events)

BOOST_AUTO_TEST_CASE(call_when_change_misses_no_event_since_the_call)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        co_await state.set("k", 0);
        auto called = co_await ctx.call_when_change("k", {.count = 50}, note);
        for (int i = 1; i <= 50; ++i)
            co_await state.set("k", i);
        co_await called.result();
        const auto seen = co_await ctx.state("notes").get("revisions");
        check(seen.size() == 50 && seen[0] == 2 && seen[49] == 51, "each once, in order");
        check(called.name().find("note") != std::string::npos, "it has the function's name");
    }));
}

BOOST_AUTO_TEST_CASE(call_when_change_sees_what_happens_while_the_process_starts)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto calling =
            ctx.call_when_change(keys("a", "b"), {.count = 2}, note, asio::use_awaitable);
        state.set("a", 1)(asio::detached); // before the call was even made
        auto called = co_await std::move(calling);
        co_await state.set("b", 1);
        co_await state.set("c", 1);
        co_await state.set("a", 2);
        co_await called.result();
        check((co_await ctx.state("notes").get("revisions")) == list_of(2, 4), "those after it");
    }));
}

/// Whatever else the call has to wait for, a watcher that is being registered for one.
BOOST_AUTO_TEST_CASE(call_when_change_begins_where_it_was_called)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto watched = ctx.state("other").when_change();
        outcome<process<>> called;
        state.set("k", 1)(asio::detached);
        ctx.call_when_change("k", {.count = 1}, note,
                             [&](error_code ec, process<> p) { called(ec, std::move(p)); });
        state.set("k", 2)(asio::detached);
        co_await state.set("k", 3);
        asio::steady_timer timer(ctx.get_executor());
        while (!called.done()) {
            timer.expires_after(std::chrono::milliseconds(1));
            co_await timer.async_wait(asio::use_awaitable);
        }
        co_await called.value->result();
        check((co_await ctx.state("notes").get("revisions")) == list_of(2), "the first after it");
    }));
}

BOOST_AUTO_TEST_CASE(a_function_ends_its_process_by_what_it_throws)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto ends = co_await ctx.call_when_change(end_with, 7);
        auto fails = co_await ctx.call_when_available("k", fail_at_once);
        for (int i = 1; i <= 4; ++i)
            co_await state.set("k", i);
        const auto info = co_await ends.wait();
        check(info.code == 7, "process_exit gives the code");
        bool reported = false;
        try {
            co_await fails.result();
        } catch (const remote_error& e) {
            reported = std::string(e.what()).find("too many") != std::string::npos;
        }
        check(reported, "an exception is reported");
    }));
}

BOOST_AUTO_TEST_CASE(call_when_a_condition_tests_the_moment_of_the_call)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        co_await state.set("k", 3);
        auto equal = co_await ctx.call_when_equal("k", 3, {.count = 1}, echo, "equal");
        co_await state.set("k", 4); // true then, and not any more when the process has come so far
        auto unequal = co_await ctx.call_when_not_equal("k", 3, {.count = 1}, echo, "unequal");
        auto truthy = co_await ctx.call_when_truthy("k", {.count = 1}, echo, "truthy");
        auto not_none = co_await ctx.call_when_not_none("k", {.count = 1}, echo, "not_none");
        auto falsy = co_await ctx.call_when_falsy("k", {.count = 1}, echo, "falsy");
        auto none = co_await ctx.call_when_none("k", {.count = 1}, echo, "none");
        co_await state.set("k", nullptr);
        co_await equal.result();
        co_await unequal.result();
        co_await truthy.result();
        co_await not_none.result();
        co_await falsy.result();
        co_await none.result();
        const auto all = co_await state.items();
        check(all["equal"] == 3 && all["unequal"] == 4 && all["truthy"] == 4 &&
                  all["not_none"] == 4,
              "what held at the call");
        check(all["falsy"].is_null() && all.contains("falsy") && all.contains("none"),
              "and what came to hold");
    }));
}

BOOST_AUTO_TEST_CASE(call_when_a_predicate_is_evaluated_in_the_process)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto of_key = co_await ctx.call_when(
            "k", [](const value& v) { return v.get<int>() > 2; }, {.count = 1}, echo, "of key");
        auto of_all = co_await ctx.call_when(
            [](const dict& d) { return d["a"] == 1 && d["k"] == 3; }, {.count = 1}, echo, "of all");
        for (int i = 0; i != 5; ++i)
            co_await state.set("k", i);
        co_await state.set("k", 3);
        co_await state.set("a", 1);
        co_await of_key.result();
        co_await of_all.result();
        check(co_await state.get<int>("of key") == 3, "the first that held");
        check(co_await state.get<int>("of all") == 1, "of two keys");
    }));
}

BOOST_AUTO_TEST_CASE(calls_watch_the_default_namespace_and_are_stopped_like_processes)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto other = ctx.with_namespace("other");
        auto called = co_await other.call_when_change(note);
        co_await ctx.state().set("k", 1);
        co_await other.state().set("k", 1);
        co_await wait_for_calls(ctx, 1);
        check((co_await ctx.state("notes").get("revisions")) == list_of(1), "of that one only");
        co_await called.stop();
        check(!called.running(), "it ends when told to");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
