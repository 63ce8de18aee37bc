// Atomic functions that add to what they have not read, against a real state process.

#include "integration/conformance.hpp"

#include <zproc.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

} // namespace

BOOST_AUTO_TEST_SUITE(atomic_additions)

ZPROC_CONFORMS(atomic_adds_to_what_it_has_not_read_in_one_run)
{
    auto state = ctx.state();
    int runs = 0;
    const auto add = [&](draft& d) {
        ++runs;
        d["n"] += 5;
        d["half"] -= 0.5;
        ++d["up"];
        --d["down"];
    };
    for (int i = 0; i != 2; ++i)
        co_await state.atomic(add);
    check(runs == 2, "nothing was fetched");
    check(co_await state.snapshot() == dict::of("n", 10, "half", -1.0, "up", 2, "down", -2),
          "nothing counts as 0");
    check((co_await state.snapshot()).revision() == 2, "two transactions, two revisions");

    const value sum = co_await state.atomic([](draft& d) { return d["n"] += 1; });
    check(sum == 11, "what is returned is read");
    const int less = co_await state.atomic([](draft& d) { return (--d["n"]).get<int>(); });
    check(less == 10, "what is looked at is read");
    co_await state.atomic([](draft& d) {
        d["n"] += 1;
        d["copy"] = d["n"];
        d["n"] += 1;
    });
    check(co_await state.get<int>("copy") == 11, "so is what is read behind it");
    check(co_await state.get<int>("n") == 12, "and each counts once");
    const double mixed = co_await state.atomic([](draft& d) {
        const auto by = d["half"].get<double>();
        d["n"] += by;
        return by;
    });
    check(mixed == -1.0 && co_await state.get("n") == 11.0, "added as much as another key holds");
}

ZPROC_CONFORMS(atomic_addition_that_changes_nothing_makes_no_revision)
{
    auto state = ctx.state();
    co_await state.set("huge", 1e300);
    co_await state.atomic([](draft& d) { d["huge"] += 1; });
    check((co_await state.snapshot()).revision() == 1, "alone");
    auto changes = state.when_change({.since = 1, .own = true});
    co_await state.atomic([](draft& d) {
        d["huge"] += 1;
        d["n"] += 1;
    });
    const auto event = co_await changes.next();
    check(event->changes.size() == 1 && event->changes.front().key == "n", "beside another");
}

namespace {

std::string thrown_by(const std::exception_ptr& e)
{
    try {
        if (e)
            std::rethrow_exception(e);
    } catch (const std::exception& what) {
        return what.what();
    }
    return "nothing";
}

} // namespace

ZPROC_CONFORMS(atomic_addition_that_cannot_be_made_throws_as_if_it_had_read)
{
    auto state = ctx.state();
    co_await state.update(dict::of("text", "x", "list", list_of(1), "most", INT64_MAX, "least",
                                   INT64_MIN, "huge", 1e308, "null", nullptr));
    const auto before = co_await state.snapshot();
    struct row {
        const char* key;
        value amount;
        std::string_view says;
    };
    const row rows[] = {
        {"text", 1, "held: string, wanted: a number, in string + integer"},
        {"list", 0.5, "held: list, wanted: a number, in list + double"},
        {"most", 1, "9223372036854775807 + 1"},
        {"least", -1, "-9223372036854775808 + -1"},
        {"huge", 1e308, "1e+308 + 1e+308"},
    };
    for (const auto& row : rows) {
        const std::string key = row.key;
        std::string texts[3];
        int seen = 0;
        for (const bool read_first : {false, true})
            try {
                co_await state.atomic([&](draft& d) {
                    if (read_first)
                        static_cast<void>(d.contains(key));
                    d["before"] += 1;
                    d[key] += row.amount;
                });
            } catch (const system_error&) {
                texts[seen++] = thrown_by(std::current_exception());
            }
        try {
            co_await state.atomic([&](draft& d) {
                d[key] += row.amount;
                throw std::runtime_error("too late");
            });
        } catch (const std::exception&) {
            texts[2] = thrown_by(std::current_exception());
        }
        check(texts[0].find(row.says) != std::string::npos, row.key);
        check(texts[0] == texts[1], "as if it had read");
        check(texts[0] == texts[2], "and before what comes behind it");
    }
    check(co_await state.snapshot() == before, "and nothing of it was done");

    const bool helped = co_await state.atomic([](draft& d) {
        try {
            d["text"] += 1;
        } catch (const system_error&) {
            d["text"] = 1;
            return true;
        }
        return false;
    });
    check(helped && co_await state.get("text") == 1, "the function can help itself");
    co_await state.atomic([](draft& d) { d["null"] -= 3; });
    check(co_await state.get("null") == -3, "null counts as 0");
}

namespace {

asio::awaitable<void> add_blindly(context ctx, int times)
{
    auto state = ctx.state();
    for (int i = 0; i != times; ++i)
        co_await state.atomic([](draft& d) {
            d["n"] += 1;
            d["m"] -= 1;
        });
}

asio::awaitable<void> read_and_add(context ctx, int times)
{
    auto state = ctx.state();
    for (int i = 0; i != times; ++i) {
        const int sum = co_await state.atomic([](draft& d) {
            const int n = d["n"].is_null() ? 0 : d["n"].get<int>();
            const int m = d["m"].is_null() ? 0 : d["m"].get<int>();
            d["n"] = n + 1;
            d["m"] = m - 1;
            return n + m;
        });
        if (sum != 0)
            throw std::runtime_error("half of an addition was seen");
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(atomic_additions_and_reads_of_many_processes_all_count)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        std::vector<process<>> all;
        for (int i = 0; i != 4; ++i) {
            all.push_back(co_await ctx.spawn(add_blindly, 200));
            all.push_back(co_await ctx.spawn(read_and_add, 50));
        }
        for (auto& each : all)
            co_await each.result();
        auto state = ctx.state();
        check(co_await state.get<int>("n") == 1000, "every one counts");
        check(co_await state.get<int>("m") == -1000, "both halves");
        check((co_await state.snapshot()).revision() == 1000, "one revision each");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
