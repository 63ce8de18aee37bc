// Who comes over TCP and does not know the secret, or does not want to.

#include "support/secret_client.hpp"
#include "tcp.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace zproc;
using namespace zproc::protocol;
using test::packed;
using test::raw_client;
using test::secret_client;
using test::server_thread;

namespace {

constexpr const char* the_secret = "8f14e45fceea167a5a36dedd4bea2543";

serving::host_options guarded()
{
    serving::host_options options;
    options.secret = the_secret;
    return options;
}

int option(int socket, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket, level, name, &value, &size);
    return value;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tcp_hostile)

BOOST_AUTO_TEST_CASE(handshake_that_was_recorded_opens_nothing)
{
    server_thread server(guarded(), "tcp://127.0.0.1:0");
    secret_client honest(server, the_secret);
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    BOOST_TEST(honest.set("k") == 1u);

    raw_client thief(server.tcp_address());
    thief.send(honest.hello);
    BOOST_TEST((thief.receive().code == operation::challenge));
    thief.send(honest.proof);
    const auto answer = thief.receive();
    BOOST_TEST((answer.error == errc::not_authenticated));
    BOOST_TEST(thief.closed());
    BOOST_TEST(honest.set("k") == 2u);
}

BOOST_AUTO_TEST_CASE(requests_before_the_proof_are_not_served)
{
    server_thread server(guarded(), "tcp://[::1]:0");
    raw_client client(server.tcp_address());
    buffer out;
    nonce fresh{};
    client_handshake handshake;
    BOOST_TEST_REQUIRE(!handshake.begin(out, 0, {}, the_secret, fresh).failed());
    const auto one = packed(1);
    write_request(out, 1, set_request{{1, 0, 1}, "n", "k", one});
    client.send(out);
    BOOST_TEST((client.receive().code == operation::challenge));
    BOOST_TEST((client.receive().error == errc::malformed_frame));
    BOOST_TEST(client.closed());
    secret_client honest(server, the_secret);
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    BOOST_TEST(honest.set("k") == 1u);
}

BOOST_AUTO_TEST_CASE(bytes_of_strangers_are_answered_and_the_others_served)
{
    server_thread server(guarded(), "tcp://127.0.0.1:0");
    secret_client honest(server, the_secret);
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    {
        raw_client stranger(server.tcp_address());
        stranger.send_text("GET / HTTP/1.1\r\n\r\n");
        BOOST_TEST((stranger.receive().error == errc::malformed_frame));
        BOOST_TEST(stranger.closed());
    }
    {
        raw_client large(server.tcp_address());
        buffer out;
        begin_frame(out, 0, operation::hello);
        out[length_at + 2] = std::byte{1};
        large.send(out);
        BOOST_TEST((large.receive().error == errc::frame_too_large));
        BOOST_TEST(large.closed());
    }
    BOOST_TEST(honest.set("k") == 1u);
}

BOOST_AUTO_TEST_CASE(hello_that_never_ends_is_given_up)
{
    auto options = guarded();
    options.hello_within = 300'000'000;
    server_thread server(options, "tcp://127.0.0.1:0");
    raw_client half(server.tcp_address());
    raw_client silent(server.tcp_address());
    raw_client unproven(server.tcp_address());
    buffer out;
    client_handshake handshake;
    BOOST_TEST_REQUIRE(!handshake.begin(out, 0, {}, the_secret, nonce{}).failed());
    half.send(bytes_view(out).first(out.size() / 2));
    unproven.send(out);
    BOOST_TEST((unproven.receive().code == operation::challenge));
    secret_client honest(server, the_secret);
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    for (auto* each : {&half, &silent, &unproven})
        BOOST_TEST(each->closed());
    BOOST_TEST(honest.set("k") == 1u);
}

BOOST_AUTO_TEST_CASE(crowd_of_strangers_keeps_nobody_out_who_knows_the_secret)
{
    auto options = guarded();
    options.strangers = 8;
    options.connections = 20;
    server_thread server(options, "tcp://127.0.0.1:0");
    std::vector<std::unique_ptr<raw_client>> crowd;
    // From two addresses it is throttled later; it is not from where the honest one comes.
    for (int i = 0; i != 100; ++i)
        crowd.push_back(std::make_unique<raw_client>(server.tcp_address(),
                                                     i % 2 == 0 ? "127.0.0.3" : "127.0.0.4"));
    secret_client honest(server, the_secret, "127.0.0.2");
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    BOOST_TEST(honest.set("k") == 1u);
    // Those that came first had to go.
    BOOST_TEST((crowd.front()->receive().error == errc::too_busy));
    BOOST_TEST(crowd.front()->closed());
    for (int i = 0; i != 100; ++i)
        crowd.push_back(std::make_unique<raw_client>(server.tcp_address(), "127.0.0.5"));
    BOOST_TEST(honest.set("k") == 2u);
    // Who is over a Unix socket is of this user, and counts apart.
    raw_client near(server.path());
    BOOST_TEST(near.greet().session != 0u);
}

BOOST_AUTO_TEST_CASE(guesses_at_the_secret_are_throttled)
{
    server_thread server(guarded(), "tcp://127.0.0.1:0");
    secret_client early(server, the_secret);
    BOOST_TEST_REQUIRE(!early.greet().failed());
    for (unsigned i = 0; i != serving::throttle::usual_failures; ++i) {
        secret_client guess(server, "guess number " + std::to_string(1000 + i));
        BOOST_TEST((guess.greet() == errc::not_authenticated));
        BOOST_TEST(guess.wire.closed());
    }
    // Before it has said anything.
    raw_client late(server.tcp_address());
    const auto answer = late.receive();
    BOOST_TEST((answer.error == errc::peer_throttled));
    BOOST_TEST(late.closed());
    // Whoever was in stays.
    BOOST_TEST(early.set("k") == 1u);
    raw_client near(server.path());
    BOOST_TEST(near.greet().session != 0u);
}

BOOST_AUTO_TEST_CASE(slow_stranger_stays_whatever_crowd_comes_from_elsewhere)
{
    auto options = guarded();
    options.strangers = 4;
    server_thread server(options, "tcp://127.0.0.1:0");
    secret_client slow(server, the_secret, "127.0.0.2");
    std::vector<std::unique_ptr<raw_client>> crowd;
    for (int i = 0; i != 20; ++i)
        crowd.push_back(std::make_unique<raw_client>(server.tcp_address(), "127.0.0.3"));
    BOOST_TEST((crowd.front()->receive().error == errc::too_busy)); // it has come to them
    BOOST_TEST_REQUIRE(!slow.greet().failed());
    BOOST_TEST(slow.set("k") == 1u);
}

BOOST_AUTO_TEST_CASE(crowd_that_makes_room_again_and_again_is_throttled)
{
    auto options = guarded();
    options.strangers = 4;
    server_thread server(options, "tcp://127.0.0.1:0");
    std::vector<std::unique_ptr<raw_client>> crowd;
    for (unsigned i = 0; i != 4 + 2 * serving::throttle::usual_failures; ++i)
        crowd.push_back(std::make_unique<raw_client>(server.tcp_address(), "127.0.0.3"));
    raw_client late(server.tcp_address(), "127.0.0.3");
    BOOST_TEST((late.receive().error == errc::peer_throttled));
    secret_client honest(server, the_secret, "127.0.0.2");
    BOOST_TEST(!honest.greet().failed());
}

BOOST_AUTO_TEST_CASE(silence_is_throttled)
{
    auto options = guarded();
    options.hello_within = 1;
    server_thread server(options, "tcp://127.0.0.1:0");
    std::vector<std::unique_ptr<raw_client>> silent;
    for (unsigned i = 0; i != 2 * serving::throttle::usual_failures; ++i)
        silent.push_back(std::make_unique<raw_client>(server.tcp_address()));
    for (auto& each : silent)
        BOOST_TEST(each->closed());
    raw_client late(server.tcp_address());
    BOOST_TEST((late.receive().error == errc::peer_throttled));
}

BOOST_AUTO_TEST_CASE(handshake_that_succeeds_forgives_at_once)
{
    server_thread server(guarded(), "tcp://127.0.0.1:0");
    const auto guess = [&] {
        secret_client wrong(server, "guess at the secret");
        BOOST_TEST((wrong.greet() == errc::not_authenticated));
        BOOST_TEST(wrong.wire.closed());
    };
    for (unsigned i = 0; i + 1 != serving::throttle::usual_failures; ++i)
        guess();
    secret_client honest(server, the_secret); // and stays
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    guess();
    raw_client next(server.tcp_address());
    buffer hello;
    client_handshake handshake;
    BOOST_TEST_REQUIRE(!handshake.begin(hello, 0, {}, the_secret, nonce{}).failed());
    next.send(hello);
    BOOST_TEST((next.receive().code == operation::challenge));
}

BOOST_AUTO_TEST_CASE(misfits_do_not_throttle_where_there_is_no_secret)
{
    server_thread server({}, "tcp://127.0.0.1:0");
    for (unsigned i = 0; i != 2 * serving::throttle::usual_failures; ++i) {
        raw_client stranger(server.tcp_address());
        stranger.send_text("GET / HTTP/1.1\r\n\r\n");
        BOOST_TEST((stranger.receive().error == errc::malformed_frame));
    }
    secret_client honest(server, "");
    BOOST_TEST(!honest.greet().failed());
}

BOOST_AUTO_TEST_CASE(memory_is_not_shared_over_tcp_and_the_connection_goes_on)
{
    server_thread server(guarded(), "tcp://127.0.0.1:0");
    secret_client honest(server, the_secret);
    BOOST_TEST_REQUIRE(!honest.greet().failed());
    const auto answer = honest.wire.ask(attach_request{true});
    BOOST_TEST((answer.error == errc::no_shared_memory));
    BOOST_TEST(answer.descriptors.empty());
    BOOST_TEST(honest.set("k") == 1u);
}

BOOST_AUTO_TEST_CASE(server_is_not_to_listen_beyond_loopback_without_a_secret)
{
    // All that is needed of the socket is where it is bound: nothing is accepted.
    serving::host host({});
    BOOST_TEST_REQUIRE(!host.create().failed());
    descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in anywhere{};
    anywhere.sin_family = AF_INET;
    BOOST_TEST_REQUIRE(
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&anywhere), sizeof anywhere) == 0);
    BOOST_TEST((host.listen(std::move(socket)) == errc::bad_secret));
}

BOOST_AUTO_TEST_CASE(dead_peers_are_found_by_the_system)
{
    descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    tcp::set_options(socket.get());
    BOOST_TEST(option(socket.get(), IPPROTO_TCP, TCP_NODELAY) != 0);
    BOOST_TEST(option(socket.get(), SOL_SOCKET, SO_KEEPALIVE) != 0);
    const auto idle = option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE);
    const auto between = option(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL);
    const auto probes = option(socket.get(), IPPROTO_TCP, TCP_KEEPCNT);
    BOOST_TEST(idle + between * probes == tcp::silence_limit.count());
    BOOST_TEST(option(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT) ==
               1000 * tcp::silence_limit.count());
}

BOOST_AUTO_TEST_SUITE_END()
