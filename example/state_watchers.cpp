// The ways to watch a state, each in a process of its own. Whoever asks for a change gives the
// revision from which to look: so it does not matter who is first, the watcher or the change.

#include <zproc.hpp>

#include <iostream>
#include <sstream>

namespace asio = boost::asio;

/// Says in one piece what a watcher has seen; processes write side by side.
void say(const char* what, const zproc::event& event)
{
    std::ostringstream line;
    line << what << " -> " << event << '\n';
    std::cout << line.str() << std::flush;
}

asio::awaitable<void> when(zproc::context ctx)
{
    const auto event = co_await ctx.state().when(
        [](const zproc::dict& all) { return all["flag1"] == true && all["flag2"] == true; },
        {.since = 1});
    say("when(both flags)", event);
}

asio::awaitable<void> when_equal(zproc::context ctx)
{
    const auto event = co_await ctx.state().when_equal("flag1", true);
    say("when_equal(\"flag1\", true)", event);
}

asio::awaitable<void> when_not_equal(zproc::context ctx)
{
    const auto event = co_await ctx.state().when_not_equal("flag1", false);
    say("when_not_equal(\"flag1\", false)", event);
}

asio::awaitable<void> when_change(zproc::context ctx)
{
    const auto event = co_await ctx.state().when_change({.since = 1});
    say("when_change()", event);
}

asio::awaitable<void> when_change_of_one(zproc::context ctx)
{
    const auto event = co_await ctx.state().when_change("flag2", {.since = 1});
    say("when_change(\"flag2\")", event);
}

asio::awaitable<void> when_change_of_others(zproc::context ctx)
{
    const auto event = co_await ctx.state().when_change("flag1", {.since = 1, .exclude = true});
    say("when_change(\"flag1\", exclude)", event);
}

asio::awaitable<void> flags(zproc::context ctx)
{
    auto state = ctx.state();
    co_await state.set("begun", true);
    static_cast<void>(co_await ctx.spawn(when));
    static_cast<void>(co_await ctx.spawn(when_equal));
    static_cast<void>(co_await ctx.spawn(when_not_equal));
    static_cast<void>(co_await ctx.spawn(when_change));
    static_cast<void>(co_await ctx.spawn(when_change_of_one));
    static_cast<void>(co_await ctx.spawn(when_change_of_others));

    std::cout << "main: I set flag1" << std::endl;
    co_await state.set("flag1", true);
    std::cout << "main: I set flag2" << std::endl;
    co_await state.set("flag2", true);
    co_await ctx.wait();
}

int main()
{
    return zproc::run(flags);
}
