// Watchers, against a real state process and its ring.

#include "integration/conformance.hpp"

#include <zproc.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <signal.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::holds;

asio::awaitable<void> write_numbers(context ctx, int first, int last)
{
    auto state = ctx.state();
    for (int i = first; i <= last; ++i)
        co_await state.set("n", i);
}

} // namespace

BOOST_AUTO_TEST_SUITE(watchers)

ZPROC_CONFORMS(when_change_yields_what_happens_after_it_was_made)
{
    auto watching = ctx.state();
    auto writing = ctx.state();
    co_await writing.set("n", 0);
    auto w = watching.when_change("n");
    co_await writing.set("n", 1);
    co_await writing.set("other", 1);
    co_await writing.set("n", 2);
    auto e = co_await w.next();
    check(e && e->changes.size() == 1 && e->changes[0].before == value(0) &&
              e->changes[0].after == value(1) && e->revision == 2,
          "the first change since");
    e = co_await w.next();
    check(e && e->changes[0].after == value(2) && e->revision == 4, "the second");
}

BOOST_AUTO_TEST_CASE(when_change_made_before_the_connection_sees_what_a_later_process_does)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto w = ctx.state().when_change("n"); // nothing is connected yet
        auto writer = co_await ctx.spawn(write_numbers, 1, 20);
        for (int i = 1; i <= 20; ++i) {
            const auto e = co_await w.next();
            check(e && e->changes[0].after == value(i), "each in order");
        }
        co_await writer.result();
    }));
}

ZPROC_CONFORMS(since_replays_history_and_count_ends_it)
{
    co_await write_numbers(ctx, 1, 100);
    auto w = ctx.state().when_change("n", {.since = 40, .count = 60});
    std::uint64_t expected = 41;
    while (auto e = co_await w.next())
        check(e->revision == expected++, "each once, in order");
    check(expected == 101, "all of them");
    check(!(co_await w.next()).has_value(), "the end stays the end");
    check(co_await code_of(std::move(w)) == errc::end_of_stream, "as one event: an error");
}

ZPROC_CONFORMS(next_some_yields_what_is_at_hand_in_order)
{
    co_await write_numbers(ctx, 1, 100);
    auto w = ctx.state().when_change("n", {.since = 0, .count = 100});
    std::uint64_t expected = 1;
    for (const std::size_t most : {0u, 1u, 7u, 200u}) {
        const auto some = co_await w.next_some(most);
        check(!some.empty() && some.size() <= std::max<std::size_t>(most, 1), "no more than asked");
        for (const auto& each : some)
            check(each.revision == expected++, "each once, in order");
    }
    check(expected >= 5, "at least one each time");
    while (expected <= 100) {
        const auto some = co_await w.next_some(1000);
        check(!some.empty(), "there are more");
        for (const auto& each : some)
            check(each.revision == expected++, "and the rest");
    }
    check((co_await w.next_some(10)).empty(), "the end");
    check((co_await w.next_some(10)).empty(), "stays the end");
}

ZPROC_CONFORMS(next_and_next_some_take_turns_and_skip_what_does_not_concern_them)
{
    constexpr int rounds = 300; // of three transactions, two of which concern the watcher
    auto s = ctx.state();
    for (int i = 0; i != rounds; ++i) {
        co_await s.set("n", i);
        co_await s.set("other", i);
        const auto both = dict::of("m", i, "n", std::string(40, 'n'), "other", "");
        co_await s.update(both);
    }
    const auto two = keys("m", "n");
    auto w = ctx.state().when_change(two, {.since = 0, .count = 2 * rounds});
    std::uint64_t seen = 0;
    const auto take = [&](const event& e) {
        const auto i = static_cast<int>(seen / 2);
        check(e.revision == 3 * (seen / 2) + 1 + 2 * (seen % 2), "each once, in order");
        if (seen++ % 2 == 0)
            check(e.changes.size() == 1 && e.changes[0].after == value(i), "of one change");
        else
            check(e.changes.size() == 2 && e.changes[0].after == value(i) &&
                      e.changes[1].before == value(i) && e.changes[1].key == "n",
                  "of two, without the third");
    };
    for (std::size_t most = 1; seen != 2 * rounds; most = 3 * most + 1) {
        const auto one = co_await w.next();
        check(one.has_value(), "there are more");
        if (!one)
            co_return;
        take(*one);
        const auto some = co_await w.next_some(most);
        check(some.size() <= most, "no more than asked");
        for (const auto& each : some)
            take(each);
    }
    check((co_await w.next_some(10)).empty(), "the end");
}

ZPROC_CONFORMS(next_some_waits_for_the_first_event)
{
    auto watching = ctx.state();
    auto writing = ctx.state();
    auto w = watching.when_change("n");
    co_await ctx.ping();
    std::vector<event> got;
    w.next_some(10, [&](error_code ec, std::vector<event> some) {
        if (!ec)
            got = std::move(some);
    });
    co_await writing.set("other", 1);
    check(got.empty(), "nothing that concerns it");
    co_await writing.set("n", 1);
    const auto e = co_await writing.when_equal("n", 1);
    while (got.empty())
        co_await ctx.ping();
    check(got.size() == 1 && got[0].changes[0].after == value(1) && e.revision == got[0].revision,
          "then the one that there is");
}

ZPROC_CONFORMS(since_a_time_begins_after_it)
{
    co_await write_numbers(ctx, 1, 3);
    auto state = ctx.state();
    auto first = co_await state.when_change("n", {.since = 1});
    check(first.revision == 2, "by revision");
    auto later = co_await state.when_change("n", {.since = first.time});
    check(later.revision == 3, "by its time");
    const auto start = std::chrono::system_clock::now() - 1h;
    auto all = co_await state.when_change("n", {.since = start});
    check(all.revision == 1, "since before it all");
}

ZPROC_CONFORMS(own_changes_are_hidden_unless_asked_for)
{
    auto state = ctx.state();
    auto copy = state;
    auto other = ctx.state();
    auto hidden = state.when_change();
    auto shown = state.when_change({.own = true});
    co_await copy.set("a", 1);
    co_await other.set("b", 1);
    auto e = co_await hidden.next();
    check(e && e->changes[0].key == "b", "a copy's changes are own ones");
    e = co_await shown.next();
    check(e && e->changes[0].key == "a", "asked for");
    const auto mine = e->origin;
    e = co_await shown.next();
    check(e && e->origin != mine, "each handle is an origin of its own");
}

ZPROC_CONFORMS(one_transaction_is_one_event)
{
    auto writing = ctx.state();
    auto w = ctx.state().when_change();
    auto pair = ctx.state().when_change("a", "c");
    auto rest = ctx.state().when_change("a", {.exclude = true});
    co_await writing.update(dict::of("a", 1, "b", 2, "c", 3));
    auto e = co_await w.next();
    check(e && e->changes.size() == 3, "all keys");
    e = co_await pair.next();
    check(e && e->changes.size() == 2, "those asked for");
    e = co_await rest.next();
    check(e && e->changes.size() == 2, "all but one");
    co_await writing.replace(dict::of("a", 1, "d", 4));
    e = co_await w.next();
    check(e && e->changes.size() == 3, "a replacement: b, c, d, and not a");
}

ZPROC_CONFORMS(conditions_test_the_present_first)
{
    auto state = ctx.state();
    co_await state.set("n", 5);
    auto e = co_await state.when_available("n", {.timeout = 10s});
    check(e.kind == event_kind::present && e.changes[0].after == value(5), "available");
    e = co_await state.when_equal("n", 5, {.timeout = 10s});
    check(e.kind == event_kind::present, "equal");
    e = co_await state.when("n", [](const value& v) { return v.get<int>() > 4; }, {.timeout = 10s});
    check(e.kind == event_kind::present, "a predicate on a key");
    e = co_await state.when([](const dict& d) { return d.size() == 1; }, {.timeout = 10s});
    check(e.kind == event_kind::present, "a predicate on everything");

    auto ready = state.when_equal("n", 7);
    auto both = state.when([](const dict& d) { return d["n"] == 7 && d["m"] == 8; });
    co_await state.set("n", 6);
    co_await state.set("n", 7);
    auto next = co_await ready.next();
    check(next && next->kind == event_kind::change && next->revision == 3, "later");
    co_await state.set("m", 8);
    next = co_await both.next();
    check(next && next->revision == 4, "over two keys");
}

ZPROC_CONFORMS(timeout_is_per_event_and_loses_none)
{
    auto writing = ctx.state();
    auto w = ctx.state().when_change("n", {.timeout = 30ms});
    const auto before = std::chrono::steady_clock::now();
    check(co_await code_of(w.next()) == asio::error::timed_out, "nothing came");
    check(std::chrono::steady_clock::now() - before >= 30ms, "after its time");
    co_await writing.set("n", 1);
    auto e = co_await w.next();
    check(e && e->changes[0].after == value(1), "the next one is there");
}

ZPROC_CONFORMS(go_live_and_live_skip_what_is_pending)
{
    auto writing = ctx.state();
    auto w = ctx.state().when_change("n");
    auto live = ctx.state().when_change("n", {.timeout = 30ms, .live = true});
    co_await writing.set("n", 1);
    co_await writing.set("n", 2);
    co_await ctx.ping();
    w.go_live();
    check(co_await code_of(live.next()) == asio::error::timed_out, "live sees nothing old");
    co_await writing.set("n", 3);
    const auto e = co_await w.next();
    check(e && e->changes[0].after == value(3), "only what came after go_live");
}

BOOST_AUTO_TEST_CASE(go_live_and_live_skip_nothing_that_comes_later_when_the_ring_was_replaced)
{
    BOOST_TEST(holds(
        [](context ctx, checks& check) -> asio::awaitable<void> {
            auto writing = ctx.state();
            auto w = ctx.state().when_change("n", {.timeout = 5s});
            auto live = ctx.state().when_change("n", {.timeout = 5s, .live = true});
            const std::string padding(4000, 'x');
            for (int i = 1; i != 4; ++i) {
                co_await writing.set("n", 10 * i);
                // They sleep while it grows, and have to fetch the new one first.
                for (int k = 0; k != 40 << i; ++k)
                    co_await writing.set("k" + std::to_string(1000 * i + k), padding);
                w.go_live();
                int seen = 0;
                live.next([&](error_code ec, std::optional<event> e) {
                    seen += !ec && e && e->changes[0].after == value(10 * i + 1);
                });
                co_await writing.set("n", 10 * i + 1);
                const auto e = co_await w.next();
                check(e && e->changes[0].after == value(10 * i + 1), "what came after go_live");
                co_await writing.set("n", 10 * i + 2);
                check(seen == 1, "what came after next() of a live one");
                check((co_await w.next()).has_value(), "and what came then");
            }
        },
        context_options{}.journal_size(64 << 10)));
}

ZPROC_CONFORMS(cancel_ends_the_stream)
{
    auto w = ctx.state().when_change("n");
    bool ended = false;
    w.next([&](error_code ec, std::optional<event> e) { ended = !ec && !e; });
    w.cancel();
    check(!(co_await w.next()).has_value(), "the end");
    check(ended, "also for who was waiting");
}

BOOST_AUTO_TEST_CASE(a_lapped_watcher_resyncs_and_goes_on)
{
    BOOST_TEST(holds(
        [](context ctx, checks& check) -> asio::awaitable<void> {
            auto writing = ctx.state();
            auto watching = ctx.state();
            co_await writing.set("rare", "first");
            auto w = watching.when_change("n");
            auto strict = watching.when_change("n", {.on_gap = gap::fail});
            co_await ctx.ping();
            const std::string padding(1000, 'x');
            const int count = 3000;
            for (int i = 1; i <= count; ++i)
                co_await writing.set("n", std::to_string(i) + padding);
            auto e = co_await w.next();
            check(e && e->kind == event_kind::resync && e->missed > 0, "it says it was lapped");
            std::uint64_t seen = e->missed;
            std::uint64_t last = e->revision;
            while (seen < count) {
                e = co_await w.next();
                check(e && e->kind == event_kind::change && e->revision == last + 1,
                      "then every retained event");
                ++seen;
                last = e->revision;
            }
            check(last == count + 1, "up to the last");
            check(w.missed() > 0, "it remembers");
            check(co_await code_of(strict.next_some(9)) == errc::journal_overrun, "or fails");
            const auto some = co_await strict.next_some(9);
            check(!some.empty() && some.front().revision > 1, "and goes on then");
            auto all = watching.when_change({.since = 0});
            e = co_await all.next();
            check(e && e->kind == event_kind::resync, "history from the beginning is gone");
            bool rare = false;
            for (const auto& c : e->changes)
                rare = rare || (c.key == "rare" && c.after == value("first"));
            check(rare, "but not what was set then");
        },
        context_options{}.journal_size(256 << 10)));
}

BOOST_AUTO_TEST_CASE(a_growing_ring_loses_nothing)
{
    BOOST_TEST(holds(
        [](context ctx, checks& check) -> asio::awaitable<void> {
            auto writing = ctx.state();
            auto w = ctx.state().when_change();
            const std::string padding(4000, 'x');
            for (int i = 0; i != 500; ++i) {
                co_await writing.set("k" + std::to_string(i), padding);
                const auto e = co_await w.next();
                check(e && e->kind == event_kind::change &&
                          e->revision == static_cast<std::uint64_t>(i) + 1,
                      "each event, across rings");
            }
            check(co_await writing.size() == 500, "every key is there");
            check(co_await writing.get<std::string>("k0") == padding, "with its value");
        },
        context_options{}.journal_size(64 << 10)));
}

BOOST_AUTO_TEST_CASE(a_watcher_goes_on_when_the_state_process_is_killed)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto writing = ctx.state();
        auto w = ctx.state().when_change("n");
        for (int i = 1; i <= 3; ++i) {
            co_await writing.set("n", 2 * i);
            const auto server = co_await ctx.ping();
            bool came = false;
            w.next([&](error_code ec, std::optional<event> e) {
                came = !ec && e && e->changes[0].after == value(2 * i);
            });
            check(::kill(server.pid, SIGKILL) == 0, "killed");
            co_await writing.set("n", 2 * i + 1);
            check(came, "what was before");
            const auto e = co_await w.next();
            check(e && e->changes[0].after == value(2 * i + 1), "and what came after");
        }
    }));
}

BOOST_AUTO_TEST_SUITE_END()
