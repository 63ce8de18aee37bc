// Each operation of a state with literals, named variables, temporaries and users' types.

#include "integration/forms.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace zproc;
using namespace zproc::test;

namespace {

enum class color { red, green };

} // namespace

BOOST_AUTO_TEST_SUITE(forms_state)

ZPROC_FORM(set_takes_literals)
{
    co_await state.set("int", 1);
    co_await state.set("negative", -1);
    co_await state.set("double", 0.5);
    co_await state.set("bool", true);
    co_await state.set("text", "a text that is long enough for the heap");
    co_await state.set("null", nullptr);
    ZPROC_HOLDS(co_await state.get<int>("int") == 1);
    ZPROC_HOLDS(co_await state.get<int>("negative") == -1);
    ZPROC_HOLDS(co_await state.get<double>("double") == 0.5);
    ZPROC_HOLDS(co_await state.get<bool>("bool"));
    ZPROC_HOLDS(co_await state.get<std::string>("text") == text);
    ZPROC_HOLDS((co_await state.get("null")).is_null());
}

ZPROC_FORM(set_takes_named_variables)
{
    const std::string s = text;
    std::string changing = text;
    const std::string_view view = s;
    const std::vector<int> numbers{1, 2, 3};
    const std::map<std::string, int> table{{"a", 1}, {"b", 2}};
    const std::optional<int> some = 3;
    const std::optional<int> none;
    const dict d{{"a", 1}, {"b", text}};
    const list l{1, text};
    const value v{text};
    co_await state.set("string", s);
    co_await state.set("changing", changing);
    changing = "x";
    co_await state.set("view", view);
    co_await state.set("size", numbers.size());
    co_await state.set("numbers", numbers);
    co_await state.set("table", table);
    co_await state.set("some", some);
    co_await state.set("none", none);
    co_await state.set("dict", d);
    co_await state.set("list", l);
    co_await state.set("value", v);
    ZPROC_HOLDS(co_await state.get<std::string>("string") == text);
    ZPROC_HOLDS(co_await state.get<std::string>("changing") == text);
    ZPROC_HOLDS(co_await state.get<std::string>("view") == text);
    ZPROC_HOLDS(co_await state.get<std::size_t>("size") == 3);
    ZPROC_HOLDS(co_await state.get<std::vector<int>>("numbers") == numbers);
    ZPROC_HOLDS((co_await state.get<std::map<std::string, int>>("table")) == table);
    ZPROC_HOLDS(co_await state.get<std::optional<int>>("some") == 3);
    ZPROC_HOLDS(!(co_await state.get<std::optional<int>>("none")));
    ZPROC_HOLDS((co_await state.get("dict"))["b"] == text);
    ZPROC_HOLDS((co_await state.get("list"))[1] == text);
    ZPROC_HOLDS(co_await state.get("value") == v);
}

ZPROC_FORM(set_takes_temporaries_that_are_no_aggregates)
{
    co_await state.set("string", std::string(text));
    co_await state.set("braced_string", std::string{text});
    co_await state.set("value", value{text});
    co_await state.set("sum", std::string(text) + other_text);
    co_await state.set("numbers", std::vector<int>(3, 7));
    co_await state.set("deque", std::deque<std::string>(2, text));
    co_await state.set("some", std::optional<std::string>(text));
    co_await state.set("enum", color::green);
    co_await state.set("list", list_of(1, text, list_of(3)));
    co_await state.set("dict", dict::of("a", 1, "b", dict::of("c", text)));
    co_await state.set("more", dict{}.with("a", 1).with("b", text));
    co_await state.set("json", value::parse_json(R"({"a": [1, {"b": null}]})"));
    ZPROC_HOLDS(co_await state.get<std::string>("string") == text);
    ZPROC_HOLDS(co_await state.get<std::string>("braced_string") == text);
    ZPROC_HOLDS(co_await state.get("value") == text);
    ZPROC_HOLDS(co_await state.get<std::string>("sum") == std::string(text) + other_text);
    ZPROC_HOLDS((co_await state.get<std::vector<int>>("numbers"))[2] == 7);
    ZPROC_HOLDS((co_await state.get("deque"))[1] == text);
    ZPROC_HOLDS(co_await state.get<std::string>("some") == text);
    ZPROC_HOLDS(co_await state.get<color>("enum") == color::green);
    ZPROC_HOLDS((co_await state.get("list"))[2][0] == 3);
    ZPROC_HOLDS((co_await state.get("dict"))["b"]["c"] == text);
    ZPROC_HOLDS((co_await state.get("more"))["b"] == text);
    ZPROC_HOLDS((co_await state.get("json"))["a"][1]["b"].is_null());
}

ZPROC_FORM(set_takes_users_types)
{
    const job first{.id = 1, .title = "a title that is long enough for the heap"};
    co_await state.set("job", first);
    job second{2, other_text};
    co_await state.set("changing", second);
    second.title.clear();
    co_await state.set("class", made_job(3, text));
    co_await state.set("class_braces", made_job{4, text});
    const std::vector<job> jobs{first, second};
    co_await state.set("jobs", jobs);
    ZPROC_HOLDS((co_await state.get<job>("job")) == first);
    ZPROC_HOLDS((co_await state.get<job>("changing")).title == other_text);
    ZPROC_HOLDS((co_await state.get<made_job>("class")).title() == text);
    ZPROC_HOLDS((co_await state.get<made_job>("class_braces")).id() == 4);
    ZPROC_HOLDS((co_await state.get<std::vector<job>>("jobs"))[0] == first);
}

ZPROC_FORM(keys_are_any_string_like)
{
    const std::string s = "string";
    const std::string_view view = "view";
    const char* const pointer = "pointer";
    char array[] = "array";
    co_await state.set(s, 1);
    co_await state.set(view, 2);
    co_await state.set(pointer, 3);
    co_await state.set(array, 4);
    co_await state.set("account_number_with_a_long_name_" + std::to_string(7), 5);
    co_await state.set(std::string(view.substr(1)), 6);
    ZPROC_HOLDS(co_await state.get<int>("string") == 1);
    ZPROC_HOLDS(co_await state.get<int>(view) == 2);
    ZPROC_HOLDS(co_await state.get<int>(pointer) == 3);
    ZPROC_HOLDS(co_await state.get<int>(array) == 4);
    ZPROC_HOLDS(co_await state.get<int>("account_number_with_a_long_name_" + std::to_string(7)) ==
                5);
    ZPROC_HOLDS(co_await state.contains(std::string("iew")));
    ZPROC_HOLDS(co_await state.erase(s));
}

ZPROC_FORM(get_or_takes_what_set_takes)
{
    const job spare{9, text};
    const std::string s = other_text;
    ZPROC_HOLDS(co_await state.get_or("no", "anonymous user, long enough for the heap") ==
                "anonymous user, long enough for the heap");
    ZPROC_HOLDS(co_await state.get_or("no", s) == other_text);
    ZPROC_HOLDS(co_await state.get_or("no", std::string(text)) == text);
    ZPROC_HOLDS(co_await state.get_or("no", 5) == 5);
    ZPROC_HOLDS(co_await state.get_or("no", spare) == spare);
    ZPROC_HOLDS((co_await state.get_or("no", made_job{2, text})).id() == 2);
    ZPROC_HOLDS((co_await state.get_or("no", list_of(1, text)))[1] == text);
    const auto read = co_await state.get_or("no", "anonymous user, long enough for the heap");
    static_assert(std::is_same_v<decltype(read), const std::string>);
}

ZPROC_FORM(update_and_replace_take_dicts)
{
    co_await state.update(dict::of("a", 1, "b", "a text that is long enough for the heap"));
    co_await state.update(dict{}.with("c", 3).with("d", list_of(1, "two")));
    const dict changes{{"e", 5}, {"f", dict{{"g", "h"}}}};
    co_await state.update(changes);
    ZPROC_HOLDS(co_await state.get<int>("a") == 1);
    ZPROC_HOLDS((co_await state.get("d"))[1] == "two");
    ZPROC_HOLDS((co_await state.get("f"))["g"] == "h");
    dict given = dict::of("x", text);
    co_await state.update(std::move(given));
    ZPROC_HOLDS(co_await state.size() == 7);
    co_await state.replace(dict::of("y", text));
    ZPROC_HOLDS(co_await state.snapshot() == dict::of("y", text));
    co_await state.replace(changes);
    ZPROC_HOLDS(co_await state.snapshot() == changes);
    co_await state.clear();
    ZPROC_HOLDS(co_await state.size() == 0);
}

ZPROC_FORM(pop_and_set_default_yield_values)
{
    const job named{4, text};
    const std::string s = other_text;
    ZPROC_HOLDS(co_await state.set_default("job", named) == named);
    ZPROC_HOLDS(co_await state.set_default("text", text) == text);
    ZPROC_HOLDS(co_await state.set_default("text", s) == text);
    ZPROC_HOLDS(co_await state.set_default("temporary", std::string(other_text)) == other_text);
    ZPROC_HOLDS((co_await state.set_default("class", made_job{5, text})).id() == 5);
    ZPROC_HOLDS(co_await state.pop<job>("job") == named);
    ZPROC_HOLDS(co_await state.pop("text") == text);
    ZPROC_HOLDS(co_await state.pop<std::string>("temporary") == other_text);
    ZPROC_HOLDS(!(co_await state.pop<std::optional<std::string>>("temporary")));
}

ZPROC_FORM(increment_and_decrement_take_numbers)
{
    const int five = 5;
    const std::size_t size = 2;
    ZPROC_HOLDS(co_await state.increment("n") == 1);
    ZPROC_HOLDS(co_await state.increment("n", 2) == 3);
    ZPROC_HOLDS(co_await state.increment("n", five) == 8);
    ZPROC_HOLDS(co_await state.increment("n", size) == 10);
    ZPROC_HOLDS(co_await state.increment("n", 0.5) == 10.5);
    ZPROC_HOLDS(co_await state.decrement("n") == 9.5);
    ZPROC_HOLDS(co_await state.decrement("n", five) == 4.5);
    ZPROC_HOLDS((co_await state.increment("n", 0.5)).get<int>() == 5);
    // The sum need not be looked at.
    co_await state.increment("n");
}

ZPROC_FORM(append_takes_what_set_takes)
{
    const job named{1, text};
    const std::string s = other_text;
    co_await state.append("l", 1);
    co_await state.append("l", "a text that is long enough for the heap");
    co_await state.append("l", s);
    co_await state.append("l", std::string(text));
    co_await state.append("l", list_of(text));
    co_await state.append("l", named);
    co_await state.append("l", made_job{2, text});
    const auto l = co_await state.get("l");
    ZPROC_HOLDS(l.size() == 7 && l[1] == text && l[2] == other_text && l[4][0] == text);
    ZPROC_HOLDS(l[5].get<job>() == named && l[6].get<made_job>().id() == 2);
}

ZPROC_FORM(compare_exchange_takes_what_set_takes)
{
    const std::string me = text;
    const job before{1, text};
    const job after{2, other_text};
    ZPROC_HOLDS(co_await state.compare_exchange("leader", nullptr, me));
    ZPROC_HOLDS(co_await state.compare_exchange("leader", me, other_text));
    ZPROC_HOLDS(!(co_await state.compare_exchange("leader", std::string(text), "x")));
    ZPROC_HOLDS(co_await state.compare_exchange("leader", std::string(other_text), before));
    ZPROC_HOLDS(co_await state.compare_exchange("leader", before, after));
    ZPROC_HOLDS((co_await state.get<job>("leader")) == after);
    if (co_await state.compare_exchange("leader", after, nullptr))
        ZPROC_HOLDS(!(co_await state.contains("leader")));
}

ZPROC_FORM(results_are_used_in_loops_and_conditions)
{
    co_await state.update(dict::of("a", 1, "b", 2));
    std::string all;
    for (const auto& key : co_await state.keys())
        all += key;
    std::sort(all.begin(), all.end());
    ZPROC_HOLDS(all == "ab");
    int sum = 0;
    for (const auto& [key, v] : co_await state.snapshot())
        sum += v.get<int>();
    ZPROC_HOLDS(sum == 3);
    if (const auto v = co_await state.get("a"); v == 1)
        sum = 7;
    ZPROC_HOLDS(sum == 7);
    while (co_await state.increment("a") != 5) {}
    ZPROC_HOLDS(co_await state.get<int>("a") == 5);
    switch (co_await state.get<int>("b")) {
    case 2: co_await state.set("b", "found"); break;
    default: break;
    }
    ZPROC_HOLDS(co_await state.get("b") == "found");
    bool missing = false;
    try {
        static_cast<void>(co_await state.get<int>("nobody"));
    } catch (const system_error& e) {
        missing = e.code() == errc::no_such_key;
    }
    ZPROC_HOLDS(missing);
}

ZPROC_FORM(choices_are_made_by_if)
{
    co_await state.set("name", text);
    std::string name = "nobody";
    if (co_await state.contains("name"))
        name = co_await state.get<std::string>("name");
    ZPROC_HOLDS(name == text);
    // What is trivial may be chosen in place.
    const int n = co_await state.contains("n") ? co_await state.get<int>("n") : 4;
    ZPROC_HOLDS(n == 4);
}

ZPROC_FORM(operations_are_stored_and_handles_are_temporary)
{
    co_await ctx.state().set("q", 1);
    ZPROC_HOLDS(co_await ctx.state().get<int>("q") == 1);
    ZPROC_HOLDS(co_await ctx.state("other").get_or("q", 2) == 2);
    auto stored = ctx.state().set("q", std::string(text));
    ZPROC_HOLDS(co_await state.get<int>("q") == 1); // nothing has begun
    co_await std::move(stored);
    ZPROC_HOLDS(co_await state.get<std::string>("q") == text);
    co_await state.with_namespace("a name that is long enough for the heap").set("q", 3);
    ZPROC_HOLDS(co_await ctx.state("a name that is long enough for the heap").get<int>("q") == 3);
    ZPROC_HOLDS((co_await ctx.ping()).pid > 1);
}

BOOST_AUTO_TEST_SUITE_END()
