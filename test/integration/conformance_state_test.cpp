// Every operation of a state handle, against a real state process.

#include "integration/conformance.hpp"

#include <zproc.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::holds;

struct job {
    int id = 0;
    std::string title;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & title;
    }
};

enum class color { red, green };

} // namespace

BOOST_AUTO_TEST_SUITE(state_operations)

ZPROC_CONFORMS(get_gives_what_was_set_as_its_type)
{
    auto state = ctx.state();
    co_await state.set("int", 42);
    check(co_await state.get<int>("int") == 42, "an int");
    check(co_await state.get<double>("int") == 42.0, "an int as a double");
    co_await state.set("text", "a text long enough to be on the heap");
    check(co_await state.get<std::string>("text") == "a text long enough to be on the heap",
          "a literal");
    co_await state.set("list", list_of(1, "two", list_of(3)));
    const auto l = co_await state.get("list");
    check(l[1] == "two" && l[2][0] == 3, "a list");
    co_await state.set("dict", dict::of("a", 1, "b", dict::of("c", 2)));
    const auto d = co_await state.get("dict");
    check(d["b"]["c"] == 2, "a dict");
    const std::vector<int> numbers{1, 2, 3};
    co_await state.set("vector", numbers);
    check(co_await state.get<std::vector<int>>("vector") == numbers, "a vector");
    co_await state.set("enum", color::green);
    check(co_await state.get<color>("enum") == color::green, "an enum");
    const job j{7, "a title long enough to be on the heap"};
    co_await state.set("job", j);
    const auto back = co_await state.get<job>("job");
    check(back.id == 7 && back.title == j.title, "a class with serialize");
    co_await state.set("null", nullptr);
    check((co_await state.get("null")).is_null(), "null");
    check(co_await state.contains("null"), "which is not absent");
}

ZPROC_CONFORMS(get_fails_on_missing_keys_and_wrong_types)
{
    auto state = ctx.state();
    co_await state.set("text", "x");
    co_await state.set("big", std::numeric_limits<std::int64_t>::max());
    co_await state.set("half", 0.5);
    check(co_await code_of(state.get<int>("nobody")) == errc::no_such_key, "a missing key");
    check(co_await code_of(state.get<int>("text")) == errc::type_mismatch, "a text as int");
    check(co_await code_of(state.get<int>("big")) == errc::not_representable, "out of range");
    check(!(co_await state.get<std::optional<int>>("nobody")).has_value(), "an optional");
    check(co_await state.get_or("nobody", "x") == "x", "get_or of a missing key");
    check(co_await state.get_or("text", "y") == "x", "get_or of a key");
    check((co_await code_of(state.get<int>("half"))).failed(), "a fraction as int");
}

ZPROC_CONFORMS(dictionary_operations_do_what_a_dictionary_does)
{
    auto state = ctx.state();
    check(co_await state.size() == 0, "it begins empty");
    co_await state.update(dict::of("a", 1, "b", 2, "c", 3));
    check(co_await state.size() == 3, "update sets many");
    auto keys = co_await state.keys();
    std::sort(keys.begin(), keys.end());
    check(keys == std::vector<std::string>{"a", "b", "c"}, "keys");
    auto values = co_await state.values();
    check(std::ranges::is_permutation(values, std::vector<value>{1, 2, 3}), "values");
    check(co_await state.erase("a"), "erase says it was there");
    check(!(co_await state.erase("a")), "and that it was not");
    check(!(co_await state.contains("a")), "it is gone");
    check(co_await state.pop<int>("b") == 2, "pop gives the value");
    check(co_await code_of(state.pop("b")) == errc::no_such_key, "pop of a missing key");
    check(!(co_await state.pop<std::optional<int>>("b")).has_value(), "as an optional");
    check(co_await state.set_default("c", 9) == 3, "set_default keeps");
    check(co_await state.set_default("d", 9) == 9, "set_default sets");
    const auto all = co_await state.snapshot();
    check(all == dict::of("c", 3, "d", 9), "snapshot");
    check(all.revision() == 4, "at its revision");
    co_await state.replace(dict::of("x", 1));
    check(co_await state.snapshot() == dict::of("x", 1), "replace");
    co_await state.clear();
    check(co_await state.size() == 0, "clear");
}

ZPROC_CONFORMS(server_side_operations_take_one_round_trip_and_check_types)
{
    auto state = ctx.state();
    check(co_await state.increment("n") == 1, "increment of a missing key");
    check(co_await state.increment("n", 5) == 6, "by five");
    check(co_await state.decrement("n") == 5, "decrement");
    check(co_await state.decrement("n", 2.5) == 2.5, "by a double");
    co_await state.set("text", "x");
    check(co_await code_of(state.increment("text")) == errc::type_mismatch, "of a text");
    check(co_await code_of(state.decrement("text")) == errc::type_mismatch, "of a text");
    check(co_await code_of(state.decrement("n", "two")) == errc::type_mismatch, "by a text");
    const auto least = std::numeric_limits<std::int64_t>::min();
    co_await state.set("below", -1);
    check(co_await state.decrement("below", least) == std::numeric_limits<std::int64_t>::max(),
          "by the least there is");
    co_await state.set("most", std::numeric_limits<std::int64_t>::max());
    check(co_await code_of(state.increment("most")) == errc::arithmetic_overflow, "overflow");
    co_await state.append("l", 1);
    co_await state.append("l", "two");
    check(co_await state.get("l") == value(list_of(1, "two")), "append");
    check(co_await code_of(state.append("text", 1)) == errc::type_mismatch, "to a text");

    check(co_await state.compare_exchange("leader", nullptr, "me"), "from absent");
    check(!(co_await state.compare_exchange("leader", nullptr, "you")), "no more");
    check(co_await state.compare_exchange("leader", "me", "you"), "from a value");
    check(co_await state.compare_exchange("leader", "you", nullptr), "to absent");
    check(!(co_await state.contains("leader")), "it is absent");
}

ZPROC_CONFORMS(with_namespace_gives_another_namespace_with_its_own_revisions)
{
    auto state = ctx.state();
    auto other = state.with_namespace("other");
    co_await state.set("k", 1);
    co_await other.set("k", 2);
    check(co_await state.get<int>("k") == 1, "one");
    check(co_await other.get<int>("k") == 2, "and another");
    check((co_await other.snapshot()).revision() == 1, "each counts for itself");
    bool refused = false;
    try {
        static_cast<void>(state.with_namespace(""));
    } catch (const system_error& e) {
        refused = e.code() == errc::empty_namespace;
    }
    check(refused, "an empty name is refused");
}

ZPROC_CONFORMS(operations_in_flight_apply_in_order)
{
    auto state = ctx.state();
    int completed = 0;
    for (int i = 1; i <= 1000; ++i)
        state.set("n", i, [&](error_code ec) { completed += !ec; });
    check(co_await state.get<int>("n") == 1000, "a read sees every write before it");
    check(completed == 1000, "they completed before it");
}

ZPROC_CONFORMS(ping_tells_who_answers)
{
    const auto answer = co_await ctx.ping();
    check(answer.pid > 0, "the state process");
    check(answer.round_trip > 0ns && answer.round_trip < 10s, "in some time");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(atomic_operations)

ZPROC_CONFORMS(atomic_applies_everything_or_nothing)
{
    auto state = ctx.state();
    co_await state.update(dict::of("a", 10, "b", 0));
    const auto move = zproc::atomic([](draft& d, int amount) {
        d["a"] -= amount;
        d["b"] += amount;
        if (d["a"].get<int>() < 0)
            throw std::runtime_error("not enough");
        return d["b"].get<int>();
    });
    check(co_await move(state, 4) == 4, "its value comes back");
    bool thrown = false;
    try {
        static_cast<void>(co_await move(state, 100));
    } catch (const std::runtime_error& e) {
        thrown = std::string_view(e.what()) == "not enough";
    }
    check(thrown, "what it throws comes back");
    check(co_await state.snapshot() == dict::of("a", 6, "b", 4), "and changes nothing");
    check((co_await state.snapshot()).revision() == 2, "two transactions, two revisions");
}

ZPROC_CONFORMS(atomic_keeps_deep_changes_and_leaves_no_trace_of_reads)
{
    auto state = ctx.state();
    co_await state.atomic([](draft& d) { d["a"]["b"]["c"] = 1; });
    co_await state.atomic([](draft& d) { d["a"]["b"]["c"] += 1; });
    check((co_await state.get("a"))["b"]["c"] == 2, "deep");
    const auto before = (co_await state.snapshot()).revision();
    const bool there =
        co_await state.atomic([](draft& d) { return d["x"].is_null() && d.contains("a"); });
    check(there, "it only reads");
    const auto lent = co_await state.atomic([](draft& d) { return d["a"]; });
    check(lent == dict::of("b", dict::of("c", 2)), "what the draft lends is kept");
    const auto after = co_await state.snapshot();
    check(after.revision() == before && !after.contains("x"), "and leaves nothing");
    const int sum = co_await state.atomic([](draft& d) {
        d.erase("a");
        d["p"] = 1;
        d["q"] = 2;
        int all = 0;
        for (const auto& [key, v] : d)
            all += v.get<int>();
        return all;
    });
    check(sum == 3, "iteration sees its own writes");
}

ZPROC_CONFORMS(atomic_inside_an_atomic_is_refused)
{
    auto state = ctx.state();
    error_code inner;
    co_await state.atomic([&](draft& d) {
        d["n"] = 1;
        state.atomic([](draft& e) { e["n"] = 2; },
                     [&](std::exception_ptr e) {
                         try {
                             if (e)
                                 std::rethrow_exception(e);
                         } catch (const system_error& s) {
                             inner = s.code();
                         }
                     });
    });
    check(co_await state.get<int>("n") == 1, "the outer one counts");
    check(inner == errc::nested_atomic, "the inner one is told");
}

namespace {

asio::awaitable<void> add_many(context ctx, int times)
{
    auto state = ctx.state();
    for (int i = 0; i != times; ++i)
        co_await state.atomic([](draft& d) {
            d["n"] += 1;
            d["even"] = d["n"].get<int>() % 2 == 0;
        });
}

} // namespace

BOOST_AUTO_TEST_CASE(atomic_loses_no_update_between_processes)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        std::vector<process<>> all;
        for (int i = 0; i != 8; ++i)
            all.push_back(co_await ctx.spawn(add_many, 50));
        for (auto& each : all)
            co_await each.result();
        auto state = ctx.state();
        check(co_await state.get<int>("n") == 400, "every one counts");
        check((co_await state.snapshot()).revision() == 400, "one revision each");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
