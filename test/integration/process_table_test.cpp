// The table of processes, monitors and links.

#include "integration/holds.hpp"
#include "supervisor/sanitized.hpp"

#include <zproc/context.hpp>
#include <zproc/process_info.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

asio::awaitable<void> sleep_for_ever()
{
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

asio::awaitable<void> ready_for_ever(context ctx)
{
    ctx.notify_ready();
    co_await sleep_for_ever();
}

asio::awaitable<void> owner_of_one(context ctx)
{
    auto inner = co_await ctx.spawn(spawn_options{}.name("inner"), sleep_for_ever);
    co_await inner.wait();
}

asio::awaitable<void> owner_of_a_linked_one(context ctx)
{
    auto inner = co_await ctx.spawn(spawn_options{}.name("inner").linked(), sleep_for_ever);
    co_await ctx.state().set("inner", inner.pid());
    co_await sleep_for_ever();
}

void fail()
{
    std::cerr << "first line\n";
    std::fprintf(stderr, "second %s\n", "line");
    throw std::runtime_error("boom");
}

void fault()
{
    std::cerr << "just before" << std::endl;
    ::raise(SIGSEGV);
}

asio::awaitable<process_info> line_of(context ctx, std::uint64_t id)
{
    for (const auto& each : co_await ctx.processes())
        if (each.id == id)
            co_return each;
    co_return process_info{};
}

} // namespace

BOOST_AUTO_TEST_SUITE(process_tables)

BOOST_AUTO_TEST_CASE(life_of_a_process_is_a_series_of_events)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto events = ctx.state(process_table).when_change();
        auto p = co_await ctx.spawn(spawn_options{}.name("watched"), ready_for_ever);
        co_await p.when(process_status::ready);
        co_await p.stop();
        std::vector<std::string> seen;
        std::uint64_t revision = 0;
        while (seen.empty() || seen.back() != "down") {
            const auto event = co_await events.next();
            check(event->revision > revision, "revisions grow");
            revision = event->revision;
            const auto& line = event->changes.front().after;
            if (line && (*line)["name"] == "watched") {
                check((*line)["pid"] == p.pid() && (*line)["owner_pid"] == ::getpid(),
                      "pid and owner");
                seen.push_back((*line)["status"].get<std::string>());
            }
        }
        check(seen == std::vector<std::string>{"up", "ready", "stopping", "down"}, "in order");
    }));
}

BOOST_AUTO_TEST_CASE(table_lists_who_runs_and_how_others_ended)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto outer = co_await ctx.spawn(spawn_options{}.name("outer"), owner_of_one);
        auto failed = co_await ctx.spawn(spawn_options{}.name("failing"), fail);
        co_await failed.wait();
        co_await ctx.monitor(failed.id()).next();
        const auto line = co_await line_of(ctx, failed.id());
        check(line.status == process_status::failed && line.code == 1, "how it ended");
        std::ostringstream text;
        text << line;
        check(text.str().find("'failing'") != std::string::npos &&
                  text.str().find("failed code 1") != std::string::npos,
              "in one line");
        auto inner = ctx.state(process_table).when([](const dict& all) {
            return std::ranges::any_of(
                all, [](const auto& each) { return each.second["name"] == "inner"; });
        });
        co_await inner.next();
        const auto all = co_await ctx.processes();
        const auto found = std::ranges::find(all, std::string("inner"), &process_info::name);
        check(found != all.end() && found->owner == outer.id() && found->owner_pid == outer.pid(),
              "nested ones have their owner");
        check(std::ranges::any_of(all, [](auto& each) { return each.service; }), "services, too");
        co_await outer.stop();
    }));
}

BOOST_AUTO_TEST_CASE(table_survives_the_state_process)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(spawn_options{}.name("survivor"), sleep_for_ever);
        const auto server = (co_await ctx.ping()).pid;
        auto restarted = ctx.state(process_table).when([](const dict& all) {
            return std::ranges::any_of(all, [](const auto& each) {
                return each.second["service"] == true && each.second["attempt"] == 2;
            });
        });
        ::kill(server, SIGKILL);
        co_await restarted.next();
        check((co_await line_of(ctx, p.id())).status == process_status::up, "still listed");
        co_await p.stop();
        co_await ctx.monitor(p.id()).next();
        check((co_await line_of(ctx, p.id())).status == process_status::down, "and followed");
    }));
}

BOOST_AUTO_TEST_CASE(linked_processes_fall_together_with_the_cause)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto first = co_await ctx.spawn(spawn_options{}.name("first"), sleep_for_ever);
        auto second = co_await ctx.spawn(spawn_options{}.name("second"), sleep_for_ever);
        auto third = co_await ctx.spawn(sleep_for_ever);
        check(!ctx.link(first, second), "linked");
        check(ctx.link(first, process<>()) == errc::process_gone, "not with nobody");
        first.terminate();
        const auto end = co_await second.wait();
        check(end.signal == SIGTERM && end.cause.find("'first'") != std::string::npos &&
                  end.cause.find("SIGKILL") != std::string::npos,
              "the other one falls, and knows why");
        check(third.running(), "a third one does not");
        co_await third.stop();

        auto a = co_await ctx.spawn(sleep_for_ever);
        auto b = co_await ctx.spawn(sleep_for_ever);
        ctx.link(a, b);
        co_await a.stop();
        check(b.running(), "who is stopped takes nobody along");
        co_await b.stop();
    }));
}

BOOST_AUTO_TEST_CASE(owner_falls_with_a_linked_child)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto inner = ctx.state().when_available("inner");
        auto owner = co_await ctx.spawn(spawn_options{}.name("owner"), owner_of_a_linked_one);
        const auto event = co_await inner.next();
        ::kill(event->changes.front().after->get<int>(), SIGKILL);
        const auto end = co_await owner.wait();
        check(end.signal == SIGTERM && end.cause.find("'inner'") != std::string::npos, "falls");
    }));
}

BOOST_AUTO_TEST_CASE(failures_come_with_the_last_lines)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto thrower = co_await ctx.spawn(fail);
        const auto end = co_await thrower.wait();
        check(end.last_lines.size() >= 2 && end.last_lines[0] == "first line" &&
                  end.last_lines[1] == "second line",
              "of an exception");
        if (supervision::sanitized) // whose own handlers of faults know nothing of us
            co_return;
        auto crasher = co_await ctx.spawn(fault);
        const auto crash = co_await crasher.wait();
        check(!crash.last_lines.empty() && crash.last_lines.front() == "just before", "of a fault");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
