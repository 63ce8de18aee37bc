#include "protocol/authentication.hpp"

#include "protocol/body.hpp"
#include "protocol/client_handshake.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace zproc;
using namespace zproc::protocol;

namespace {

constexpr std::string_view the_secret = "0123456789abcdef";

/// 0, 1, 2 … from `first` on.
template <class Bytes = nonce>
Bytes counted(unsigned first)
{
    Bytes out{};
    for (auto& each : out)
        each = static_cast<std::byte>(first++);
    return out;
}

std::string hex(const std::optional<digest>& bytes)
{
    std::string out;
    for (const auto each : bytes.value()) {
        constexpr const char* digits = "0123456789abcdef";
        out += digits[std::to_integer<unsigned>(each) >> 4];
        out += digits[std::to_integer<unsigned>(each) & 15];
    }
    return out;
}

transcript some_transcript()
{
    return {counted(0), counted(32), counted<digest>(64)};
}

constexpr nonce zeros{};

/// The one frame in `bytes`, which it lives in.
frame whole(const buffer& bytes)
{
    frame f;
    f.code = static_cast<operation>(std::to_integer<unsigned>(bytes[operation_at]));
    f.status = static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[status_at]));
    f.body = bytes_view(bytes).subspan(header_bytes);
    return f;
}

/// Both sides of one handshake, each step in a buffer of its own.
struct exchange {
    std::string client_secret{the_secret};
    std::string server_secret{the_secret};
    client_handshake client;
    buffer hello, challenge, proof, welcome;
    transcript seen; ///< by the server
    server_hello believed;
    std::string text;

    exchange() { believed.session = 0; }

    error_code begin()
    {
        client_hello h;
        h.name = "eater";
        return client.begin(hello, 1, h, client_secret, counted(7));
    }
    /// What a server does; false when it refuses the proof.
    void ask()
    {
        client_hello h;
        BOOST_TEST_REQUIRE(!read_hello(whole(hello), h, text).failed());
        BOOST_TEST_REQUIRE(h.nonce.size() == nonce_bytes);
        std::ranges::copy(h.nonce, seen.client.begin());
        seen.server = counted(90);
        seen.hello = digest_of(whole(hello).body).value();
        write_challenge(challenge, 1, seen.server);
    }
    error_code answer()
    {
        server_hello unused;
        return client.take(whole(challenge), proof, unused, text);
    }
    bool check()
    {
        digest given;
        return !read_proof(whole(proof), given, text).failed() &&
               is_same(client_proof(server_secret, seen), given);
    }
    void greet()
    {
        server_hello h;
        h.session = 5;
        BOOST_TEST_REQUIRE(!write_proven_welcome(welcome, 1, h, server_secret, seen).failed());
    }
    error_code believe()
    {
        buffer unused;
        return client.take(whole(welcome), unused, believed, text);
    }
    error_code all()
    {
        BOOST_TEST_REQUIRE(!begin().failed());
        ask();
        BOOST_TEST_REQUIRE(!answer().failed());
        greet();
        return believe();
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_authentication)

// From another implementation: Python's hmac and hashlib.
BOOST_AUTO_TEST_CASE(proofs_are_those_of_the_documentation)
{
    const auto seen = some_transcript();
    BOOST_TEST(hex(digest_of({})) ==
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(hex(client_proof(the_secret, seen)) ==
               "5c025ebcf247678dfc4b24b3b4dd521302a21b0e8877a9cce6e747a25da58fb1");
    const auto welcome = counted(128);
    BOOST_TEST(hex(server_proof(the_secret, seen, welcome)) ==
               "92ca3104e12a1adc5cef8259179e785afa0d2cb67f6f3747405778ba8ed3097f");
}

BOOST_AUTO_TEST_CASE(proof_depends_on_everything)
{
    const auto seen = some_transcript();
    const auto good = client_proof(the_secret, seen);
    for (const auto change : {+[](transcript& t) { t.client[31] ^= std::byte{1}; },
                              +[](transcript& t) { t.server[0] ^= std::byte{128}; },
                              +[](transcript& t) { t.hello[7] ^= std::byte{2}; },
                              +[](transcript& t) { std::swap(t.client, t.server); }}) {
        auto other = seen;
        change(other);
        BOOST_TEST((client_proof(the_secret, other) != good));
    }
    BOOST_TEST((client_proof("0123456789abcdeg", seen) != good));
    // Nor is it the other side's.
    BOOST_TEST((server_proof(the_secret, seen, {}) != good));
    BOOST_TEST((server_proof(the_secret, seen, counted(1)) != server_proof(the_secret, seen, {})));
}

BOOST_AUTO_TEST_CASE(only_the_same_digest_is_the_same)
{
    const auto one = counted<digest>(1);
    auto other = one;
    BOOST_TEST(is_same(one, other));
    other[31] ^= std::byte{1};
    BOOST_TEST(!is_same(one, other));
    BOOST_TEST(!is_same(one, bytes_view(one).first(31)));
    BOOST_TEST(!is_same(one, {}));
    BOOST_TEST(!is_same(std::nullopt, {}));
}

BOOST_AUTO_TEST_CASE(both_sides_believe_each_other_when_they_know_the_secret)
{
    exchange e;
    BOOST_TEST(!e.all().failed());
    BOOST_TEST(e.check());
    BOOST_TEST(e.client.done());
    BOOST_TEST(e.believed.session == 5u);
}

BOOST_AUTO_TEST_CASE(neither_side_believes_who_knows_another_secret)
{
    exchange e;
    e.server_secret = "another secret of theirs";
    BOOST_TEST((e.all() == errc::not_authenticated));
    BOOST_TEST(!e.check());
    BOOST_TEST(!e.client.done());
    BOOST_TEST(e.believed.session == 0u);
    BOOST_TEST(e.text.find("not proven") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(welcome_that_was_changed_on_its_way_is_not_believed)
{
    exchange e;
    BOOST_TEST_REQUIRE(!e.all().failed());
    const auto good = e.welcome;
    std::size_t refused = 0;
    for (std::size_t at = header_bytes; at != good.size(); ++at) {
        exchange each;
        BOOST_TEST_REQUIRE(!each.begin().failed());
        each.ask();
        BOOST_TEST_REQUIRE(!each.answer().failed());
        each.welcome = good;
        each.welcome[at] ^= std::byte{1};
        refused += each.believe().failed() && !each.client.done();
    }
    BOOST_TEST(refused == good.size() - header_bytes);
}

BOOST_AUTO_TEST_CASE(hello_that_was_changed_on_its_way_makes_another_proof)
{
    exchange e;
    BOOST_TEST_REQUIRE(!e.begin().failed());
    // The session to resume, say: the name, here.
    const auto at = std::ranges::search(e.hello, std::as_bytes(std::span("eater", 5))).begin();
    BOOST_TEST_REQUIRE((at != e.hello.end()));
    *at = std::byte{'b'};
    e.ask();
    BOOST_TEST(!e.answer().failed());
    BOOST_TEST(!e.check());
}

BOOST_AUTO_TEST_CASE(welcome_without_a_proof_is_not_believed_by_who_has_a_secret)
{
    for (const bool challenged : {false, true}) {
        exchange e;
        BOOST_TEST_REQUIRE(!e.begin().failed());
        if (challenged) {
            e.ask();
            BOOST_TEST(!e.answer().failed());
        }
        server_hello plain;
        plain.session = 5;
        write_welcome(e.welcome, 1, plain);
        BOOST_TEST((e.believe() == errc::not_authenticated));
        BOOST_TEST(!e.client.done());
    }
}

BOOST_AUTO_TEST_CASE(welcome_of_another_handshake_is_not_believed)
{
    exchange recorded;
    BOOST_TEST_REQUIRE(!recorded.all().failed());
    exchange e;
    BOOST_TEST_REQUIRE(!e.client.begin(e.hello, 1, {}, e.client_secret, counted(8)).failed());
    e.challenge = recorded.challenge;
    BOOST_TEST(!e.answer().failed());
    BOOST_TEST((e.proof != recorded.proof)); // nor is what is recorded of a client a proof
    e.welcome = recorded.welcome;
    BOOST_TEST((e.believe() == errc::not_authenticated));
}

BOOST_AUTO_TEST_CASE(client_without_a_secret_says_so_when_it_is_challenged)
{
    client_handshake client;
    buffer hello, challenge, out;
    BOOST_TEST(!client.begin(hello, 1, {}, {}, counted(1)).failed());
    client_hello h;
    std::string text;
    BOOST_TEST(!read_hello(whole(hello), h, text).failed());
    BOOST_TEST(h.nonce.empty());
    write_challenge(challenge, 1, counted(2));
    server_hello welcome;
    BOOST_TEST((client.take(whole(challenge), out, welcome, text) == errc::secret_required));
    BOOST_TEST(out.empty());
}

BOOST_AUTO_TEST_CASE(challenge_comes_once)
{
    exchange e;
    BOOST_TEST_REQUIRE(!e.begin().failed());
    e.ask();
    BOOST_TEST(!e.answer().failed());
    BOOST_TEST((e.answer() == errc::not_a_zproc_server));
}

BOOST_AUTO_TEST_CASE(refusal_reaches_the_client_at_every_step)
{
    for (const bool challenged : {false, true}) {
        exchange e;
        BOOST_TEST_REQUIRE(!e.begin().failed());
        if (challenged) {
            e.ask();
            BOOST_TEST(!e.answer().failed());
        }
        write_error(e.welcome, 1, operation::hello, errc::peer_throttled, "later");
        BOOST_TEST((e.believe() == errc::peer_throttled));
        BOOST_TEST(e.text == "later");
    }
}

BOOST_AUTO_TEST_CASE(challenges_and_proofs_have_one_form)
{
    const auto bodies = {
        std::function([](body_writer& w) { w.list(1).bytes(zeros); }),
        std::function([](body_writer& w) { w.list(1).bytes(bytes_view(zeros).first(31)); }),
        std::function(
            [](body_writer& w) { w.list(1).text("32 bytes that are a text, not bytes"); }),
        std::function([](body_writer& w) { w.list(2).bytes(zeros).put(1); }),
        std::function([](body_writer& w) { w.list(1).bytes(zeros).put(1); }),
        std::function([](body_writer& w) { w.list(0); }),
    };
    bool first = true;
    for (const auto& write : bodies) {
        for (const auto code : {operation::challenge, operation::proof}) {
            buffer out;
            const auto at = begin_frame(out, 1, code);
            body_writer w(out);
            write(w);
            end_frame(out, at);
            nonce n;
            digest d;
            std::string text;
            const bool is_challenge = code == operation::challenge;
            const auto ec = is_challenge ? read_challenge(whole(out), n, text)
                                         : read_proof(whole(out), d, text);
            BOOST_TEST(ec.failed() == !first);
            BOOST_TEST(text.empty() == first);
            // Neither is the other.
            BOOST_TEST((is_challenge ? read_proof(whole(out), d, text)
                                     : read_challenge(whole(out), n, text))
                           .failed());
        }
        first = false;
    }
}

BOOST_AUTO_TEST_SUITE_END()
