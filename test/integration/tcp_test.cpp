// The same state over TCP, for programs that know the secret.

#include "integration/program.hpp"
#include "integration/remote_client.hpp"
#include "integration/served.hpp"
#include "protocol/handshake.hpp"
#include "support/in_a_root.hpp"
#include "support/sandbox.hpp"

#include <zproc.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include <signal.h>
#include <sys/stat.h>

namespace asio = boost::asio;
using zproc::context;
using zproc::context_options;
using zproc::errc;
using zproc::error_code;
using zproc::test::add_one;
using zproc::test::at;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::forked_root;
using zproc::test::joined;
using zproc::test::refused;
using zproc::test::served;
using zproc::test::use;

namespace {

constexpr const char* the_secret = "8f14e45fceea167a5a36dedd4bea2543";

/// A file with the secret, and who may read it.
class secret_file {
public:
    explicit secret_file(const std::string& text = std::string(the_secret) + "\n",
                         ::mode_t mode = 0600)
        : path_(zproc::test::sandbox::directory() / "secret")
    {
        std::ofstream(path_) << text;
        ::chmod(path_.c_str(), mode);
    }
    ~secret_file() { std::filesystem::remove(path_); }
    secret_file(const secret_file&) = delete;
    secret_file& operator=(const secret_file&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

bool contains(const std::string& text, const char* part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tcp)

BOOST_AUTO_TEST_CASE(state_is_served_over_unix_sockets_ipv4_and_ipv6_at_once)
{
    const auto path = "unix://" + (zproc::test::sandbox::directory() / "three").string();
    served server({path, "tcp://127.0.0.1:0", "tcp://[::1]:0"});
    const std::string addresses[] = {server.address(), server.address(), server.address()};
    BOOST_TEST(addresses[0] == path);
    BOOST_TEST(addresses[1].starts_with("tcp://127.0.0.1:"));
    BOOST_TEST(addresses[2].starts_with("tcp://[::1]:"));
    for (const auto& each : addresses) {
        BOOST_TEST(!each.ends_with(":0"));
        BOOST_TEST_CONTEXT(each) BOOST_TEST(joined(at(each), &use));
    }
    BOOST_TEST(joined(at(addresses[2]), [](context ctx, checks& check) -> asio::awaitable<void> {
        check(co_await ctx.state().get("count") == 3, "all of them wrote to one state");
        check(co_await ctx.state().get("atomic") == 3, "atomically");
        const zproc::replica local = co_await ctx.state().replica();
        check(local.get("count") == 3, "and are seen in local memory");
    }));
    const int status = server.stop(SIGTERM);
    BOOST_TEST(WEXITSTATUS(status) == 0);
}

BOOST_AUTO_TEST_CASE(both_sides_prove_the_secret)
{
    const secret_file file;
    served server({"tcp://127.0.0.1:0", "--secret-file", file.path()});
    const auto address = server.address();
    BOOST_TEST(joined(at(address).secret_file(file.path()), &use));
    BOOST_TEST(joined(at(address).secret(the_secret), &use));
    BOOST_TEST(refused(at(address).secret("another secret of theirs"), errc::not_authenticated,
                       "another secret"));
    BOOST_TEST(refused(at(address), errc::secret_required, "has none"));
}

BOOST_AUTO_TEST_CASE(client_with_a_secret_trusts_no_server_without_one)
{
    served server({"tcp://127.0.0.1:0"});
    const auto address = server.address();
    BOOST_TEST(refused(at(address).secret(the_secret), errc::not_authenticated, "has no secret"));
    BOOST_TEST(joined(at(address), &use));
}

BOOST_AUTO_TEST_CASE(children_of_a_remote_client_know_the_secret)
{
    const secret_file file;
    served server({"tcp://127.0.0.1:0", "--secret-file", file.path()});
    BOOST_TEST(joined(at(server.address()).secret_file(file.path()),
                      [](context ctx, checks& check) -> asio::awaitable<void> {
                          co_await ctx.state().set("k", 5);
                          auto child = co_await ctx.spawn([](context own) -> asio::awaitable<int> {
                              const zproc::value found = co_await own.state().get("k");
                              co_await own.state().set("by", "a child");
                              co_return found.get<int>();
                          });
                          check(co_await child.result() == 5, "a child reads it");
                          check(co_await ctx.state().get("by") == "a child", "and writes");
                      }));
}

BOOST_AUTO_TEST_CASE(secret_that_cannot_be_used_is_explained)
{
    const auto address = std::string("tcp://127.0.0.1:9");
    {
        const secret_file open(the_secret, 0640);
        BOOST_TEST(refused(at(address).secret_file(open.path()), errc::bad_secret, "chmod 600"));
        served server({"tcp://127.0.0.1:0", "--secret-file", open.path()});
        BOOST_TEST(contains(server.line(), "chmod 600"));
        BOOST_TEST(WEXITSTATUS(server.wait()) == 1);
    }
    {
        const secret_file brief("15 bytes are no\n");
        BOOST_TEST(
            refused(at(address).secret_file(brief.path()), errc::bad_secret, "has 15 bytes"));
    }
    BOOST_TEST(refused(at(address).secret_file("/nowhere/it"), errc::bad_secret, "cannot be read"));
    BOOST_TEST(refused(at(address).secret_file("/dev/null"), errc::bad_secret, "no regular file"));
    BOOST_TEST(refused(at(address).secret("short"), errc::bad_secret, "openssl rand"));
}

BOOST_AUTO_TEST_CASE(server_without_a_secret_listens_on_loopback_only)
{
    served server({"tcp://0.0.0.0:0"});
    BOOST_TEST(contains(server.line(), "needs a secret"));
    BOOST_TEST(WEXITSTATUS(server.wait()) == 1);
    served other({"tcp://[::]:0"});
    BOOST_TEST(contains(other.line(), "needs a secret"));
    BOOST_TEST(WEXITSTATUS(other.wait()) == 1);
}

BOOST_AUTO_TEST_CASE(address_that_leads_nowhere_is_explained)
{
    BOOST_TEST(refused(at("tcp://127.0.0.1"), errc::bad_address, "has no port"));
    BOOST_TEST(refused(at("tcp://127.0.0.1:0"), errc::bad_address, "port 0"));
    BOOST_TEST(refused(at("http://127.0.0.1:80"), errc::bad_address, "neither unix:// nor tcp://"));
    BOOST_TEST(refused(at("tcp://[1:2:3]:80"), errc::bad_address, "cannot be found"));
    served server({"tcp://127.0.0.1:0"});
    const auto address = server.address();
    served second({address});
    BOOST_TEST(contains(second.line(), "cannot listen at"));
    BOOST_TEST(WEXITSTATUS(second.wait()) == 1);
    server.stop(SIGTERM);
    BOOST_TEST(refused(at(address), errc::server_absent, "start one"));
    served third({address}); // the port is free again at once
    BOOST_TEST(third.address() == address);
    const auto port = address.substr(address.rfind(':'));
    BOOST_TEST(joined(at("tcp://localhost" + port), &use));
}

BOOST_AUTO_TEST_CASE(successor_serves_the_same_addresses_and_nothing_is_lost)
{
    const secret_file file;
    served server({"tcp://127.0.0.1:0", "tcp://[::1]:0", "--secret-file", file.path()});
    const auto one = server.address();
    const auto other = server.address();
    const auto count_and_kill = [](context ctx, checks& check) -> asio::awaitable<void> {
        const auto state = ctx.state();
        const zproc::value before = co_await state.get_or("n", 0);
        for (int i = 0; i != 60; ++i) {
            if (i == 7) { // more, and the supervisor would give it up
                const zproc::pong answer = co_await ctx.ping();
                ::kill(answer.pid, SIGKILL);
            }
            const zproc::value now = co_await state.increment("n");
            check(now == before.get<int>() + i + 1, "each was done once");
            co_await state.atomic(add_one);
        }
    };
    BOOST_TEST(joined(at(one).secret_file(file.path()), count_and_kill));
    BOOST_TEST(joined(at(other).secret_file(file.path()), count_and_kill));
    BOOST_TEST(joined(at(one).secret_file(file.path()),
                      [](context ctx, checks& check) -> asio::awaitable<void> {
                          check(co_await ctx.state().get("n") == 120, "nothing was lost");
                          check(co_await ctx.state().get("atomic") == 120, "nor done twice");
                      }));
}

BOOST_AUTO_TEST_CASE(program_opens_its_own_state_to_others)
{
    forked_root root([] {
        ::alarm(60);
        return zproc::run(
            [](context ctx) -> asio::awaitable<void> {
                co_await ctx.state().set("key", 1);
                const auto addresses = ctx.addresses();
                if (addresses.size() != 1 || ctx.address() != addresses.front())
                    ::_exit(9);
                zproc::test::say(addresses.front() + " at", 1);
                // Its own children share memory with it all the same.
                const zproc::value found = (co_await ctx.state().replica()).get("key");
                zproc::test::say("found", found.get<int>());
                char order;
                static_cast<void>(!::read(0, &order, 1));
            },
            context_options().listen("tcp://127.0.0.1:0").secret(the_secret));
    });
    const auto line = root.line();
    const auto address = line.substr(0, line.find(' '));
    BOOST_TEST(address.starts_with("tcp://127.0.0.1:"));
    BOOST_TEST(root.number("found") == 1);
    BOOST_TEST(joined(at(address).secret(the_secret),
                      [](context ctx, checks& check) -> asio::awaitable<void> {
                          check(co_await ctx.state().get("key") == 1, "another program joins it");
                      }));
    root.end_input();
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_CASE(limits_are_those_that_were_asked_for)
{
    forked_root root([] {
        ::alarm(60);
        zproc::server_limits limits;
        limits.value_bytes = 1000;
        limits.failed_handshakes = 1;
        return zproc::run(
            [](context ctx) -> asio::awaitable<void> {
                const zproc::value large(std::string(2000, 'x'));
                const auto ec = co_await code_of(ctx.state().set("key", large));
                zproc::test::say(ctx.addresses().front() + " at", ec == errc::too_large);
                char order;
                static_cast<void>(!::read(0, &order, 1));
            },
            context_options().listen("tcp://127.0.0.1:0").secret(the_secret).limits(limits));
    });
    const auto line = root.line();
    const auto address = line.substr(0, line.find(' '));
    BOOST_TEST(line.ends_with(" 1"), line);
    BOOST_TEST(refused(at(address).secret("another secret of theirs"), errc::not_authenticated,
                       "another secret"));
    BOOST_TEST(refused(at(address).secret(the_secret), errc::peer_throttled, "wait"));
    root.end_input();
    BOOST_TEST(root.succeeds());
}

namespace {

using asio::ip::tcp;

/// Welcomes whoever comes, and never says a word again; counts them.
asio::awaitable<void> falls_silent(tcp::acceptor& acceptor, int& came)
{
    std::vector<tcp::socket> silent;
    for (;;) {
        tcp::socket to = co_await acceptor.async_accept(asio::use_awaitable);
        ++came;
        std::array<char, 4096> in;
        co_await to.async_read_some(asio::buffer(in), asio::use_awaitable);
        zproc::protocol::server_hello hello;
        hello.session = 1;
        hello.resumed = true;
        zproc::protocol::buffer out;
        zproc::protocol::write_welcome(out, 0, hello);
        co_await asio::async_write(to, asio::buffer(out.data(), out.size()), asio::use_awaitable);
        silent.push_back(std::move(to));
        if (came == 2)
            co_return;
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(server_that_fell_silent_is_left_for_another_connection)
{
    BOOST_TEST(zproc::test::in_a_root([](checks& check) {
        asio::io_context io(1);
        tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        const auto port = std::to_string(acceptor.local_endpoint().port());
        const auto began = std::chrono::steady_clock::now();
        int came = 0;
        std::exception_ptr failed;
        asio::co_spawn(io, falls_silent(acceptor, came), [&](std::exception_ptr error) {
            failed = error;
            io.stop();
        });
        context ctx(io, at("tcp://127.0.0.1:" + port));
        ctx.state().get("k", [](error_code, const zproc::value&) {});
        io.run();
        const auto took = std::chrono::steady_clock::now() - began;
        check(!failed && came == 2, "it came back");
        check(took > std::chrono::seconds(9), "not before it had asked and waited");
        check(took < std::chrono::seconds(20), "nor much later");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
