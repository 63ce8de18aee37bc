// Swarms: what crosses, and what comes back in which order.

#include "integration/swarmed.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/serialization/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <list>
#include <map>
#include <numeric>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <unistd.h>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace std::chrono_literals;

int square(int x)
{
    return x * x;
}

double add(double a, double b)
{
    return a + b;
}

std::string repeat(std::string_view text, int times, const std::string& between)
{
    std::string all;
    for (int i = 0; i != times; ++i)
        all += (i == 0 ? std::string() : between) + std::string(text);
    return all;
}

struct point { // crosses in bulk
    double x = 0;
    double y = 0;
};

point turned(point p)
{
    return {-p.y, p.x};
}

struct named { // crosses by its serialize
    std::string name;
    std::list<int> numbers;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & name & numbers;
    }
};

named longer(named n)
{
    n.name += '!';
    n.numbers.push_back(static_cast<int>(n.numbers.size()));
    return n;
}

bool is_even(int n)
{
    return n % 2 == 0;
}

void nothing(int)
{
}

asio::awaitable<int> later(int n)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return n + 1;
}

asio::awaitable<int> noted(context ctx, int n)
{
    co_await ctx.state().increment("noted");
    co_return n;
}

std::vector<double> halved(std::vector<double> all)
{
    for (auto& each : all)
        each /= 2;
    return all;
}

pid_t who(int)
{
    return ::getpid();
}

int seven()
{
    return 7;
}

std::vector<int> numbers(int count)
{
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

bool are_squares(const std::vector<int>& all, std::size_t count)
{
    if (all.size() != count)
        return false;
    for (std::size_t i = 0; i != count; ++i)
        if (all[i] != static_cast<int>(i) * static_cast<int>(i))
            return false;
    return true;
}

asio::awaitable<void> lengths(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(3);
    for (const int count : {0, 1, 2, 3, 4, 7, 100, 101, 8191, 8192, 8193, 30000}) {
        const auto all = co_await swarm.map(square, numbers(count));
        check(are_squares(all, static_cast<std::size_t>(count)), std::to_string(count).c_str());
    }
    for (const int chunk : {1, 2, 3, 7, 1000}) {
        auto chunked = swarm.with(swarm_options().chunk(static_cast<std::size_t>(chunk)));
        const auto all = co_await chunked.map(square, numbers(100));
        check(are_squares(all, 100), "in chunks");
    }
}

asio::awaitable<void> many(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto given = numbers(40000);
    for (int round = 0; round != 20; ++round) {
        const auto all = co_await swarm.map(square, given);
        check(are_squares(all, given.size()), "a round");
    }
    std::vector<long long> wide(1'000'000);
    std::iota(wide.begin(), wide.end(), 0);
    const auto same = co_await swarm.map(+[](long long n) { return n; }, wide);
    check(same == wide, "a million");
}

asio::awaitable<void> types(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);

    std::vector<std::string> words;
    for (int i = 0; i != 1000; ++i)
        words.push_back("word" + std::to_string(i));
    const auto repeated = co_await swarm.map(repeat, words, 2, std::string("-"));
    check(repeated.size() == 1000 && repeated[999] == "word999-word999", "strings");

    std::vector<point> points(5000);
    for (std::size_t i = 0; i != points.size(); ++i)
        points[i] = {static_cast<double>(i), 1};
    const auto other = co_await swarm.map(turned, points);
    check(other.size() == 5000 && other[4999].y == 4999 && other[4999].x == -1, "in bulk");

    std::vector<named> all(100);
    for (std::size_t i = 0; i != all.size(); ++i)
        all[i].name = std::to_string(i);
    const auto longest = co_await swarm.map(longer, all);
    check(longest.size() == 100 && longest[99].name == "99!" && longest[99].numbers.size() == 1,
          "serialised");

    const auto even = co_await swarm.map(is_even, numbers(1001));
    check(even.size() == 1001 && even[1000] && !even[999], "truths");

    co_await swarm.map(nothing, numbers(1000));

    const std::list<short> few{1, 2, 3};
    const auto squares = co_await swarm.map(square, few);
    check(squares == std::vector{1, 4, 9}, "a list of another type");

    const auto of_view = co_await swarm.map(square, std::views::iota(0, 5000));
    check(are_squares(of_view, 5000), "a view");
}

asio::awaitable<void> shapes(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    std::vector<std::tuple<double, int>> pairs;
    for (int i = 0; i != 100; ++i)
        pairs.emplace_back(i, 2 * i);
    const auto sums = co_await swarm.map(add, spread(pairs));
    check(sums.size() == 100 && sums[99] == 297, "spread");

    const std::map<std::string, int> counted{{"a", 1}, {"b", 2}};
    const auto texts = co_await swarm.map(repeat, spread(counted), std::string("+"));
    check(texts == std::vector<std::string>{"a", "b+b"}, "spread over a map");

    const std::vector<int> first{1, 2, 3};
    const auto zipped = co_await swarm.map(add, zip(first, std::views::iota(10)));
    check(zipped == std::vector<double>{11, 13, 15}, "zip, as long as the shortest");

    const auto lambda = co_await swarm.map([](int a, int b) { return a * b; }, first, 3);
    check(lambda == std::vector{3, 6, 9}, "a lambda with a common argument");
}

asio::awaitable<void> functions(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    const auto next = co_await swarm.map(later, numbers(50));
    check(next.size() == 50 && next[49] == 50, "a coroutine");

    const auto same = co_await swarm.map(noted, numbers(20));
    check(same == numbers(20), "with a context");
    const auto count = co_await ctx.state().get<int>("noted");
    check(count == 20, "that is the program's");

    const auto one = co_await swarm.run(square, 9);
    check(one == 81, "run");
    const auto other = co_await swarm.run(seven);
    check(other == 7, "run without arguments");
    const auto text = co_await swarm.run(repeat, std::string("ab"), 2, std::string());
    check(text == "abab", "run with three");
    co_await swarm.run(nothing, 1);
    const auto pid = co_await swarm.run(who, 0);
    check(pid != ::getpid(), "elsewhere");
}

asio::awaitable<void> arrays(context ctx, checks& check)
{
    auto swarm = co_await ctx.create_swarm(2);
    std::vector<std::vector<double>> all(24);
    for (std::size_t i = 0; i != all.size(); ++i)
        all[i].assign(std::size_t{128} << 10, static_cast<double>(i)); // a mebibyte
    const auto half = co_await swarm.map(halved, all);
    bool right = half.size() == all.size();
    for (std::size_t i = 0; right && i != all.size(); ++i)
        right = half[i].size() == all[i].size() && half[i].front() == static_cast<double>(i) / 2 &&
                half[i].back() == static_cast<double>(i) / 2;
    check(right, "arrays of a mebibyte");
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_map)

BOOST_AUTO_TEST_CASE(map_gives_results_in_order_of_any_number_of_items)
{
    BOOST_TEST(in_a_coroutine(lengths));
}

BOOST_AUTO_TEST_CASE(map_gives_the_same_again_and_again)
{
    BOOST_TEST(in_a_coroutine(many));
}

BOOST_AUTO_TEST_CASE(map_carries_types_of_all_kinds)
{
    BOOST_TEST(in_a_coroutine(types));
}

BOOST_AUTO_TEST_CASE(map_takes_tuples_and_several_ranges)
{
    BOOST_TEST(in_a_coroutine(shapes));
}

BOOST_AUTO_TEST_CASE(map_and_run_take_functions_of_all_kinds)
{
    BOOST_TEST(in_a_coroutine(functions));
}

BOOST_AUTO_TEST_CASE(map_carries_large_arrays)
{
    BOOST_TEST(in_a_coroutine(arrays));
}

BOOST_AUTO_TEST_SUITE_END()
