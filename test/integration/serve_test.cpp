// Servers at an address of the user's choice: `zproc serve`, and contexts that start one there.

#include "integration/served.hpp"
#include "support/sandbox.hpp"

#include <zproc/run.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using zproc::context;
using zproc::context_options;
using zproc::errc;
using zproc::error_code;
using zproc::test::checks;
using zproc::test::forked_root;

namespace {

std::string fresh_path()
{
    static int count = 0;
    return zproc::test::sandbox::directory() / ("serve-" + std::to_string(++count));
}

class served : public zproc::test::served {
public:
    explicit served(const std::string& path) : zproc::test::served({"unix://" + path}) {}
};

/// A program of its own that joins the server.
template <class Body>
bool joined(const std::string& path, Body body)
{
    forked_root root([&] {
        ::alarm(60);
        checks check;
        const int code = zproc::run([&](context ctx) { return body(ctx, check); },
                                    context_options().address("unix://" + path));
        check(code == 0, "the main function returns");
        return check.result();
    });
    return root.succeeds();
}

bool contains(const std::string& text, const char* part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(serve)

BOOST_AUTO_TEST_CASE(programs_share_a_state_that_outlives_them_and_its_process)
{
    const auto path = fresh_path();
    served server(path);
    BOOST_TEST(contains(server.line(), ("serving unix://" + path).c_str()));
    BOOST_TEST(joined(path, [](context ctx, checks&) -> asio::awaitable<void> {
        co_await ctx.state().set("left by", "one program");
    }));
    BOOST_TEST(joined(path, [](context ctx, checks& check) -> asio::awaitable<void> {
        check(co_await ctx.state().get("left by") == "one program", "found by another");
        const zproc::pong answer = co_await ctx.ping();
        ::kill(answer.pid, SIGKILL);
        check(co_await ctx.state().get("left by") == "one program", "by a successor, too");
    }));
    BOOST_TEST(contains(server.line(), "nothing was lost"));
    const int status = server.stop(SIGTERM);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(second_server_at_an_address_says_that_there_is_one)
{
    const auto path = fresh_path();
    served first(path);
    BOOST_TEST(contains(first.line(), "serving"));
    served second(path);
    BOOST_TEST(contains(second.line(), "cannot serve"));
    const int status = second.wait();
    BOOST_TEST(WEXITSTATUS(status) == 1);
    BOOST_TEST(std::filesystem::exists(path));
    first.stop(SIGINT);
}

BOOST_AUTO_TEST_CASE(socket_that_nobody_serves_is_replaced_and_nothing_else)
{
    const auto path = fresh_path();
    {
        asio::io_context io;
        const asio::local::stream_protocol::acceptor left_behind(io, path);
    }
    BOOST_TEST(std::filesystem::exists(path));
    {
        served server(path);
        BOOST_TEST(contains(server.line(), "serving"));
        server.stop(SIGTERM);
    }
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    ::close(file);
    served server(path);
    BOOST_TEST(contains(server.line(), "cannot serve"));
    server.wait();
    BOOST_TEST(std::filesystem::is_regular_file(path));
    std::filesystem::remove(path);
}

BOOST_AUTO_TEST_CASE(context_starts_a_server_where_it_is_told_to)
{
    const auto path = fresh_path();
    forked_root root([&path] {
        ::alarm(60);
        return zproc::run(
            [](context ctx) -> asio::awaitable<void> {
                co_await ctx.state().set("key", 1);
                zproc::test::say("up", 1);
                char order;
                static_cast<void>(!::read(0, &order, 1));
            },
            context_options().address("unix://" + path).start_server());
    });
    BOOST_TEST(root.number("up") == 1);
    BOOST_TEST(joined(path, [](context ctx, checks& check) -> asio::awaitable<void> {
        check(co_await ctx.state().get("key") == 1, "another program joins it");
        auto child = co_await ctx.spawn([](context own) -> asio::awaitable<int> {
            const zproc::value found = co_await own.state().get("key");
            co_return found.get<int>();
        });
        check(co_await child.result() == 1, "and so does a child of it");
    }));
    root.end_input();
    BOOST_TEST(root.succeeds());
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(server_that_is_killed_takes_its_socket_with_it)
{
    const auto path = fresh_path();
    served server(path);
    BOOST_TEST(contains(server.line(), "serving"));
    server.stop(SIGKILL);
    // Until nobody has its standard error open any more.
    BOOST_TEST(server.line().empty());
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(address_that_is_none_is_explained)
{
    served server("");
    BOOST_TEST(contains(server.line(), "cannot serve"));
    const int status = server.wait();
    BOOST_TEST(WEXITSTATUS(status) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
