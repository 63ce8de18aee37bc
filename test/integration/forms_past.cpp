// The past, the rest of a dictionary, namespaces, conditions and calls on events, as users write
// them inside an await.

#include "integration/forms.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/redirect_error.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace zproc;
using namespace zproc::test;
using namespace std::chrono_literals;

namespace {

void nothing(const event&)
{
}

asio::awaitable<void> put(context ctx, event e, std::string key, job j)
{
    auto state = ctx.state();
    co_await state.set(key, e.changes.at(0).key + j.title);
}

} // namespace

BOOST_AUTO_TEST_SUITE(forms_past)

ZPROC_FORM(questions_about_the_past_within_expressions)
{
    const std::string key = "a key that is long enough for the heap, too";
    co_await state.set(key, text);
    co_await state.set(key, other_text);
    ZPROC_HOLDS(co_await state.at(1) == dict::of(key, text));
    ZPROC_HOLDS((co_await state.at(2))[key] == other_text);
    ZPROC_HOLDS((co_await state.history(key)).size() == 2);
    ZPROC_HOLDS(
        (co_await state.history("a key that is long enough " + std::string("for none"))).empty());
    ZPROC_HOLDS((co_await state.diff(1, 2)).at(0).before == value(text));
    ZPROC_HOLDS(co_await state.revision_at(std::chrono::system_clock::now()) ==
                (co_await state.snapshot()).revision());
    std::string seen;
    for (const auto& each : co_await state.history(key))
        seen += each.changes.at(0).after->get<std::string>();
    ZPROC_HOLDS(seen == std::string(text) + other_text);
}

ZPROC_FORM(the_rest_of_a_dictionary_within_expressions)
{
    co_await state.set("k", text);
    ZPROC_HOLDS((co_await state.items())["k"] == text);
    ZPROC_HOLDS((co_await state.pop_item()).second == text);
    co_await state.set("k", made_job(1, text));
    const auto [key, j] = co_await state.pop_item<made_job>();
    ZPROC_HOLDS(key == "k" && j.title() == text);
}

ZPROC_FORM(diagnostics_before_every_kind_of_ending)
{
    diagnostics why;
    co_await state.set("k", text, why);
    ZPROC_HOLDS(co_await state.get<std::string>("k", why) == text);
    ZPROC_HOLDS(co_await state.get_or("none", text, why) == text);
    auto [ec, number] = co_await state.get<int>("k", why, asio::as_tuple(asio::use_awaitable));
    ZPROC_HOLDS(ec == errc::type_mismatch && number == 0 && !why.text.empty());
    error_code failed;
    co_await state.increment("k", why, asio::redirect_error(asio::use_awaitable, failed));
    ZPROC_HOLDS(failed == errc::type_mismatch && !why.text.empty());
    auto stored = state.get<std::string>("k", why);
    ZPROC_HOLDS(co_await std::move(stored) == text && why.text.empty());
}

ZPROC_FORM(namespaces_within_expressions)
{
    co_await ctx.state("a namespace that is long enough for the heap").set("k", 1);
    for (const auto& each : co_await ctx.namespaces())
        ZPROC_HOLDS(each.name == "a namespace that is long enough for the heap");
    co_await ctx.drop_namespace("a namespace that is long enough for the heap");
    ZPROC_HOLDS((co_await ctx.namespaces()).empty());
    co_await ctx.with_namespace("another one, as long as it has to be").state().set("k", 2);
    ZPROC_HOLDS((co_await ctx.namespaces()).size() == 1);
}

ZPROC_FORM(conditions_with_options_and_temporaries)
{
    co_await state.set("k", text);
    co_await state.set("null", nullptr);
    ZPROC_HOLDS((co_await state.when_equal("k", std::string(text))).changes.at(0).after ==
                value(text));
    ZPROC_HOLDS((co_await state.when_not_equal("k", other_text, {.timeout = 5s})).revision == 2);
    co_await state.when_none("null");
    co_await state.when_not_none("k", {.timeout = 5s});
    co_await state.when_truthy(std::string("k"), {.held_for = 1ms});
    const job wanted{1, text};
    co_await state.set("job", wanted);
    co_await state.when_equal("job", wanted, {.timeout = 5s});
    auto w = state.when_falsy("null", {.count = 1});
    ZPROC_HOLDS((co_await w.next()).has_value() && !(co_await w.next()).has_value());
}

ZPROC_FORM(calls_on_events_with_arguments_and_options)
{
    const job named{1, text};
    auto first = co_await ctx.call_when_change("k", {.count = 1}, put, "first", named);
    auto second = co_await ctx.call_when_change(keys("k", "l"), {.count = 1}, put,
                                                "a key that is long enough for the heap", named);
    auto third = co_await ctx.call_when_equal("k", text, {.count = 1}, nothing);
    auto fourth = co_await ctx.call_when(
        "k", [](const value& v) { return v.is_string(); }, {.count = 1}, nothing,
        asio::use_awaitable);
    co_await state.set("k", text);
    co_await first.result();
    co_await second.result();
    co_await third.result();
    co_await fourth.result();
    ZPROC_HOLDS(co_await state.get<std::string>("first") == std::string("k") + text);
    ZPROC_HOLDS(co_await state.contains("a key that is long enough for the heap"));
}

BOOST_AUTO_TEST_SUITE_END()
