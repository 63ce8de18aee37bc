#include "stress/memory/parts.hpp"
#include "support/usage.hpp"

#include <zproc.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace zproc::test::remembering {

namespace {

namespace asio = boost::asio;

std::string name_of(int key)
{
    return "key " + std::to_string(key);
}

/// How a process grew.
struct growth {
    usage before;
    usage after;

    std::int64_t alone() const { return after.alone - before.alone; }

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & before & after;
    }
};

void move_one(draft& d, const std::string& from, const std::string& to)
{
    d[from] -= 1;
    d[to] += 1;
}

std::size_t count(draft& d)
{
    return d.size();
}

/// Touches two keys, many times, and stays until all others have done so, too.
asio::awaitable<growth> touch(context ctx, int number)
{
    std::mt19937 random(touching_to_do.seed * 1000 + static_cast<unsigned>(number));
    growth seen;
    seen.before = usage_of();
    auto state = ctx.state();
    const auto any = [&] {
        return name_of(static_cast<int>(random() % static_cast<unsigned>(touching_to_do.keys)));
    };
    const auto from = any();
    const auto to = any();
    for (int i = 0; i != 50; ++i)
        co_await state.atomic(&move_one, from, to);
    if (touching_to_do.take_everything)
        static_cast<void>(co_await state.atomic(&count));
    ++page->touched;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (page->touched < static_cast<unsigned>(touching_to_do.processes)) {
        timer.expires_after(std::chrono::milliseconds(10));
        co_await timer.async_wait(asio::use_awaitable);
    }
    seen.after = usage_of();
    co_return seen;
}

asio::awaitable<void> fill(state s)
{
    constexpr int at_once = 1000;
    for (int first = 0; first < touching_to_do.keys; first += at_once) {
        dict some;
        for (int i = first; i != std::min(first + at_once, touching_to_do.keys); ++i)
            some.insert_or_assign(name_of(i), i);
        co_await s.update(some);
    }
}

asio::awaitable<int> conduct(context ctx)
{
    co_await fill(ctx.state());
    std::vector<process<growth>> touching;
    for (int i = 0; i != touching_to_do.processes; ++i)
        touching.push_back(co_await ctx.spawn(&touch, i));
    std::vector<growth> all;
    for (auto& each : touching)
        all.push_back(co_await each.result());
    std::ranges::sort(all, {}, &growth::alone);
    const auto& middle = all[all.size() / 2];
    std::printf("  %d processes, two of %d keys each: USS grew by %s (median), %s (most), from %s "
                "to %s; RSS from %s to %s\n",
                touching_to_do.processes, touching_to_do.keys, in_mebibytes(middle.alone()).c_str(),
                in_mebibytes(all.back().alone()).c_str(), in_mebibytes(middle.before.alone).c_str(),
                in_mebibytes(middle.after.alone).c_str(),
                in_mebibytes(middle.before.resident).c_str(),
                in_mebibytes(middle.after.resident).c_str());
    co_return all.back().alone() >= mebibyte ? 1 : 0;
}

} // namespace

int measure_touching()
{
    return run(&conduct);
}

} // namespace zproc::test::remembering
