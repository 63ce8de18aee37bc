// The past of a namespace, and what a namespace is: the same of every engine.

#include "integration/conformance.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;

/// Revisions 1 to 4.
asio::awaitable<void> make_history(context ctx)
{
    auto state = ctx.state();
    co_await state.set("a", 1);
    co_await state.update(dict::of("a", 2, "b", "x"));
    co_await state.erase("a");
    co_await state.set("b", "y");
}

std::size_t count_of(const std::vector<namespace_info>& all, std::string_view name)
{
    return static_cast<std::size_t>(std::ranges::count(all, name, &namespace_info::name));
}

} // namespace

BOOST_AUTO_TEST_SUITE(past_of_a_state)

ZPROC_CONFORMS(at_yields_everything_as_it_was)
{
    co_await make_history(ctx);
    auto state = ctx.state();
    check((co_await state.at(0)).empty(), "the beginning");
    check(co_await state.at(1) == dict::of("a", 1), "revision 1");
    const auto second = co_await state.at(2);
    check(second == dict::of("a", 2, "b", "x") && second.revision() == 2, "revision 2");
    check(co_await state.at(3) == dict::of("b", "x"), "revision 3");
    check(co_await state.at(4) == dict::of("b", "y"), "revision 4");
    check(co_await code_of(state.at(5)) == errc::revision_not_made, "the future");
}

ZPROC_CONFORMS(at_knows_what_was_begun_before_it)
{
    auto state = ctx.state();
    state.set("a", 1)(asio::detached);
    state.set("a", 2)(asio::detached);
    check(co_await state.at(2) == dict::of("a", 2), "not awaited, and done");
}

ZPROC_CONFORMS(history_yields_each_change_of_a_key)
{
    co_await make_history(ctx);
    auto state = ctx.state();
    co_await state.set("b", "y");
    const auto all = co_await state.history("b");
    check(all.size() == 3, "two changes and an equal one");
    check(all[0].revision == 2 && !all[0].changes.at(0).before, "it came to be");
    check(all[1].changes.at(0).before == value("x") && all[1].changes.at(0).after == value("y"),
          "it changed");
    check(all[2].revision == 5 && all[2].origin == state.origin(), "the handle's own");
    check(all[1].origin != all[2].origin, "of two handles");
    check(all[0].time <= all[1].time, "in time");
    check((co_await state.history("nobody")).empty(), "a key that never was");
}

ZPROC_CONFORMS(diff_yields_what_is_different)
{
    co_await make_history(ctx);
    auto state = ctx.state();
    const auto forward = co_await state.diff(1, 4);
    check(forward.size() == 2, "two keys");
    check(forward[0].key == "a" && forward[0].before == value(1) && !forward[0].after, "one went");
    check(forward[1].key == "b" && !forward[1].before && forward[1].after == value("y"),
          "one came");
    const auto backward = co_await state.diff(4, 1);
    check(backward.size() == 2 && backward[1].before == value("y"), "and back");
    check((co_await state.diff(2, 2)).empty(), "the same");
    check(co_await code_of(state.diff(1, 9)) == errc::revision_not_made, "the future");
}

ZPROC_CONFORMS(revision_at_finds_the_revision_of_a_time)
{
    const auto before = std::chrono::system_clock::now();
    co_await make_history(ctx);
    auto state = ctx.state();
    check(co_await state.revision_at(before) == 0, "before everything");
    check(co_await state.revision_at(std::chrono::system_clock::now()) == 4, "now");
    const auto all = co_await state.history("a");
    for (const auto& each : all) {
        const auto found = co_await state.revision_at(each.time);
        check(found >= each.revision, "a change was there at its time");
    }
}

ZPROC_CONFORMS(a_past_that_is_gone_names_the_oldest_that_is_left)
{
    auto state = ctx.state();
    const std::string padding(800, 'x');
    for (int i = 0; i != 9000; ++i)
        co_await state.set("n", padding + std::to_string(i));
    diagnostics why;
    bool gone = false;
    try {
        static_cast<void>(co_await state.at(1, why, asio::use_awaitable));
    } catch (const system_error& e) {
        gone = e.code() == errc::revision_not_retained;
    }
    check(gone, "it is gone");
    check(why.oldest_revision > 1 && why.oldest_revision < 9000, "the oldest has a name");
    check(!why.text.empty(), "and the words say what to do");
    const auto oldest = co_await state.at(why.oldest_revision);
    check(oldest["n"] == padding + std::to_string(why.oldest_revision - 1), "it is there");
    check(co_await code_of(state.at(why.oldest_revision - 1)) == errc::revision_not_retained,
          "and no older one");
    const auto at_epoch = state.revision_at(std::chrono::sys_time<std::chrono::seconds>{});
    check(co_await code_of(at_epoch) == errc::revision_not_retained, "nor its time");
}

ZPROC_CONFORMS(a_watcher_replays_from_any_retained_revision)
{
    co_await make_history(ctx);
    auto state = ctx.state();
    for (std::uint64_t since = 0; since != 4; ++since) {
        auto w = state.when_change({.since = since, .count = 4 - since});
        auto expected = since;
        while (const auto e = co_await w.next())
            check(e->revision == ++expected, "each after it");
        check(expected == 4, "to the end");
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(namespaces_of_a_state)

ZPROC_CONFORMS(namespaces_are_listed_while_they_have_keys)
{
    check((co_await ctx.namespaces()).empty(), "none at first");
    co_await ctx.state("one").set("a", 1);
    co_await ctx.state("two").update(dict::of("a", 1, "b", 2));
    co_await ctx.state("empty").erase("nothing");
    const auto all = co_await ctx.namespaces();
    check(all.size() == 2 && count_of(all, "one") == 1, "those with keys");
    const auto two = std::ranges::find(all, "two", &namespace_info::name);
    check(two != all.end() && two->size == 2 && two->revision == 1, "with what is in them");
}

ZPROC_CONFORMS(drop_namespace_is_one_event_and_never_takes_a_revision_back)
{
    auto state = ctx.state("gone");
    co_await state.update(dict::of("a", 1, "b", 2));
    auto w = ctx.state("gone").when_change();
    co_await ctx.drop_namespace("gone");
    const auto dropped = co_await w.next();
    check(dropped && dropped->revision == 2 && dropped->changes.size() == 2, "every key at once");
    check(count_of(co_await ctx.namespaces(), "gone") == 0, "it is not listed");
    check(co_await state.size() == 0, "nor is anything in it");
    co_await state.set("a", 3);
    check((co_await state.snapshot()).revision() == 3, "it goes on when it comes back");
    co_await ctx.drop_namespace("never");
    check(count_of(co_await ctx.namespaces(), "never") == 0, "what never was can be dropped");
}

ZPROC_CONFORMS(with_namespace_of_a_context_changes_the_default_only)
{
    auto other = ctx.with_namespace("other");
    co_await other.state().set("a", 1);
    check(co_await ctx.state("other").get<int>("a") == 1, "there");
    check(co_await ctx.state().size() == 0, "and not here");
    check(other.default_namespace() == "other", "by name");
    bool refused = false;
    try {
        static_cast<void>(ctx.with_namespace(""));
    } catch (const system_error& e) {
        refused = e.code() == errc::empty_namespace;
    }
    check(refused, "a name is needed");
}

ZPROC_CONFORMS(changes_elsewhere_are_no_events_here)
{
    auto here = ctx.state("here");
    auto w = here.when_change({.own = true});
    for (int i = 0; i != 1000; ++i)
        co_await ctx.state("space" + std::to_string(i)).set("a", i);
    co_await here.set("a", 1);
    const auto e = co_await w.next();
    check(e && e->revision == 1 && e->changes.at(0).after == value(1), "its own first");
    check((co_await ctx.namespaces()).size() == 1001, "all are there");
}

BOOST_AUTO_TEST_SUITE_END()
