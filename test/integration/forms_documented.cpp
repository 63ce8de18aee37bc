// The forms that doc/traps.md shows.

#include "integration/forms.hpp"

#include <iostream>
#include <string>
#include <utility>

using namespace zproc;
using namespace zproc::test;

namespace {

job renamed(job j, const std::string& title)
{
    j.title = title;
    return j;
}

// [name_aggregates
// struct job { int id; std::string title; … };
asio::awaitable<void> name_aggregates(zproc::context ctx, zproc::state state)
{
    const job first{.id = 1, .title = "bake the bread"}; // not within the await
    co_await state.set("job", first);
    auto worker = co_await ctx.spawn(renamed, first, "slice the bread");
    const auto next = co_await worker.result();
    co_await state.set("next", next);
}
// name_aggregates]

// [name_functions
asio::awaitable<void> name_functions(zproc::state state, std::string key, int by)
{
    // Arguments go beside the function …
    co_await state.atomic([](draft& d, const std::string& k, int n) { d[k] += n; }, key, by);
    // … captures of what is trivial are fine …
    co_await state.atomic([by](draft& d) { d["n"] += by; });
    // … and a function that captures more gets a name first.
    const auto there = [key](const dict& d) { return d.contains(key); };
    co_await state.when(there);
}
// name_functions]

// [no_braced_lists
asio::awaitable<void> no_braced_lists(zproc::state state)
{
    co_await state.set("user", dict::of("name", "Ann", "tags", list_of("baker", "eater")));
    co_await state.update(dict{}.with("a", 1).with("b", 2));
    const dict changes{{"c", 3}, {"d", list{1, 2}}}; // outside of an await braces are fine
    co_await state.update(changes);
    co_await state.when_change(keys("a", "b", "c", "d"), {.since = 0, .own = true});
}
// no_braced_lists]

// [no_choices
asio::awaitable<std::string> no_choices(zproc::state state)
{
    std::string name = "nobody";
    if (co_await state.contains("name"))
        name = co_await state.get<std::string>("name");
    co_return name;
}
// no_choices]

// [many_awaits
asio::awaitable<void> many_awaits(zproc::state state)
{
    std::cout << co_await state.get<int>("a") << ' ' << co_await state.get<int>("b") << '\n';
    co_await state.set("sum", co_await state.get<int>("a") + co_await state.get<int>("b"));
}
// many_awaits]

} // namespace

BOOST_AUTO_TEST_SUITE(forms_documented)

ZPROC_FORM(aggregates_have_names)
{
    co_await name_aggregates(ctx, state);
    ZPROC_HOLDS((co_await state.get<job>("job")).title == "bake the bread");
    ZPROC_HOLDS((co_await state.get<job>("next")).title == "slice the bread");
}

ZPROC_FORM(functions_have_names)
{
    co_await name_functions(state, text, 2);
    ZPROC_HOLDS(co_await state.get<int>(text) == 2);
    ZPROC_HOLDS(co_await state.get<int>("n") == 2);
}

ZPROC_FORM(lists_are_made_by_functions)
{
    auto other = ctx.state();
    co_await no_braced_lists(other);
    ZPROC_HOLDS((co_await state.get("user"))["tags"][1] == "eater");
    ZPROC_HOLDS((co_await state.get("d"))[1] == 2);
}

ZPROC_FORM(choices_are_made_by_statements)
{
    ZPROC_HOLDS(co_await no_choices(state) == "nobody");
    co_await state.set("name", text);
    ZPROC_HOLDS(co_await no_choices(state) == text);
}

ZPROC_FORM(awaits_share_an_expression)
{
    co_await state.update(dict::of("a", 1, "b", 2));
    co_await many_awaits(state);
    ZPROC_HOLDS(co_await state.get<int>("sum") == 3);
}

BOOST_AUTO_TEST_SUITE_END()
