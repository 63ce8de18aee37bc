// A hundred processes count to a hundred together, each by one step that reads, thinks, and writes.
// Apart from each other they would lose most of their steps; an atomic function loses none.

#include <zproc.hpp>

#include <cstdio>
#include <iostream>
#include <string>

namespace asio = boost::asio;

// [increment
const auto increment = zproc::atomic([](zproc::draft& state) {
    const int count = state["count"].get<int>();
    // Here anybody else may change it: then this runs again, with what is there by then.
    state["count"] = count + 1;
    return count + 1;
});

asio::awaitable<void> count_one(zproc::context ctx)
{
    const int count = co_await increment(ctx.state());
    std::puts(std::to_string(count).c_str());
}
// increment]

asio::awaitable<void> race(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("count", 0);
    for (int i = 0; i != 100; ++i)
        static_cast<void>(co_await ctx.spawn(count_one));
    co_await ctx.wait();
    std::cout << "count: " << co_await state.get<int>("count") << '\n';
}

int main()
{
    return zproc::run(race);
}
