// The same state over TLS: nobody in between can read it, and certificates show who is there.

#include "integration/program.hpp"
#include "integration/remote_client.hpp"
#include "integration/served.hpp"
#include "support/certificates.hpp"
#include "support/in_a_root.hpp"
#include "support/sandbox.hpp"
#include "support/secret_client.hpp"

#include <zproc.hpp>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace asio = boost::asio;
using zproc::context;
using zproc::context_options;
using zproc::errc;
using zproc::tls_options;
using zproc::test::at;
using zproc::test::authority;
using zproc::test::checks;
using zproc::test::joined;
using zproc::test::refused;
using zproc::test::served;
using zproc::test::use;

namespace {

/// The files of a server and of its clients.
struct files {
    authority ours{"ours"};
    tls_options server = written("server", ours.issue("IP:127.0.0.1, DNS:kitchen"));
    std::string trusted = write("ours", ours.certificate());

    ~files() { std::filesystem::remove_all(directory()); }

    static std::filesystem::path directory() { return zproc::test::sandbox::directory() / "tls"; }
    static std::string write(const std::string& name, const std::string& text, ::mode_t mode = 0600)
    {
        std::filesystem::create_directory(directory());
        const auto path = (directory() / name).string();
        std::ofstream(path) << text;
        ::chmod(path.c_str(), mode);
        return path;
    }
    static tls_options written(const std::string& name, const authority::issued& what)
    {
        tls_options out;
        out.certificate = write(name + ".pem", what.certificate, 0644);
        out.key = write(name + ".key", what.key);
        return out;
    }
    std::vector<std::string> words() const
    {
        return {"tcp://127.0.0.1:0", "--tls-certificate", server.certificate, "--tls-key",
                server.key};
    }
    tls_options client() const
    {
        tls_options out;
        out.authorities = trusted;
        return out;
    }
};

/// Speaks TLS by hand; it waits up to ten seconds for anything.
class sealed_client {
public:
    sealed_client(const zproc::protocol::address& server, const authority& trusted) : wire_(server)
    {
        const int at_once = 1;
        ::setsockopt(wire_.socket(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        zproc::error_code ec;
        std::string text;
        session_.emplace(zproc::tls::terms::make(zproc::tls::role::client,
                                                 {{}, {}, trusted.certificate()}, ec, text),
                         "127.0.0.1");
        send();
        while (!session_->established())
            BOOST_TEST_REQUIRE(receive());
    }

    int socket() const { return wire_.socket(); }
    void say(std::span<const std::byte> plain)
    {
        BOOST_TEST_REQUIRE(session_->seal(plain));
        send();
    }
    /// What say() would send.
    std::vector<std::byte> sealed(std::span<const std::byte> plain)
    {
        BOOST_TEST_REQUIRE(session_->seal(plain));
        return std::exchange(session_->output(), {});
    }
    /// False when nothing more comes.
    bool receive()
    {
        pollfd readable{wire_.socket(), POLLIN, 0};
        if (::poll(&readable, 1, 10'000) != 1)
            return false;
        std::array<std::byte, 65536> some;
        const auto count = ::recv(wire_.socket(), some.data(), some.size(), MSG_DONTWAIT);
        ended_ = count == 0 || (count < 0 && errno == ECONNRESET);
        if (count > 0) {
            session_->received(std::span(some).first(static_cast<std::size_t>(count)));
            send();
        }
        return count > 0;
    }
    std::size_t open(std::span<std::byte> room) { return session_->open(room); }
    bool ended() const { return ended_; }

private:
    void send()
    {
        if (auto out = std::exchange(session_->output(), {}); !out.empty())
            wire_.send(out);
    }

    zproc::test::raw_client wire_;
    std::optional<zproc::tls::session> session_;
    bool ended_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(tls)

BOOST_AUTO_TEST_CASE(state_is_used_over_tls)
{
    const files on_disk;
    served server(on_disk.words());
    const auto address = server.address();
    const auto trusting = at(address).tls(on_disk.client());
    BOOST_TEST(joined(trusting, &use));
    BOOST_TEST(joined(trusting, [](context ctx, checks& check) -> asio::awaitable<void> {
        const auto state = ctx.state();
        auto counts = state.when_change("count", {.since = 0});
        const auto first = co_await counts.next();
        check(first->changes.front().after == 1, "a watcher sees history");
        const zproc::replica here = co_await state.replica();
        check(here.get("count") == 1, "a replica is filled");
        // Many large ones, both ways, at once.
        const zproc::value large(std::string(700'000, 'x'));
        int done = 0;
        for (int i = 0; i != 20; ++i)
            state.set("large" + std::to_string(i), large,
                      [&done](zproc::error_code ec) { done += !ec; });
        check(co_await state.get("large19") == large, "they arrive in order");
        check(done == 20, "all of them");
        auto child = co_await ctx.spawn([](context own) -> asio::awaitable<int> {
            const zproc::value found = co_await own.state().get("count");
            co_return found.get<int>();
        });
        check(co_await child.result() == 1, "a child speaks TLS, too");
    }));
    BOOST_TEST(WEXITSTATUS(server.stop(SIGTERM)) == 0);
}

BOOST_AUTO_TEST_CASE(both_sides_have_to_speak_it)
{
    const files on_disk;
    served server(on_disk.words());
    BOOST_TEST(refused(at(server.address()), errc::tls_required, ""));
    served plain({"tcp://127.0.0.1:0"});
    BOOST_TEST(
        refused(at(plain.address()).tls(on_disk.client()), errc::tls_failed, "does not speak TLS"));
}

BOOST_AUTO_TEST_CASE(server_has_to_be_the_one_that_was_meant)
{
    const files on_disk;
    served server(on_disk.words());
    const auto address = server.address();
    const authority theirs("theirs");
    tls_options other;
    other.authorities = files::write("theirs", theirs.certificate());
    BOOST_TEST(refused(at(address).tls(other), errc::tls_failed, "is not accepted"));
    auto named = on_disk.client();
    named.server_name = "cellar";
    BOOST_TEST(refused(at(address).tls(named), errc::tls_failed, "mismatch"));
    named.server_name = "kitchen";
    BOOST_TEST(joined(at(address).tls(named), &use));
    // Whom the system trusts: not us.
    BOOST_TEST(refused(at(address).tls({}), errc::tls_failed, "is not accepted"));
}

BOOST_AUTO_TEST_CASE(server_with_authorities_admits_who_has_a_certificate)
{
    const files on_disk;
    auto words = on_disk.words();
    words.front() = "tcp://0.0.0.0:0"; // allowed without a secret
    words.insert(words.end(), {"--tls-authorities", on_disk.trusted});
    served server(words);
    const auto address = "tcp://127.0.0.1" + server.address().substr(13);
    BOOST_TEST(refused(at(address).tls(on_disk.client()), errc::tls_failed, "certificate"));
    auto known = files::written("client", on_disk.ours.issue("DNS:baker"));
    known.authorities = on_disk.trusted;
    BOOST_TEST(joined(at(address).tls(known), &use));
}

BOOST_AUTO_TEST_CASE(secret_is_proven_within_tls)
{
    const files on_disk;
    auto words = on_disk.words();
    const auto secret = files::write("secret", "8f14e45fceea167a5a36dedd4bea2543");
    words.insert(words.end(), {"--secret-file", secret});
    served server(words);
    const auto trusting = at(server.address()).tls(on_disk.client());
    BOOST_TEST(refused(trusting, errc::secret_required, "has none"));
    auto knowing = trusting;
    BOOST_TEST(joined(knowing.secret_file(secret), &use));
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_used_are_explained)
{
    const files on_disk;
    const auto address = std::string("tcp://127.0.0.1:9");
    tls_options nowhere;
    nowhere.authorities = "/nowhere/it";
    BOOST_TEST(refused(at(address).tls(nowhere), errc::bad_certificate, "cannot be read"));
    auto open = on_disk.server;
    open.key = files::write("open.key", "anybody can read it", 0644);
    BOOST_TEST(refused(at(address).tls(open), errc::bad_certificate, "chmod 600"));
    auto other = on_disk.server;
    other.key = files::written("other", on_disk.ours.issue("DNS:other")).key;
    BOOST_TEST(refused(at(address).tls(other), errc::bad_certificate, "another certificate"));
    served server({"tcp://127.0.0.1:0", "--tls-authorities", on_disk.trusted});
    BOOST_TEST(server.line().find("needs a certificate") != std::string::npos);
    BOOST_TEST(WEXITSTATUS(server.wait()) == 1);
}

BOOST_AUTO_TEST_CASE(successor_speaks_it_too)
{
    const files on_disk;
    served server(on_disk.words());
    BOOST_TEST(joined(at(server.address()).tls(on_disk.client()),
                      [](context ctx, checks& check) -> asio::awaitable<void> {
                          const auto state = ctx.state();
                          for (int i = 0; i != 30; ++i) {
                              if (i == 7) {
                                  const zproc::pong answer = co_await ctx.ping();
                                  ::kill(answer.pid, SIGKILL);
                              }
                              check(co_await state.increment("n") == i + 1, "each was done once");
                          }
                      }));
}

BOOST_AUTO_TEST_CASE(who_is_kept_out_is_told_why)
{
    const files on_disk;
    auto options = zproc::serving::host_options();
    options.secret = "8f14e45fceea167a5a36dedd4bea2543";
    options.failed_handshakes = 1;
    const auto identity = on_disk.ours.issue("IP:127.0.0.1");
    options.tls = {identity.certificate, identity.key, {}};
    zproc::test::server_thread server(options, "tcp://127.0.0.1:0");
    const auto client = at(zproc::protocol::to_string(server.tcp_address())).tls(on_disk.client());
    auto knowing = client;
    knowing.secret(options.secret);
    auto wrong = client;
    wrong.secret("another secret of theirs");
    BOOST_TEST(joined(knowing, &use));
    BOOST_TEST(refused(wrong, errc::not_authenticated, "another secret"));
    BOOST_TEST(refused(knowing, errc::peer_throttled, "wait")); // before any TLS
}

BOOST_AUTO_TEST_CASE(crowd_that_stops_half_way_makes_room)
{
    const files on_disk;
    auto options = zproc::serving::host_options();
    options.strangers = 4;
    const auto identity = on_disk.ours.issue("IP:127.0.0.1");
    options.tls = {identity.certificate, identity.key, {}};
    zproc::test::server_thread server(options, "tcp://127.0.0.1:0");
    std::vector<std::unique_ptr<zproc::test::raw_client>> crowd;
    for (int i = 0; i != 10; ++i) {
        crowd.push_back(std::make_unique<zproc::test::raw_client>(server.tcp_address()));
        crowd.back()->send_text("\x16\x03\x01");
    }
    BOOST_TEST(crowd.front()->closed());
    const auto client = at(zproc::protocol::to_string(server.tcp_address())).tls(on_disk.client());
    BOOST_TEST(joined(client, &use));
}

BOOST_AUTO_TEST_CASE(request_that_is_too_large_is_answered)
{
    const files on_disk;
    auto options = zproc::serving::host_options();
    options.limits.request_bytes = 100'000;
    const auto identity = on_disk.ours.issue("IP:127.0.0.1");
    options.tls = {identity.certificate, identity.key, {}};
    zproc::test::server_thread server(options, "tcp://127.0.0.1:0");
    sealed_client client(server.tcp_address(), on_disk.ours);
    zproc::protocol::buffer said;
    zproc::protocol::write_hello(said, 0, {});
    zproc::protocol::begin_frame(said, 1, zproc::protocol::operation::get);
    said[said.size() - zproc::protocol::header_bytes + 2] = std::byte{0x7f}; // much is to come
    client.say(said);
    zproc::protocol::frame_parser parser(zproc::protocol::max_reply_bytes);
    zproc::error_code last;
    for (bool open = true; open;) {
        open = client.receive();
        const auto room = parser.prepare(100'000);
        parser.commit(client.open(room));
        zproc::protocol::frame f;
        while (parser.next(f) == zproc::protocol::frame_parser::found)
            last = f.error();
    }
    BOOST_TEST((last == errc::frame_too_large));
}

BOOST_AUTO_TEST_CASE(who_asks_much_and_then_breaks_the_encryption_has_to_go)
{
    const files on_disk;
    auto options = zproc::serving::host_options();
    options.busy_poll = 1'000'000'000;
    const auto identity = on_disk.ours.issue("IP:127.0.0.1");
    options.tls = {identity.certificate, identity.key, {}};
    zproc::test::server_thread server(options, "tcp://127.0.0.1:0");
    for (int round = 0; round != 200; ++round) {
        sealed_client client(server.tcp_address(), on_disk.ours);
        zproc::protocol::buffer hello;
        zproc::protocol::write_hello(hello, 0, {});
        client.say(hello);
        BOOST_TEST_REQUIRE(client.receive());
        for (std::uint32_t i = 1; i != 50; ++i) { // it is looked for from now on
            zproc::protocol::buffer get;
            zproc::protocol::write_request(get, i, zproc::protocol::get_request{"n", "k"});
            client.say(get);
            BOOST_TEST_REQUIRE(client.receive());
        }
        zproc::protocol::buffer part; // of a frame that asks for nothing yet
        zproc::protocol::begin_frame(part, 1, zproc::protocol::operation::get);
        part[zproc::protocol::length_at] = std::byte{100};
        part.resize(part.size() + 50);
        std::vector<std::vector<std::byte>> records;
        for (const auto each : part)
            records.push_back(client.sealed({&each, 1}));
        auto& broken = records.emplace_back(client.sealed(part));
        broken.back() ^= std::byte{1};
        for (const auto& each : records)
            BOOST_TEST_REQUIRE(::send(client.socket(), each.data(), each.size(), 0) ==
                               static_cast<ssize_t>(each.size()));
        while (client.receive()) {}
        BOOST_TEST_REQUIRE(client.ended());
    }
}

BOOST_AUTO_TEST_CASE(handshake_that_stops_half_way_is_given_up)
{
    const files on_disk;
    auto options = zproc::serving::host_options();
    options.hello_within = 300'000'000;
    const auto identity = on_disk.ours.issue("IP:127.0.0.1");
    options.tls = {identity.certificate, identity.key, {}};
    zproc::test::server_thread server(options, "tcp://127.0.0.1:0");
    zproc::test::raw_client half(server.tcp_address());
    half.send_text("\x16\x03\x01");
    BOOST_TEST(half.closed());
    zproc::test::raw_client other(server.tcp_address());
    other.send_text("GET / HTTP/1.1\r\n\r\n");
    BOOST_TEST((other.receive().error == errc::tls_required));
    BOOST_TEST(other.closed());
}

BOOST_AUTO_TEST_SUITE_END()
