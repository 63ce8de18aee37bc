#include "process_number.hpp"
#include "stress/nasty_trees/model.hpp"
#include "stress/nasty_trees/trees.hpp"
#include "supervisor/prepare.hpp"

#include <zproc/run.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

#include <signal.h>
#include <unistd.h>

namespace zproc::test::nasty {

namespace {

namespace asio = boost::asio;

enum class role {
    top,   ///< of the tree that dies; has orders
    below, ///< in it
    kept,  ///< lives on
};

asio::awaitable<char> next_order(asio::posix::stream_descriptor& from)
{
    char given = 0;
    co_await from.async_read_some(asio::buffer(&given, 1), asio::use_awaitable);
    co_return given;
}

/// The end of what stands in parentheses after `begin`.
std::size_t closing(const std::string& recipe, std::size_t begin)
{
    int open = 1;
    auto at = begin;
    while (open != 0) {
        open += recipe[at] == '(' ? 1 : recipe[at] == ')' ? -1 : 0;
        ++at;
    }
    return at - 1;
}

/// A spawned process of a tree.
asio::awaitable<void> grow(context ctx, std::string recipe, int is)
{
    const auto self = static_cast<role>(is);
    const char* const word = self == role::kept ? "kept" : "up";
    const int below = static_cast<int>(self == role::top ? role::below : self);
    for (std::size_t at = 0; at != recipe.size(); ++at) {
        if (recipe[at] != '(') {
            make(recipe[at], word);
            continue;
        }
        const auto end = closing(recipe, at + 1);
        const auto inside = recipe.substr(at + 1, end - at - 1);
        static_cast<void>(co_await ctx.spawn(&grow, inside, below));
        at = end;
    }
    if (self == role::top)
        say("top", own_number());
    say(self == role::kept ? "kept" : "spawned", own_number());

    const auto here = co_await asio::this_coro::executor;
    if (self != role::top) {
        asio::steady_timer never(here, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
    }
    asio::posix::stream_descriptor orders(here, ::dup(0));
    if (co_await next_order(orders) == order::crash)
        ::raise(SIGSEGV);
}

asio::awaitable<void> tell_the_end(process<> tree)
{
    error_code ec;
    const exit_info info = co_await tree.wait(asio::redirect_error(asio::use_awaitable, ec));
    if (ec)
        say("lost", ec == errc::supervisor_lost);
    else
        say("ended", info.code ? *info.code : -info.signal.value_or(0));
}

asio::awaitable<void> tell_the_state(context ctx)
{
    const pong answer = co_await ctx.ping();
    say("state", answer.pid);
}

asio::awaitable<void> tell_whether_it_spawns(context ctx)
{
    error_code ec;
    static_cast<void>(co_await ctx.spawn([] {}, asio::redirect_error(asio::use_awaitable, ec)));
    if (ec != errc::supervisor_lost)
        std::fprintf(stderr, "a spawn: %s\n", ec.message().c_str());
    say("spawns", ec != errc::supervisor_lost);
}

asio::awaitable<void> conduct(context ctx, const tree_kind& kind, int orders_from)
{
    say("supervisor", supervision::current()->supervisor);
    say("guardian", supervision::current()->guardian);
    co_await tell_the_state(ctx);
    const auto here = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor orders(here, orders_from);

    const std::string siblings = "sd(s)";
    static_cast<void>(co_await ctx.spawn(&grow, siblings, static_cast<int>(role::kept)));
    const std::string recipe = kind.recipe;
    auto tree = co_await ctx.spawn(&grow, recipe, static_cast<int>(role::top));
    asio::co_spawn(here, tell_the_end(tree), asio::detached);
    for (;;)
        switch (co_await next_order(orders)) {
        case order::go: co_return;
        case order::fail: throw std::runtime_error("as ordered");
        case order::ping: co_await tell_the_state(ctx); break;
        case order::spawn: co_await tell_whether_it_spawns(ctx); break;
        case order::stop:
            co_await tree.stop();
            say("stopped", 0);
            break;
        }
}

} // namespace

int root_main(const tree_kind& kind, fault injected, isolation_level isolation, int orders)
{
    if (injected == fault::daemon_beside || injected == fault::unheard_daemon)
        leave_a_daemon(false);
    if (injected == fault::changed_daemon)
        leave_a_daemon(true);
    return run([&](context ctx) { return conduct(ctx, kind, orders); },
               context_options().grace(grace).isolation(isolation));
}

} // namespace zproc::test::nasty
