#include "stress/swarm_chaos/parts.hpp"

#include <algorithm>
#include <ranges>
#include <string>
#include <vector>

#include <unistd.h>

namespace zproc::test::chaos {

namespace {

/// Items that go wrong on purpose do so in the middle.
bool is_the_one(std::uint64_t item)
{
    return item == round_plan.items / 2;
}

std::string text_at(const std::string& given)
{
    const auto item = std::stoull(given);
    static_cast<void>(work_at(item));
    return text_for(item);
}

/// The input as texts; one may come twice.
auto texts()
{
    return std::views::iota(std::uint64_t{0}, round_plan.items) |
           std::views::transform([](std::uint64_t item) {
               const bool twice = round_plan.injected == fault::doubled_item && is_the_one(item);
               return std::to_string(twice ? item - 1 : item);
           });
}

} // namespace

std::uint64_t right_result(std::uint64_t item)
{
    return item * 0x9e3779b97f4a7c15 ^ item >> 7;
}

std::uint64_t work_at(std::uint64_t item)
{
    volatile std::uint64_t spent = 0;
    for (int i = 0; i != 15000; ++i)
        spent = spent + item;
    if (round_plan.injected == fault::hang && is_the_one(item))
        for (;;)
            ::pause();
    const bool wrong = round_plan.injected == fault::wrong_result && is_the_one(item);
    return right_result(item) + wrong;
}

/// Sometimes long, sometimes nothing.
std::string text_for(std::uint64_t item)
{
    const auto mixed = right_result(item) >> 20;
    const auto size = mixed % 5000 == 0 ? 100'000 : mixed % 60;
    return std::string(static_cast<std::size_t>(size), static_cast<char>('a' + item % 26));
}

asio::awaitable<void> map_all(context, swarm of)
{
    const auto all = co_await of.map(work_at, std::views::iota(std::uint64_t{0}, round_plan.items));
    page->done += all.size();
    if (all.size() != round_plan.items)
        object(std::to_string(all.size()) + " results");
    for (std::uint64_t i = 0; i != all.size(); ++i)
        if (all[i] != right_result(i))
            object("item " + std::to_string(i) + " has a wrong result");
}

asio::awaitable<void> map_texts(context, swarm of)
{
    const auto all = co_await of.map(text_at, texts());
    page->done += all.size();
    if (all.size() != round_plan.items)
        object(std::to_string(all.size()) + " results");
    for (std::uint64_t i = 0; i != all.size(); ++i)
        if (all[i] != text_for(i))
            object("item " + std::to_string(i) + " has a wrong result");
}

asio::awaitable<void> stream_all(context, swarm of)
{
    auto numbers = of.map_lazy(work_at, std::views::iota(std::uint64_t{0}, round_plan.items));
    std::uint64_t expected = 0;
    while (const auto each = co_await numbers.next()) {
        if (*each != right_result(expected))
            object("item " + std::to_string(expected) + " has a wrong result");
        ++expected;
        ++page->done;
    }
    if (expected != round_plan.items)
        object(std::to_string(expected) + " results");

    page->stage = "streaming texts";
    auto strings = of.map_lazy(text_at, texts());
    expected = 0;
    while (const auto each = co_await strings.next()) {
        if (*each != text_for(expected))
            object("text " + std::to_string(expected) + " is wrong");
        ++expected;
        ++page->done;
    }
    if (expected != round_plan.items)
        object(std::to_string(expected) + " texts");
}

asio::awaitable<void> take_as_completed(context, swarm of)
{
    auto all = of.as_completed(work_at, std::views::iota(std::uint64_t{0}, round_plan.items));
    std::vector<bool> seen(round_plan.items);
    while (const auto each = co_await all.next()) {
        if (each->index >= seen.size() || seen[each->index])
            object("item " + std::to_string(each->index) + " is there twice, or never was");
        else if (each->result.value() != right_result(each->index))
            object("item " + std::to_string(each->index) + " has a wrong result");
        else
            seen[each->index] = true;
        ++page->done;
    }
    if (!std::ranges::all_of(seen, std::identity()))
        object("items are missing");
}

} // namespace zproc::test::chaos
