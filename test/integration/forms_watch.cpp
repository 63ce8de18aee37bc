// Each way to make a watcher and to await it.

#include "integration/forms.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(forms_watch)

ZPROC_FORM(options_are_braced_in_place)
{
    auto other = ctx.state();
    co_await other.set("x", text);
    auto e = co_await state.when_change("x", {.since = 0});
    ZPROC_HOLDS(e.revision == 1 && e.changes[0].after == text);
    e = co_await state.when_change("x", {.since = 0, .count = 1, .timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_change({.since = 0, .timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_change("y", {.since = 0, .timeout = 10s, .exclude = true});
    ZPROC_HOLDS(e.changes[0].key == "x");
    e = co_await state.when_change("x", "y", {.since = 0, .timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_change("x", "y", "z", {.since = 0, .timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_available("x", {.timeout = 10s});
    ZPROC_HOLDS(e.kind == event_kind::present);
}

ZPROC_FORM(options_take_any_number_and_time)
{
    auto other = ctx.state();
    co_await other.set("x", 1);
    const std::uint64_t revision = 0;
    const int count = 1;
    const auto earlier = std::chrono::system_clock::now() - 1h;
    auto e = co_await state.when_change("x", {.since = revision, .count = count});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_change("x", {.since = earlier});
    ZPROC_HOLDS(e.revision == 1);
    e = co_await state.when_change(
        "x", {.since = std::chrono::floor<std::chrono::seconds>(earlier), .timeout = 2min});
    ZPROC_HOLDS(e.revision == 1);
    const watch_options named{.since = 0, .timeout = 10s};
    e = co_await state.when_change("x", named);
    ZPROC_HOLDS(e.revision == 1);
}

ZPROC_FORM(keys_are_given_in_any_number_and_type)
{
    auto other = ctx.state();
    const std::string a = "a key that is long enough for the heap";
    const std::string_view b = "b";
    const std::vector<std::string> many{a, "b", "c"};
    auto one = state.when_change(a, {.timeout = 10s});
    auto two = state.when_change(a, b, {.timeout = 10s});
    auto three = state.when_change(std::string(b), "c", a);
    auto five = state.when_change("x", "y", "z", b, a);
    auto listed = state.when_change(keys(many), {.timeout = 10s});
    co_await other.set(a, 1);
    ZPROC_HOLDS((co_await one.next())->changes[0].key == a);
    ZPROC_HOLDS((co_await two.next())->revision == 1);
    ZPROC_HOLDS((co_await three.next())->revision == 1);
    ZPROC_HOLDS((co_await five.next())->revision == 1);
    ZPROC_HOLDS((co_await listed.next())->revision == 1);
    const auto e = co_await state.when_change(keys("a", "b", "c", "d", a), {.since = 0});
    ZPROC_HOLDS(e.changes[0].key == a);
    ZPROC_HOLDS((co_await state.when_change(keys(many), {.since = 0})).revision == 1);
}

ZPROC_FORM(equality_takes_what_set_takes)
{
    auto other = ctx.state();
    const job named{1, text};
    const std::string s = text;
    co_await other.set("text", text);
    co_await other.set("job", named);
    co_await other.set("true", true);
    co_await other.set("list", list_of(1, text));
    auto e = co_await state.when_equal("text", "a text that is long enough for the heap");
    ZPROC_HOLDS(e.changes[0].after == text);
    e = co_await state.when_equal("text", s, {.timeout = 10s});
    ZPROC_HOLDS(e.changes[0].after == text);
    e = co_await state.when_equal("text", std::string(text), {.timeout = 10s});
    ZPROC_HOLDS(e.changes[0].after == text);
    e = co_await state.when_equal("job", named, {.timeout = 10s});
    ZPROC_HOLDS(e.changes[0].after->get<job>() == named);
    e = co_await state.when_equal("true", true, {.timeout = 10s});
    ZPROC_HOLDS(e.revision == 4);
    e = co_await state.when_equal("list", list_of(1, text), {.timeout = 10s});
    ZPROC_HOLDS(e.revision == 4);
}

ZPROC_FORM(predicates_capture_nothing_or_have_a_name)
{
    auto other = ctx.state();
    const std::string want = text;
    co_await other.update(dict::of("x", 7, "text", text));
    auto e = co_await state.when("x", [](const value& v) { return v.get<int>() > 3; });
    ZPROC_HOLDS(e.changes[0].after == 7);
    e = co_await state.when("x", [](const auto& v) { return v.template get<int>() > 3; },
                            {.timeout = 10s});
    ZPROC_HOLDS(e.changes[0].after == 7);
    e = co_await state.when([](const dict& d) { return d.contains("x"); }, {.timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    const int least = 3; // what is trivial may be captured
    e = co_await state.when("x", [least](const value& v) { return v.get<int>() > least; });
    ZPROC_HOLDS(e.changes[0].after == 7);
    const auto wanted = [want](const value& v) { return v == want; };
    e = co_await state.when("text", wanted, {.timeout = 10s});
    ZPROC_HOLDS(e.changes[0].after == text);
    const auto everything = [want](const dict& d) { return d["text"] == want; };
    e = co_await state.when(everything, {.timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
    const std::function<bool(const value&)> erased = wanted;
    e = co_await state.when("text", erased, {.timeout = 10s});
    ZPROC_HOLDS(e.revision == 1);
}

ZPROC_FORM(streams_are_read_in_conditions)
{
    auto other = ctx.state();
    co_await other.set("x", 1);
    co_await other.set("x", text);
    auto w = state.when_change("x", {.since = 0, .count = 2});
    if (auto e = co_await w.next(); e && e->changes.at(0).after)
        ZPROC_HOLDS(e->revision == 1);
    int rest = 0;
    while (auto e = co_await w.next()) {
        ZPROC_HOLDS(e->changes[0].after == text);
        ++rest;
    }
    ZPROC_HOLDS(rest == 1);
    auto again = state.when_change("x", {.since = 1});
    const auto moved = co_await std::move(again);
    ZPROC_HOLDS(moved.changes[0].before == 1);
    for (auto& c : (co_await state.when_change("x", {.since = 0})).changes)
        ZPROC_HOLDS(c.key == "x");
}

ZPROC_FORM(watchers_wait_beside_others)
{
    using namespace asio::experimental::awaitable_operators;
    auto other = ctx.state();
    auto w = state.when_change("x");
    asio::steady_timer timer(co_await asio::this_coro::executor, 10ms);
    const auto first =
        co_await (w.next(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
    ZPROC_HOLDS(first.index() == 1);
    co_await other.set("x", text);
    timer.expires_after(1min);
    const auto second =
        co_await (w.next(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
    ZPROC_HOLDS(second.index() == 0 && std::get<0>(second)->changes[0].after == text);
    auto v = state.when_change("y");
    const auto [n, e] =
        co_await (other.increment("y", 2, asio::use_awaitable) && v.next(asio::use_awaitable));
    ZPROC_HOLDS(n == 2 && e->changes[0].after == 2);
}

BOOST_AUTO_TEST_SUITE_END()
