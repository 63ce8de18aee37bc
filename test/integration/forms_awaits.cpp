// Several awaits in one expression, each with a value of its own: g++ 12 takes the results of all
// of them when the last has completed.

#include "integration/forms.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/redirect_error.hpp>

#include <array>
#include <iostream>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace zproc;
using namespace zproc::test;

namespace {

std::string joined(const std::string& a, const std::string& b, const std::string& c)
{
    return a + '|' + b + '|' + c;
}

int digits(int a, int b, int c)
{
    return 100 * a + 10 * b + c;
}

int number(int n)
{
    return n;
}

std::string repeated(std::string s, int n)
{
    std::string all;
    for (int i = 0; i != n; ++i)
        all += s;
    return all;
}

asio::awaitable<void> numbers(zproc::state state)
{
    co_await state.update(dict::of("a", 1, "b", 2, "c", 3));
}

asio::awaitable<void> texts(zproc::state state)
{
    co_await state.update(dict::of("a", text, "b", other_text, "c", "short"));
}

} // namespace

BOOST_AUTO_TEST_SUITE(forms_awaits)

ZPROC_FORM(awaits_are_arguments_of_one_call)
{
    co_await numbers(state);
    ZPROC_HOLDS(digits(co_await state.get<int>("a"), co_await state.get<int>("b"),
                       co_await state.get<int>("c")) == 123);
    co_await texts(state);
    ZPROC_HOLDS(joined(co_await state.get<std::string>("a"), co_await state.get<std::string>("b"),
                       co_await state.get<std::string>("c")) ==
                std::string(text) + '|' + other_text + "|short");
    ZPROC_HOLDS(joined(co_await state.get_or("a", "x"), co_await state.get_or("no", "y"), "z") ==
                std::string(text) + "|y|z");
}

ZPROC_FORM(awaits_are_operands)
{
    co_await numbers(state);
    ZPROC_HOLDS(co_await state.get<int>("a") - co_await state.get<int>("b") == -1);
    ZPROC_HOLDS(co_await state.get<int>("a") * 100 + co_await state.get<int>("b") * 10 +
                    co_await state.get<int>("c") ==
                123);
    ZPROC_HOLDS(co_await state.get("a") != co_await state.get("b"));
    ZPROC_HOLDS(co_await state.get<int>("a") < co_await state.get<int>("b"));
    co_await texts(state);
    const std::string sum =
        co_await state.get<std::string>("a") + co_await state.get<std::string>("b");
    ZPROC_HOLDS(sum == std::string(text) + other_text);
}

ZPROC_FORM(awaits_are_streamed)
{
    co_await numbers(state);
    std::ostringstream out;
    out << co_await state.get<int>("a") << co_await state.get<int>("b") << ' '
        << co_await state.size() << '\n';
    ZPROC_HOLDS(out.str() == "12 3\n");
    co_await texts(state);
    out.str("");
    out << co_await state.get("a") << ' ' << co_await state.get<std::string>("b") << ' '
        << co_await state.contains("c");
    ZPROC_HOLDS(out.str() == '"' + std::string(text) + "\" " + other_text + " 1");
    std::cout << co_await state.get<std::string>("c") << ' ' << co_await state.size() << '\n';
}

ZPROC_FORM(awaits_are_joined_by_logic)
{
    co_await numbers(state);
    check(co_await state.get<int>("a") == 1 && co_await state.get<int>("b") == 2, "and");
    check(co_await state.get<int>("a") == 2 || co_await state.get<int>("b") == 2, "or");
    bool both = false;
    if (co_await state.contains("a") && co_await state.get<int>("b") == 2)
        both = true;
    ZPROC_HOLDS(both);
    // The second is not awaited where the first decides.
    ZPROC_HOLDS(!(co_await state.contains("no") && co_await state.get<int>("no") == 1));
    ZPROC_HOLDS(co_await state.contains("a") || co_await state.get<int>("no") == 1);
    co_await texts(state);
    ZPROC_HOLDS(co_await state.get<std::string>("a") == text &&
                co_await state.get<std::string>("b") == other_text &&
                !(co_await state.erase("no")));
}

ZPROC_FORM(awaits_are_arguments_of_awaited_calls)
{
    co_await numbers(state);
    co_await state.set("d", co_await state.get<int>("a") + co_await state.get<int>("b"));
    ZPROC_HOLDS(co_await state.get<int>("d") == 3);
    co_await texts(state);
    co_await state.set(co_await state.get<std::string>("a"),
                       co_await state.get<std::string>("b") + other_text);
    ZPROC_HOLDS(co_await state.get<std::string>(text) == std::string(other_text) + other_text);
    ZPROC_HOLDS(co_await state.compare_exchange("c", co_await state.get<std::string>("c"),
                                                co_await state.get<std::string>("a")));
    ZPROC_HOLDS(co_await state.get_or("no", co_await state.get<std::string>("c")) == text);
}

ZPROC_FORM(mutations_of_one_expression_each_yield_their_own)
{
    ZPROC_HOLDS(co_await state.increment("n") == 1 && co_await state.increment("n") == 2);
    ZPROC_HOLDS(co_await state.increment("n") != co_await state.increment("n"));
    ZPROC_HOLDS(digits((co_await state.decrement("n")).get<int>(),
                       (co_await state.increment("n", 5)).get<int>(),
                       (co_await state.increment("m")).get<int>()) == 381);
    ZPROC_HOLDS(co_await state.set_default("s", text) +
                    co_await state.set_default("t", other_text) ==
                std::string(text) + other_text);
    ZPROC_HOLDS(co_await state.erase("m") && !(co_await state.erase("m")));
    ZPROC_HOLDS(co_await state.pop<std::string>("s") + co_await state.pop<std::string>("t") ==
                std::string(text) + other_text);
    ZPROC_HOLDS(co_await state.compare_exchange("l", nullptr, 1) !=
                co_await state.compare_exchange("l", nullptr, 1));
}

ZPROC_FORM(atomics_of_one_expression_each_yield_their_own)
{
    const auto next = zproc::atomic([](draft& d) {
        d["n"] += 1;
        return d["n"].get<int>();
    });
    const auto named = zproc::atomic([](draft& d, const std::string& key, const std::string& to) {
        d[key] = to;
        return to;
    });
    ZPROC_HOLDS(digits(co_await next(state), co_await next(state), co_await next(state)) == 123);
    ZPROC_HOLDS(co_await next(state) + co_await next(state) * 10 == 54);
    ZPROC_HOLDS(co_await named(state, "a", text) + co_await named(state, "b", other_text) ==
                std::string(text) + other_text);
    ZPROC_HOLDS(co_await next(state) + co_await state.get<int>("n") * 10 == 66);
}

ZPROC_FORM(events_of_one_expression_each_are_their_own)
{
    auto other = ctx.state();
    auto w = state.when_change("k");
    auto v = state.when_change("l");
    co_await other.set("k", text);
    co_await other.set("k", other_text);
    co_await other.set("l", 3);
    const std::pair<std::optional<event>, std::optional<event>> two(co_await w.next(),
                                                                    co_await w.next());
    ZPROC_HOLDS(two.first->changes[0].after == text && two.second->changes[0].after == other_text);
    ZPROC_HOLDS((co_await v.next())->revision == 3 && co_await state.get<int>("l") == 3);
    ZPROC_HOLDS((co_await state.when_change("k", {.since = 0})).revision * 10 +
                    (co_await state.when_change("k", {.since = 1})).revision ==
                12);
    ZPROC_HOLDS((co_await state.when_available("k")).changes[0].after == other_text &&
                (co_await state.when_equal("l", 3)).changes[0].key == "l");
}

ZPROC_FORM(processes_of_one_expression_each_are_their_own)
{
    ZPROC_HOLDS(co_await (co_await ctx.spawn(number, 4)).result() * 10 +
                    co_await (co_await ctx.spawn(number, 2)).result() ==
                42);
    auto p = co_await ctx.spawn(repeated, text, 2);
    auto q = co_await ctx.spawn(repeated, other_text, 1);
    ZPROC_HOLDS(p.pid() != q.pid());
    ZPROC_HOLDS(co_await p.result() + co_await q.result() == std::string(text) + text + other_text);
    ZPROC_HOLDS(joined(co_await q.result(), co_await p.result(), "c") ==
                std::string(other_text) + '|' + text + text + "|c");
    ZPROC_HOLDS((co_await p.wait()).success() && (co_await q.wait()).success());
    const std::pair<process<int>, process<int>> two(co_await ctx.spawn(number, 1),
                                                    co_await ctx.spawn(number, 2));
    ZPROC_HOLDS(two.first.pid() != two.second.pid() && two.first && two.second);
    ZPROC_HOLDS(digits(co_await two.first.result(), co_await two.second.result(), 3) == 123);
    ZPROC_HOLDS((co_await ctx.ping()).pid == (co_await ctx.ping()).pid);
}

ZPROC_FORM(tokens_mix_in_one_expression)
{
    co_await numbers(state);
    ZPROC_HOLDS(digits(co_await state.get<int>("a", asio::use_awaitable),
                       co_await state.get<int>("b"),
                       co_await state.get<int>("c", asio::deferred)) == 123);
    ZPROC_HOLDS(co_await state.get<int>("a", asio::deferred) +
                    co_await state.get<int>("b", asio::use_awaitable) * 10 ==
                21);
    co_await texts(state);
    ZPROC_HOLDS(joined(co_await state.get<std::string>("a"),
                       co_await state.get<std::string>("b", asio::use_awaitable),
                       co_await state.get<std::string>("c")(asio::use_awaitable)) ==
                std::string(text) + '|' + other_text + "|short");
    error_code ec;
    error_code none;
    const auto into = [](error_code& to) { return asio::redirect_error(asio::use_awaitable, to); };
    ZPROC_HOLDS(joined(co_await state.get<std::string>("a", into(none)),
                       co_await state.get<std::string>("no", into(ec)),
                       co_await state.get<std::string>("b")) ==
                std::string(text) + "||" + other_text);
    ZPROC_HOLDS(ec == errc::no_such_key && !none);
}

ZPROC_FORM(tuples_of_one_expression_each_are_their_own)
{
    co_await texts(state);
    constexpr auto whole = asio::as_tuple(asio::deferred);
    constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
    ZPROC_HOLDS(joined(std::get<1>(co_await state.get<std::string>("a", whole)),
                       std::get<1>(co_await state.get<std::string>("b", awaited)),
                       std::get<1>(co_await state.get<std::string>("c", whole))) ==
                std::string(text) + '|' + other_text + "|short");
    ZPROC_HOLDS(std::get<0>(co_await state.get<int>("no", whole)) == errc::no_such_key &&
                std::get<0>(co_await state.get<int>("a", whole)) == errc::type_mismatch);
    ZPROC_HOLDS(std::get<1>(co_await state.get<std::string>("a")(whole)) +
                    std::get<1>(co_await state.get<std::string>("b")(whole)) ==
                std::string(text) + other_text);
}

ZPROC_FORM(errors_of_one_expression_are_thrown_by_their_own_await)
{
    co_await numbers(state);
    error_code got;
    try {
        ZPROC_HOLDS(digits(co_await state.get<int>("a"), co_await state.get<int>("no"),
                           co_await state.get<int>("c")) == 0);
    } catch (const system_error& e) {
        got = e.code();
    }
    ZPROC_HOLDS(got == errc::no_such_key);
    try {
        ZPROC_HOLDS(co_await state.get<int>("no") + co_await state.get<int>("c") == 0);
    } catch (const system_error& e) {
        got = e.code();
    }
    ZPROC_HOLDS(got == errc::no_such_key);
    ZPROC_HOLDS(co_await state.get<int>("c") == 3);
}

BOOST_AUTO_TEST_SUITE_END()
