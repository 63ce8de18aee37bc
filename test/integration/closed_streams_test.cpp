// A program that has closed its standard streams: what is opened next takes their numbers.

#include "integration/forked_root.hpp"

#include <zproc.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

/// What a client has for good: a connection, the ring, and the ways to be woken.
asio::awaitable<void> use(context ctx)
{
    auto state = ctx.state();
    auto changes = state.when_change("k", {.own = true});
    co_await state.set("k", 1);
    static_cast<void>(co_await changes.next());
}

} // namespace

BOOST_AUTO_TEST_SUITE(closed_streams)

BOOST_AUTO_TEST_CASE(client_leaves_their_numbers_alone)
{
    forked_root root([] {
        ::alarm(60);
        checks check;
        asio::io_context io;
        asio::steady_timer(io).async_wait([](error_code) {}); // has Asio open what it needs
        ::close(0);
        bool done = false;
        context ctx(io);
        asio::co_spawn(io, use(ctx), [&](const std::exception_ptr& e) { done = !e; });
        io.run();
        check(done, "the state can be used");
        check(::fcntl(0, F_GETFD) < 0, "nothing has taken the number of the standard input");
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_SUITE_END()
