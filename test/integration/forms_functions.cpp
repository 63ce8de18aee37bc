// Functions given to the library: atomic ones, and those that are spawned.

#include "integration/forms.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace zproc;
using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(forms_atomic)

ZPROC_FORM(functions_are_inline_or_named)
{
    co_await state.atomic([](draft& d) { d["n"] += 1; });
    const auto named = [](draft& d) { d["n"] += 1; };
    co_await state.atomic(named);
    const auto reusable = zproc::atomic([](draft& d) { d["n"] += 1; });
    co_await reusable(state);
    const std::function<void(draft&)> erased = named;
    co_await state.atomic(erased);
    ZPROC_HOLDS(co_await state.get<int>("n") == 4);
    if (co_await state.atomic([](draft& d) { return d["n"].get<int>(); }) == 4)
        co_await state.set("n", 5);
    ZPROC_HOLDS(co_await state.get<int>("n") == 5);
}

ZPROC_FORM(captures_are_trivial_or_named)
{
    int by = 3;
    co_await state.atomic([by](draft& d) { d["n"] += by; });
    co_await state.atomic([&](draft& d) { d["n"] += by; });
    ZPROC_HOLDS(co_await state.get<int>("n") == 6);
    const std::string key = text;
    const auto count = [key](draft& d) { d[key] += 1; };
    co_await state.atomic(count);
    const auto again = zproc::atomic(count);
    co_await again(state);
    ZPROC_HOLDS(co_await state.get<int>(text) == 2);
}

ZPROC_FORM(arguments_go_beside_the_function)
{
    const std::string key = text;
    const job named{3, other_text};
    co_await state.atomic([](draft& d, const std::string& k, int by) { d[k] += by; }, key, 2);
    ZPROC_HOLDS(co_await state.get<int>(text) == 2);
    co_await state.atomic([](draft& d, const std::string& k) { d[k] += 1; },
                          "a text that is long enough for the heap");
    co_await state.atomic([](draft& d, std::string_view k) { d[k] += 1; }, key);
    co_await state.atomic([](draft& d, const std::string& k) { d[k] += 1; }, std::string(text));
    ZPROC_HOLDS(co_await state.get<int>(text) == 5);
    co_await state.atomic([](draft& d, const job& j) { d[j.title] = j.id; }, named);
    ZPROC_HOLDS(co_await state.get<int>(other_text) == 3);
    co_await state.atomic([](draft& d, const made_job& j) { d[j.title()] = j.id(); },
                          made_job{4, other_text});
    ZPROC_HOLDS(co_await state.get<int>(other_text) == 4);
    co_await state.atomic(
        [](draft& d, const std::vector<std::string>& all) {
            for (const auto& each : all)
                d.erase(each);
        },
        std::vector<std::string>(2, other_text));
    ZPROC_HOLDS(!(co_await state.contains(other_text)));
}

ZPROC_FORM(results_are_anything)
{
    co_await state.set("text", text);
    ZPROC_HOLDS(co_await state.atomic([](draft& d) { return d.get<std::string>("text"); }) == text);
    ZPROC_HOLDS(co_await state.atomic([](draft& d) { return d["text"]; }) == text);
    const auto j =
        co_await state.atomic([](draft& d) { return job{7, d.get<std::string>("text")}; });
    ZPROC_HOLDS(j.id == 7 && j.title == text);
    const auto many = co_await state.atomic(
        [](draft& d) { return std::vector<std::string>(2, d.get<std::string>("text")); });
    ZPROC_HOLDS(many[1] == text);
    const auto unique = co_await state.atomic(
        [](draft& d) { return std::make_unique<std::string>(d.get<std::string>("text")); });
    ZPROC_HOLDS(*unique == text);
}

ZPROC_FORM(tokens_come_after_the_arguments)
{
    const std::string key = text;
    const auto count = zproc::atomic([](draft& d, const std::string& k) {
        d[k] += 1;
        return d[k].get<int>();
    });
    ZPROC_HOLDS(co_await count(state, key, asio::use_awaitable) == 1);
    const auto [e, n] = co_await count(state, key, asio::as_tuple(asio::use_awaitable));
    ZPROC_HOLDS(!e && n == 2);
    auto stored = count(state, key);
    ZPROC_HOLDS(co_await std::move(stored) == 3);
    using namespace asio::experimental::awaitable_operators;
    const auto [a, b] = co_await (count(state, "x") && count(state, "y"));
    ZPROC_HOLDS(a == 1 && b == 1);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

asio::awaitable<std::size_t> length(context, std::string s)
{
    co_return s.size();
}

int plain(int n) noexcept
{
    return n + 1;
}

job renamed(job j, const std::string& title)
{
    j.title = title;
    return j;
}

asio::awaitable<std::string> title_of(made_job j)
{
    co_return j.title();
}

std::size_t view_length(std::string_view v)
{
    return v.size();
}

asio::awaitable<void> writes(context ctx, const std::map<std::string, int> all)
{
    auto state = ctx.state();
    for (const auto& [key, n] : all)
        co_await state.set(key, n);
}

} // namespace

BOOST_AUTO_TEST_SUITE(forms_spawn)

ZPROC_FORM(functions_are_plain_coroutines_or_lambdas)
{
    auto p = co_await ctx.spawn(plain, 3);
    ZPROC_HOLDS(co_await p.result() == 4);
    p = co_await ctx.spawn(&plain, 4);
    ZPROC_HOLDS(co_await p.result() == 5);
    p = co_await ctx.spawn([](int n) { return n + 2; }, 3);
    ZPROC_HOLDS(co_await p.result() == 5);
    p = co_await ctx.spawn([](context, int n) -> asio::awaitable<int> { co_return n + 3; }, 3);
    ZPROC_HOLDS(co_await p.result() == 6);
    const auto named = [](int n) { return n + 4; };
    p = co_await ctx.spawn(named, 3);
    ZPROC_HOLDS(co_await p.result() == 7);
    const auto without = co_await ctx.spawn([] {});
    co_await without.result();
    ZPROC_HOLDS((co_await without.wait()).success());
}

ZPROC_FORM(arguments_are_literals_variables_and_temporaries)
{
    const std::string s = text;
    const std::string_view view = s;
    const std::size_t size = s.size();
    ZPROC_HOLDS(
        co_await (co_await ctx.spawn(length, "a text that is long enough for the heap")).result() ==
        size);
    ZPROC_HOLDS(co_await (co_await ctx.spawn(length, s)).result() == size);
    ZPROC_HOLDS(co_await (co_await ctx.spawn(length, std::string(text))).result() == size);
    ZPROC_HOLDS(co_await (co_await ctx.spawn(length, s + other_text)).result() > size);
    ZPROC_HOLDS(co_await (co_await ctx.spawn(view_length, view)).result() == size);
    ZPROC_HOLDS(co_await (co_await ctx.spawn(view_length, "abc")).result() == 3);
    const std::map<std::string, int> all{{"a", 1}, {text, 2}};
    auto p = co_await ctx.spawn(writes, all);
    co_await p.result();
    ZPROC_HOLDS(co_await state.get<int>(text) == 2);
}

ZPROC_FORM(arguments_and_results_are_users_types)
{
    const job given{3, "a title that is long enough for the heap"};
    auto worker = co_await ctx.spawn(renamed, given, "another title");
    const auto back = co_await worker.result();
    ZPROC_HOLDS(back.id == 3 && back.title == "another title");
    auto p = co_await ctx.spawn(title_of, made_job{1, text});
    ZPROC_HOLDS(co_await p.result() == text);
}

ZPROC_FORM(options_come_first)
{
    auto p = co_await ctx.spawn(spawn_options{}.name("a name that is long enough for the heap"),
                                plain, 1);
    ZPROC_HOLDS(p.name() == "a name that is long enough for the heap" && co_await p.result() == 2);
    spawn_options named;
    named.name(text);
    p = co_await ctx.spawn(named, plain, 2);
    ZPROC_HOLDS(p.name() == text && co_await p.result() == 3);
}

ZPROC_FORM(spawns_take_tokens_and_are_stored)
{
    auto p = co_await ctx.spawn(plain, 1, asio::use_awaitable);
    ZPROC_HOLDS(co_await p.result(asio::use_awaitable) == 2);
    const auto [ec, q] = co_await ctx.spawn(length, text, asio::as_tuple(asio::deferred));
    ZPROC_HOLDS(!ec && co_await q.result() == sizeof text - 1);
    auto stored = ctx.spawn(length, std::string(text));
    auto r = co_await std::move(stored);
    const auto [e, n] = co_await r.result(asio::as_tuple(asio::use_awaitable));
    ZPROC_HOLDS(!e && n == sizeof text - 1);
    ZPROC_HOLDS((co_await r.wait()).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
