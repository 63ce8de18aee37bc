#include "stress/resilience/parts.hpp"

#include <zproc/run.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstring>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::resilience {

namespace {

/// Waits for a byte of the input that all have in common.
unsigned hold(unsigned number)
{
    char byte;
    return ::read(0, &byte, 1) == 1 ? number : 0;
}

unsigned half(unsigned number)
{
    return number / 2;
}

/// Each child takes two descriptors of its owner.
void allow_many_descriptors()
{
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

asio::awaitable<void> one_crowd(context ctx, unsigned count)
{
    asio::steady_timer all_started(co_await asio::this_coro::executor,
                                   asio::steady_timer::time_point::max());
    std::vector<process<unsigned>> all(count);
    unsigned started = 0;
    for (unsigned i = 0; i != count; ++i)
        ctx.spawn(&hold, i, [&, i](error_code ec, process<unsigned> p) {
            if (ec)
                object("a spawn: " + ec.message());
            all[i] = std::move(p);
            if (++started == count)
                all_started.cancel();
        });
    error_code ignored;
    co_await all_started.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_await pause_to_be_seen(); // all of them are there
    for (unsigned i = 0; i != count; ++i)
        if (co_await all[i].result() != i)
            object("the result of another");
}

/// The second one may leave nothing that the first has not left.
asio::awaitable<void> two_crowds(context ctx, unsigned count)
{
    co_await ctx.state().set("begun", true);
    for (int i = 0; i != 2; ++i) {
        co_await one_crowd(ctx, count);
        co_await pause_to_be_seen(); // nobody is
    }
}

/// What is injected, each time.
void do_wrong(fault what)
{
    switch (what) {
    case fault::none: break;
    case fault::descriptor: static_cast<void>(::dup(0)); break;
    case fault::zombie:
        if (::fork() == 0)
            ::_exit(0);
        break;
    case fault::memory: {
        static std::vector<std::string> kept;
        kept.emplace_back(2000, 'x');
        break;
    }
    }
}

constexpr unsigned pauses = 10;

asio::awaitable<void> row(context ctx, plan what)
{
    const auto step = what.rounds / pauses;
    for (unsigned i = 0; i != what.rounds; ++i) {
        {
            auto p = co_await ctx.spawn(&half, i);
            if (co_await p.result() != i / 2)
                object("the result of another");
        }
        do_wrong(what.injected);
        if ((i + 1) % step == 0)
            co_await pause_to_be_seen();
    }
}

} // namespace

int crowd_main(const plan& what)
{
    allow_many_descriptors();
    return run([&](context ctx) { return two_crowds(ctx, what.rounds); });
}

int row_main(const plan& what)
{
    return run([&](context ctx) { return row(ctx, what); });
}

} // namespace zproc::test::resilience
