// What is wrong about an address, a server, a name or a program is an error of its own, soon, and
// says what to do. What a server makes of bad clients is in server_test.cpp.

#include "integration/program.hpp"
#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "support/server_fixture.hpp"

#include <zproc.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::forked_root;
using zproc::test::fresh_socket_path;
using zproc::test::holds;
using zproc::test::raw_client;

namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using unix_socket = asio::local::stream_protocol;
using steady = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr auto soon = 5s;
#else
constexpr auto soon = 1s;
#endif

int same(int n)
{
    return n;
}

std::string address_of(const std::string& path)
{
    return "unix://" + path;
}

/// The operation fails with `expected`, soon, and its text advises `advice`.
template <class Operation>
asio::awaitable<void> fails(checks& check, Operation operation, error_code expected,
                            std::string_view advice, std::chrono::nanoseconds within = soon)
{
    const auto began = steady::now();
    const auto ec = co_await code_of(std::move(operation));
    const auto took = steady::now() - began;
    const auto text = ec.message();
    check(ec == expected, (std::string(advice) + ": got " + text).c_str());
    check(ec.category() != error_category() || text.find("; ") != std::string::npos,
          "it says what to do");
    check(text.find(advice) != std::string::npos, (std::string(advice) + " in: " + text).c_str());
    check(took < within, (std::string(advice) + ": soon").c_str());
}

std::string as_text(const protocol::buffer& bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string welcome(std::uint16_t version = protocol::version)
{
    protocol::server_hello hello;
    hello.version = version;
    hello.session = 1;
    protocol::buffer out;
    protocol::write_welcome(out, 0, hello);
    return as_text(out);
}

/// Answers the first bytes of each client with `first`, the next ones with `second`, and stays.
asio::awaitable<void> impostor(const std::string& path, std::string first, std::string second)
{
    unix_socket::acceptor acceptor(co_await asio::this_coro::executor, path);
    for (;;) {
        auto to = co_await acceptor.async_accept(asio::use_awaitable);
        std::array<char, 4096> in;
        try {
            for (const auto& answer : {first, second}) {
                co_await to.async_read_some(asio::buffer(in), asio::use_awaitable);
                co_await asio::async_write(to, asio::buffer(answer), asio::use_awaitable);
            }
            co_await to.async_read_some(asio::buffer(in), asio::use_awaitable);
        } catch (const system_error& e) {
            if (e.code() == asio::error::operation_aborted)
                throw;
        }
    }
}

/// Hangs up on each client after some words.
asio::awaitable<void> hangs_up(const std::string& path, std::string words)
{
    unix_socket::acceptor acceptor(co_await asio::this_coro::executor, path);
    for (;;) {
        auto to = co_await acceptor.async_accept(asio::use_awaitable);
        co_await asio::async_write(to, asio::buffer(words), asio::use_awaitable);
    }
}

struct impostor_row {
    const char* name;
    std::string first;
    std::string second;
    error_code of_read;
    const char* advice;
    /// Of a write that has left, nobody knows.
    bool write_left = false;
};

std::vector<impostor_row> impostors()
{
    protocol::buffer refusal;
    protocol::write_error(refusal, 0, protocol::operation::hello, errc::version_mismatch,
                          "1 and 2");
    protocol::buffer busy;
    protocol::write_error(busy, 0, protocol::operation::hello, errc::peer_not_permitted, "uid 7");
    std::string oversized(12, '\0');
    oversized[3] = 0x70;
    const auto http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    return {
        {"http", http, "", errc::not_a_zproc_server, "check the address"},
        {"garbage", std::string(300, '\xa7'), "", errc::not_a_zproc_server, "check the address"},
        {"large_greeting", oversized, "", errc::not_a_zproc_server, "check the address"},
        {"newer_server", welcome(99), "", errc::version_mismatch, "build both"},
        {"older_server", as_text(refusal), "", errc::version_mismatch, "build both"},
        {"other_user", as_text(busy), "", errc::peer_not_permitted, "same user"},
        {"large_frame", welcome(), oversized, errc::frame_too_large, "split it", true},
        {"silent", "", "", errc::server_silent, "stopped"},
        {"silent_later", welcome(), "", asio::error::timed_out, "timed out", true},
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(bad_input)

BOOST_AUTO_TEST_CASE(addresses_that_lead_nowhere_say_so)
{
    const struct {
        std::string address;
        errc expected;
        const char* advice;
    } rows[] = {
        {"nonsense", errc::bad_address, "unix:///path"},
        {"unix:", errc::bad_address, "unix:///path"},
        {"unix://", errc::bad_address, "unix:///path"},
        {"tcp:localhost:80", errc::bad_address, "unix:///path"},
        {address_of('/' + std::string(200, 'x')), errc::bad_address, "unix:///path"},
        {address_of(fresh_socket_path()), errc::server_absent, "start one"},
        {address_of("/dev/null"), errc::server_absent, "start one"},
        {address_of("/dev/null/socket"), errc::server_absent, "start one"},
    };
    for (const auto& row : rows)
        BOOST_TEST(holds(
                       [&](context ctx, checks& check) -> asio::awaitable<void> {
                           auto state = ctx.state();
                           co_await fails(check, state.set("k", 1), row.expected, row.advice);
                           co_await fails(check, state.get("k"), row.expected, row.advice);
                           co_await fails(check, ctx.ping(), row.expected, row.advice);
                           co_await fails(check, state.when_change("k").next(), row.expected,
                                          row.advice);
                       },
                       context_options{}.address(row.address)),
                   row.address);
}

BOOST_AUTO_TEST_CASE(a_socket_that_nobody_serves_any_more_is_an_absent_server)
{
    const auto path = fresh_socket_path();
    {
        asio::io_context io;
        const unix_socket::acceptor left_behind(io, path);
    }
    BOOST_TEST(holds(
        [&](context ctx, checks& check) -> asio::awaitable<void> {
            co_await fails(check, ctx.state().set("k", 1), errc::server_absent, "start one");
        },
        context_options{}.address(address_of(path))));
    ::unlink(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_socket_of_another_kind_is_no_server)
{
    const auto path = fresh_socket_path();
    asio::io_context io;
    const asio::local::datagram_protocol::socket other(io, path);
    BOOST_TEST(holds(
        [&](context ctx, checks& check) -> asio::awaitable<void> {
            co_await fails(check, ctx.state().set("k", 1), errc::not_a_zproc_server,
                           "check the address");
        },
        context_options{}.address(address_of(path))));
    ::unlink(path.c_str());
}

BOOST_AUTO_TEST_CASE(servers_that_are_none_have_an_error_each)
{
    for (const auto& row : impostors()) {
        const auto path = fresh_socket_path();
        BOOST_TEST(holds(
                       [&](context ctx, checks& check) -> asio::awaitable<void> {
                           const auto state = ctx.state();
                           co_await (impostor(path, row.first, row.second) ||
                                     fails(check, state.get("k"), row.of_read, row.advice));
                           ::unlink(path.c_str());
                           const error_code of_write =
                               row.write_left ? error_code(errc::outcome_unknown) : row.of_read;
                           const auto* const advice =
                               row.write_left ? "read the state" : row.advice;
                           co_await (impostor(path, row.first, row.second) ||
                                     fails(check, state.set("k", 1), of_write, advice));
                       },
                       context_options{}.address(address_of(path)).request_timeout(200ms)),
                   row.name);
        ::unlink(path.c_str());
    }
}

BOOST_AUTO_TEST_CASE(servers_that_hang_up_are_given_up_in_time)
{
    const struct {
        std::string last_words;
        errc expected;
        const char* advice;
    } rows[] = {
        {"", errc::server_silent, "stopped"},
        {"no", errc::not_a_zproc_server, "check the address"},
    };
    for (const auto& row : rows) {
        const auto path = fresh_socket_path();
        BOOST_TEST(holds(
                       [&](context ctx, checks& check) -> asio::awaitable<void> {
                           const auto state = ctx.state();
                           co_await (hangs_up(path, row.last_words) ||
                                     fails(check, state.set("k", 1), row.expected, row.advice));
                       },
                       context_options{}.address(address_of(path)).request_timeout(200ms)),
                   row.last_words);
        ::unlink(path.c_str());
    }
}

BOOST_AUTO_TEST_CASE(names_that_are_empty_are_refused_where_they_are_given)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        for (const auto& make : {+[](const context& c) { c.state(""); },
                                 +[](const context& c) { c.state().with_namespace(""); }}) {
            error_code ec;
            try {
                make(ctx);
            } catch (const system_error& e) {
                ec = e.code();
            }
            check(ec == errc::empty_namespace, "an empty name");
            check(ec.message().find("leave the argument out") != std::string::npos, "its advice");
        }
        co_await ctx.state("x").set("k", 1);
    }));
}

BOOST_AUTO_TEST_CASE(spawns_of_a_program_with_threads_say_to_prepare)
{
    const test::server_process server;
    forked_root root([&] {
        ::alarm(60);
        checks check;
        std::jthread busy([](std::stop_token stop) {
            while (!stop.stop_requested())
                std::this_thread::yield();
        });
        const auto run = [&](context_options options, auto body) {
            asio::io_context io;
            asio::co_spawn(io, body(context(io, std::move(options))), asio::detached);
            io.run();
        };
        // Without an address it needs a supervisor for its server, too.
        ::setenv("ZPROC_PROGRAM", "/nowhere", 1);
        run({}, [&](context ctx) -> asio::awaitable<void> {
            co_await fails(check, ctx.spawn(same, 1), errc::threads_before_supervisor,
                           "zproc::prepare()");
            co_await fails(check, ctx.state().set("k", 1), errc::threads_before_supervisor,
                           "zproc::prepare()");
        });
        // Attached to a server, everything works but that.
        run(context_options{}.address(address_of(server.path())),
            [&](context ctx) -> asio::awaitable<void> {
                auto state = ctx.state();
                auto w = state.when_change("k", {.own = true});
                co_await state.set("k", 1);
                co_await fails(check, ctx.spawn(same, 1), errc::threads_before_supervisor,
                               "zproc::prepare()");
                check(co_await state.get<int>("k") == 1, "the state works");
                check((co_await w.next())->revision == 1, "and watchers");
            });
        busy.request_stop();
        busy.join();
        return check.result();
    });
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(bad_clients_trouble_nobody_else)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto w = state.when_change("n", {.own = true});
        const auto before = co_await ctx.ping();
        const auto path = ctx.address().substr(std::string_view("unix://").size());
        const auto go_on = [&](int n) -> asio::awaitable<void> {
            check(co_await state.increment("n") == n, "a write");
            check((co_await w.next())->changes[0].after == n, "and its event");
        };
        {
            raw_client garbage(path);
            garbage.send_text(std::string(100'000, '\xa7'));
            co_await go_on(1);
            raw_client stranger(path);
            stranger.send_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            co_await go_on(2);
            check(stranger.receive().error == errc::malformed_frame, "told what it is");
            raw_client cut(path);
            cut.send_text(std::string_view("\x20\0\0", 3));
            raw_client large(path);
            large.greet();
            large.send_text(std::string(12, '\x7f'));
            check(large.receive().error == errc::frame_too_large, "told so");
            co_await go_on(3);
        }
        co_await go_on(4);
        check((co_await ctx.ping()).pid == before.pid, "it is the same state process");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
