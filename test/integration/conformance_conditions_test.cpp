// Conditions, and what watchers and reads tell: the same of every engine.

#include "integration/conformance.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using clock = std::chrono::steady_clock;

/// Gives a key one value of each kind, at revisions 1 to 9, and erases it.
asio::awaitable<void> play(state s)
{
    const list values = list_of(nullptr, 0, 3, "", "x", list(), list_of(1), false, true);
    for (const auto& each : values)
        co_await s.set("k", each);
    co_await s.erase("k");
}

/// The revisions of a watcher's events until it is cancelled by there being no more.
asio::awaitable<std::vector<std::uint64_t>> revisions_of(watcher w)
{
    std::vector<std::uint64_t> seen;
    for (;;) {
        const auto [ec, e] = co_await w.next(asio::as_tuple(asio::use_awaitable));
        if (ec || !e)
            co_return seen;
        seen.push_back(e->revision);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(conditions_of_a_state)

ZPROC_CONFORMS(each_condition_holds_for_what_its_name_says)
{
    struct row {
        const char* name;
        watcher (*make)(const state&, watch_options);
        std::vector<std::uint64_t> seen;
    };
    const std::vector<row> rows{
        {"available",
         [](const state& s, watch_options o) { return s.when_available("k", o); },
         {1, 2, 3, 4, 5, 6, 7, 8, 9}},
        {"none", [](const state& s, watch_options o) { return s.when_none("k", o); }, {1}},
        {"not_none",
         [](const state& s, watch_options o) { return s.when_not_none("k", o); },
         {2, 3, 4, 5, 6, 7, 8, 9}},
        {"truthy",
         [](const state& s, watch_options o) { return s.when_truthy("k", o); },
         {3, 5, 7, 9}},
        {"falsy",
         [](const state& s, watch_options o) { return s.when_falsy("k", o); },
         {1, 2, 4, 6, 8}},
        {"equal", [](const state& s, watch_options o) { return s.when_equal("k", 3, o); }, {3}},
        {"not_equal",
         [](const state& s, watch_options o) { return s.when_not_equal("k", 3, o); },
         {1, 2, 4, 5, 6, 7, 8, 9}},
        {"predicate",
         [](const state& s, watch_options o) {
             return s.when("k", [](const value& v) { return v.is_string(); }, o);
         },
         {4, 5}},
        {"of everything",
         [](const state& s, watch_options o) {
             return s.when([](const dict& d) { return d.empty(); }, o);
         },
         {10}},
        {"change",
         [](const state& s, watch_options o) { return s.when_change("k", o); },
         {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
    };
    for (const auto& each : rows) {
        const auto own = ctx.with_namespace(each.name);
        // One as it happens, and one that reads it up.
        auto live = each.make(own.state(), {.count = each.seen.size()});
        co_await play(own.state());
        auto later = each.make(own.state(), {.since = 0, .timeout = 20ms});
        auto seen = co_await revisions_of(std::move(live));
        if (std::string_view(each.name) == "of everything")
            check(seen == std::vector<std::uint64_t>{0}, "what is empty is so from the first");
        else
            check(seen == each.seen, each.name);
        seen = co_await revisions_of(std::move(later));
        check(seen == each.seen, each.name);
    }
}

ZPROC_CONFORMS(a_missing_key_satisfies_no_condition)
{
    auto state = ctx.state();
    const watch_options soon{.timeout = 10ms};
    std::vector<watcher> all;
    all.push_back(state.when_available("k", soon));
    all.push_back(state.when_none("k", soon));
    all.push_back(state.when_not_none("k", soon));
    all.push_back(state.when_falsy("k", soon));
    all.push_back(state.when_not_equal("k", 1, soon));
    for (auto& each : all)
        check(co_await code_of(each.next()) == asio::error::timed_out, "no event");
}

ZPROC_CONFORMS(present_events_have_a_time_that_the_later_ones_follow)
{
    using namespace std::chrono;
    auto state = ctx.state();
    const auto before = system_clock::now();
    co_await state.set("k", 1);
    auto now = state.when_truthy("k");
    auto since = state.when_truthy("k", {.since = 0});
    auto all = state.when([](const dict& d) { return d["k"].truthy(); });
    for (auto* each : {&now, &all}) {
        const auto e = co_await each->next();
        check(e && e->kind == event_kind::present && e->time >= before &&
                  e->time <= system_clock::now(),
              "of the present");
        check(e && e->changes.size() == (each == &now ? 1u : 0u), "with the key of the condition");
        co_await state.set("k", 2);
        const auto next = co_await each->next();
        check(next && next->time >= e->time, "it does not go backwards");
    }
    const auto e = co_await since.next();
    check(e && e->kind == event_kind::change && e->time >= before, "of the past");
}

ZPROC_CONFORMS(an_edge_is_only_what_becomes_true)
{
    auto state = ctx.state();
    co_await state.set("k", 5);
    auto w = state.when_truthy("k", {.edge = true});
    co_await state.set("k", 6);
    co_await state.set("k", 0);
    co_await state.set("k", 7);
    const auto e = co_await w.next();
    check(e && e->revision == 4 && e->kind == event_kind::change, "false to true");
}

ZPROC_CONFORMS(held_for_waits_until_it_has_stayed_true)
{
    auto writing = ctx.state();
    co_await writing.set("pressed", false);
    auto w = ctx.state().when_truthy("pressed", {.held_for = 60ms});
    co_await writing.set("pressed", true); // short
    co_await writing.set("pressed", false);
    const auto pressed = clock::now();
    co_await writing.set("pressed", true); // and long
    const auto e = co_await w.next();
    const auto took = clock::now() - pressed;
    check(e && e->revision == 4, "the press that lasted");
    check(took >= 59ms, "not before its time");
    check(took < 2s, "and not long after it");
    co_await writing.set("pressed", true);
    co_await writing.set("pressed", false);
    auto again = ctx.state().when_truthy("pressed", {.timeout = 10ms, .held_for = 60ms});
    check(co_await code_of(again.next()) == asio::error::timed_out, "nothing is pressed");
    co_await writing.set("pressed", true);
    const auto second = co_await w.next();
    check(second && second->revision == 7, "once each time");
}

ZPROC_CONFORMS(held_for_counts_what_holds_already_from_now)
{
    auto state = ctx.state();
    co_await state.set("k", 1);
    const auto begun = clock::now();
    auto w = state.when_truthy("k", {.held_for = 30ms});
    const auto e = co_await w.next();
    check(e && e->kind == event_kind::present, "the present");
    check(clock::now() - begun >= 29ms, "in its time");
}

ZPROC_CONFORMS(held_for_reads_history_by_its_times)
{
    auto state = ctx.state();
    co_await state.set("k", true);
    asio::steady_timer timer(co_await asio::this_coro::executor, 40ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_await state.set("k", false);
    co_await state.set("k", true);
    co_await state.set("k", false);
    auto w = state.when_truthy("k", {.since = 0, .timeout = 20ms, .held_for = 30ms});
    const auto e = co_await w.next();
    check(e && e->revision == 1, "it had held");
    check(co_await code_of(w.next()) == asio::error::timed_out, "the other had not");
}

ZPROC_CONFORMS(timeout_is_exact_and_loses_nothing)
{
    auto state = ctx.state();
    auto w = state.when_change("k", {.timeout = 50ms, .own = true});
    const auto begun = clock::now();
    check(co_await code_of(w.next()) == asio::error::timed_out, "nothing happened");
    const auto took = clock::now() - begun;
    check(took >= 49ms && took < 1s, "in that time");
    co_await state.set("k", 1);
    const auto e = co_await w.next();
    check(e && e->revision == 1, "and nothing was lost");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(dictionary_of_a_state)

ZPROC_CONFORMS(items_and_pop_item_are_those_of_a_dictionary)
{
    auto state = ctx.state();
    co_await state.update(dict::of("a", 1, "b", 2));
    check(co_await state.items() == dict::of("a", 1, "b", 2), "items");
    const auto first = co_await state.pop_item<int>();
    const auto second = co_await state.pop_item();
    check(first.first != second.first, "one after the other");
    check(first.second + second.second.get<int>() == 3, "with their values");
    check(co_await state.size() == 0, "until it is empty");
    check(co_await code_of(state.pop_item()) == errc::no_such_key, "and then");
}

ZPROC_CONFORMS(reads_leave_no_trace_and_equal_writes_do)
{
    auto state = ctx.state();
    co_await state.set("k", 1);
    static_cast<void>(co_await state.get("k"));
    static_cast<void>(co_await state.contains("k"));
    static_cast<void>(co_await state.keys());
    static_cast<void>(co_await state.snapshot());
    static_cast<void>(co_await state.at(1));
    check((co_await state.snapshot()).revision() == 1, "reads make no revision");
    auto hidden = ctx.state().when_change("k", {.since = 1, .timeout = 10ms});
    auto shown = ctx.state().when_change("k", {.since = 1, .identical = true});
    co_await state.set("k", 1);
    check((co_await state.snapshot()).revision() == 2, "an equal write makes one");
    check((co_await shown.next())->revision == 2, "for who wants to see it");
    check(co_await code_of(hidden.next()) == asio::error::timed_out, "and not for the others");
}

ZPROC_CONFORMS(replace_is_one_event_of_every_key_that_changed)
{
    auto state = ctx.state();
    co_await state.update(dict::of("same", 1, "other", 2, "gone", 3));
    auto w = ctx.state().when_change();
    co_await state.replace(dict::of("same", 1, "other", 5, "fresh", 6));
    const auto e = co_await w.next();
    check(e && e->changes.size() == 3, "one event");
    for (const auto& each : e->changes)
        check(each.key != "same", "without what stayed");
}

ZPROC_CONFORMS(diagnostics_say_in_words_what_a_code_cannot)
{
    auto state = ctx.state();
    co_await state.set("k", "text");
    diagnostics why;
    check(co_await code_of(state.get<int>("k", why)) == errc::type_mismatch, "the code");
    check(why.text.find("string") != std::string::npos && why.text.find("int") != std::string::npos,
          "names both types");
    static_cast<void>(co_await state.get<std::string>("k", why));
    check(why.text.empty(), "and says nothing of a success");
    check(co_await code_of(state.increment("k", why)) == errc::type_mismatch, "of a write");
    check(!why.text.empty(), "in the server's words");
    const auto [ec] = co_await state.append("k", 1, why, asio::as_tuple(asio::use_awaitable));
    check(ec == errc::type_mismatch && why.text.find("list") != std::string::npos, "with a token");
}

ZPROC_CONFORMS(a_handle_says_where_its_changes_come_from)
{
    auto one = ctx.state();
    auto two = ctx.state();
    co_await one.set("k", 1);
    const auto copy = one.with_namespace("other");
    check(one.origin().session != 0, "after the first operation");
    check(one.origin() != two.origin() && one.origin().session == two.origin().session,
          "each handle its own");
    check(copy.origin() == one.origin(), "copies keep it");
    const auto all = co_await one.history("k");
    check(all.at(0).origin == one.origin(), "as events say");
}

BOOST_AUTO_TEST_SUITE_END()
