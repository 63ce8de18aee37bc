#include "protocol/client_handshake.hpp"
#include "unit/server/session_fixture.hpp"

using namespace session_test;

namespace {

constexpr std::string_view the_secret = "0123456789abcdef";

/// A server with a secret, which its nonces count.
struct guarded : house {
    unsigned nonces = 0;

    guarded()
    {
        shared.secret = the_secret;
        shared.fresh_nonce = [this] { return nonce{static_cast<std::byte>(++nonces)}; };
    }
};

/// A client that does its part of the handshake as far as it is let.
struct caller {
    peer at;
    std::string secret;
    client_handshake handshake;
    server_hello welcome;
    std::string text;

    caller(house& h, seat where, std::string_view known, bool remote = true)
        : at(h, where, remote), secret(known)
    {
    }

    void hello(client_hello said = {}, nonce fresh = {std::byte{7}})
    {
        BOOST_TEST_REQUIRE(!handshake.begin(at.to_send, 0, said, secret, fresh).failed());
        at.send();
    }
    /// The next answer; what the client says to that is sent.
    error_code answer()
    {
        const auto ec = handshake.take(at.next(), at.to_send, welcome, text);
        if (!at.to_send.empty())
            at.send();
        return ec;
    }
    bool is_turned_away() { return at.machine.turned_away() && at.silent(); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(server_greeting)

BOOST_AUTO_TEST_CASE(client_that_knows_the_secret_is_welcome)
{
    guarded h;
    caller c(h, 0, the_secret);
    c.hello();
    BOOST_TEST(!c.at.machine.greeted());
    BOOST_TEST(!c.answer().failed());
    BOOST_TEST(c.at.machine.greeted());
    BOOST_TEST(!c.answer().failed());
    BOOST_TEST(c.handshake.done());
    BOOST_TEST(c.welcome.session != 0u);
    c.at.ask(set_request{by(1), "n", "k", seven});
    c.at.send();
    BOOST_TEST(c.at.answer<mutation_reply>().revision == 1u);
}

BOOST_AUTO_TEST_CASE(client_with_another_secret_is_refused_and_gets_no_session)
{
    guarded h;
    caller c(h, 0, "another secret of theirs");
    c.hello();
    BOOST_TEST(!c.answer().failed());
    BOOST_TEST((c.answer() == errc::not_authenticated));
    BOOST_TEST(c.text.find("another secret") != std::string::npos);
    BOOST_TEST(c.is_turned_away());
    BOOST_TEST(h.next_session == 1000u);
}

BOOST_AUTO_TEST_CASE(client_without_a_secret_is_refused_over_tcp_only)
{
    guarded h;
    caller far(h, 0, "");
    far.hello();
    BOOST_TEST((far.answer() == errc::secret_required));
    BOOST_TEST(far.is_turned_away());
    caller near(h, 1, "", false);
    near.hello();
    BOOST_TEST(!near.answer().failed());
    BOOST_TEST(near.handshake.done());
    // One that has it, proves it there, too.
    caller sure(h, 2, the_secret, false);
    sure.hello();
    BOOST_TEST(!sure.answer().failed());
    BOOST_TEST(!sure.answer().failed());
    BOOST_TEST(sure.handshake.done());
}

BOOST_AUTO_TEST_CASE(server_without_a_secret_says_so_to_who_asks_for_one)
{
    house h;
    caller c(h, 0, the_secret);
    c.hello();
    BOOST_TEST((c.answer() == errc::not_authenticated));
    BOOST_TEST(c.text.find("has no secret") != std::string::npos);
    BOOST_TEST(c.is_turned_away());
}

BOOST_AUTO_TEST_CASE(recorded_handshake_opens_nothing)
{
    guarded h;
    buffer hello, proof;
    {
        caller c(h, 0, the_secret);
        BOOST_TEST_REQUIRE(!c.handshake.begin(hello, 0, {}, c.secret, {std::byte{7}}).failed());
        c.at.to_send = hello;
        c.at.send();
        BOOST_TEST_REQUIRE(!c.handshake.take(c.at.next(), proof, c.welcome, c.text).failed());
        c.at.to_send = proof;
        c.at.send();
        BOOST_TEST(c.at.machine.greeted());
    }
    peer thief(h, 1, true);
    thief.to_send = hello;
    thief.to_send.insert(thief.to_send.end(), proof.begin(), proof.end());
    thief.send();
    thief.next(); // the challenge, another one
    BOOST_TEST((thief.next().error() == errc::not_authenticated));
    BOOST_TEST(thief.machine.turned_away());
}

BOOST_AUTO_TEST_CASE(session_is_resumed_by_who_has_proven_the_secret_only)
{
    guarded h;
    caller first(h, 0, the_secret);
    first.hello();
    BOOST_TEST(!first.answer().failed());
    BOOST_TEST(!first.answer().failed());
    client_hello again;
    again.session = first.welcome.session;
    caller thief(h, 1, "another secret of theirs");
    thief.hello(again);
    BOOST_TEST(!thief.answer().failed());
    BOOST_TEST((thief.answer() == errc::not_authenticated));
    BOOST_TEST(!first.at.machine.displaced());
    caller owner(h, 2, the_secret);
    owner.hello(again);
    BOOST_TEST(!owner.answer().failed());
    BOOST_TEST(first.at.machine.displaced() == true);
    BOOST_TEST(!owner.answer().failed());
    BOOST_TEST(owner.welcome.resumed);
}

BOOST_AUTO_TEST_CASE(nothing_but_a_proof_follows_a_challenge)
{
    guarded h;
    const auto frames = {
        std::function([](buffer& out) { write_request(out, 1, ping_request{}); }),
        std::function([](buffer& out) { write_hello(out, 0, {}); }),
        std::function([](buffer& out) { write_challenge(out, 0, {}); }),
        std::function([](buffer& out) { write_error(out, 0, operation::proof, errc::conflict); }),
    };
    seat where = 0;
    for (const auto& write : frames) {
        caller c(h, where++, the_secret);
        c.hello();
        c.at.next();
        write(c.at.to_send);
        c.at.send();
        BOOST_TEST((c.at.next().error() == errc::malformed_frame));
        BOOST_TEST(c.is_turned_away());
    }
    caller c(h, where, the_secret);
    c.hello();
    c.at.next();
    c.at.to_send.resize(header_bytes);
    c.at.to_send[length_at + 1] = std::byte{0x20}; // 8 KiB
    c.at.send();
    BOOST_TEST((c.at.next().error() == errc::frame_too_large));
    BOOST_TEST(c.is_turned_away());
}

BOOST_AUTO_TEST_CASE(proof_without_a_challenge_is_no_hello)
{
    guarded h;
    caller c(h, 0, the_secret);
    write_proof(c.at.to_send, 0, {});
    c.at.send();
    BOOST_TEST((c.at.next().error() == errc::malformed_frame));
    BOOST_TEST(c.is_turned_away());
    // Later it is an operation that there is not.
    caller good(h, 1, the_secret);
    good.hello();
    BOOST_TEST(!good.answer().failed());
    BOOST_TEST(!good.answer().failed());
    write_proof(good.at.to_send, 0, {});
    good.at.send();
    BOOST_TEST((good.at.next().error() == errc::unknown_operation));
    BOOST_TEST(!good.at.machine.turned_away());
}

BOOST_AUTO_TEST_CASE(memory_is_not_shared_over_tcp)
{
    house h;
    caller c(h, 0, "");
    c.hello();
    BOOST_TEST(!c.answer().failed());
    c.at.ask(attach_request{});
    c.at.ask(attach_request{true});
    c.at.ask(ping_request{});
    c.at.send();
    BOOST_TEST((c.at.next().error() == errc::no_shared_memory));
    BOOST_TEST((c.at.next().error() == errc::no_shared_memory));
    BOOST_TEST(c.at.answer<ping_reply>().pid == 42u);
    BOOST_TEST(c.at.machine.attachments().empty());
}

BOOST_AUTO_TEST_SUITE_END()
