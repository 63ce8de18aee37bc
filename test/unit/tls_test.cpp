#include "tls.hpp"

#include "support/certificates.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <string_view>
#include <vector>

using namespace zproc;
using test::authority;
using tls::identity;
using tls::role;
using tls::session;
using tls::terms;

namespace {

using bytes = std::vector<std::byte>;

bytes as_bytes(std::string_view text)
{
    bytes out(text.size());
    std::memcpy(out.data(), text.data(), text.size());
    return out;
}

std::shared_ptr<const terms> made(role side, const identity& of)
{
    error_code ec;
    std::string text;
    auto out = terms::make(side, of, ec, text);
    BOOST_TEST_REQUIRE(!ec.failed(), text);
    return out;
}

identity of_server(const authority& by, const std::string& names = "DNS:kitchen, IP:127.0.0.1")
{
    auto [certificate, key] = by.issue(names);
    return {certificate, key, {}};
}

identity trusting(const authority& whom)
{
    return {{}, {}, whom.certificate()};
}

/// Two sessions, and what is under way between them.
struct pair {
    session client;
    session server;
    bytes at_client, at_server;

    pair(const identity& of_client, const identity& of_server, const std::string& name = "kitchen")
        : client(made(role::client, of_client), name), server(made(role::server, of_server))
    {
    }

    /// Until nothing is under way any more; so many bytes at once.
    void talk(std::size_t piece = 100'000)
    {
        while (pass(client, server, at_server, piece) || pass(server, client, at_client, piece)) {}
    }
    bool well() const
    {
        return client.established() && server.established() && !client.error() && !server.error();
    }

private:
    static bool pass(session& from, session& to, bytes& said, std::size_t piece)
    {
        const auto sealed = std::exchange(from.output(), {});
        for (std::size_t at = 0; at < sealed.size(); at += piece) {
            to.received(std::span(sealed).subspan(at, std::min(piece, sealed.size() - at)));
            bytes room(5000);
            while (const auto count = to.open(room))
                said.insert(said.end(), room.begin(),
                            room.begin() + static_cast<std::ptrdiff_t>(count));
        }
        return !sealed.empty();
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(tls_sessions)

BOOST_AUTO_TEST_CASE(what_is_sealed_is_opened_on_the_other_side)
{
    const authority ours("ours");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
        pair p(trusting(ours), of_server(ours));
        p.talk(piece);
        BOOST_TEST_REQUIRE(p.well());
        const auto question = as_bytes("how many cookies?");
        const bytes answer(300'000, std::byte{7});
        BOOST_TEST(p.client.seal(question));
        p.talk(piece);
        BOOST_TEST((p.at_server == question));
        BOOST_TEST(p.server.seal(answer));
        p.talk(piece);
        BOOST_TEST((p.at_client == answer));
    }
}

BOOST_AUTO_TEST_CASE(server_is_known_by_name_or_address)
{
    const authority ours("ours");
    for (const auto* name : {"kitchen", "127.0.0.1"}) {
        pair p(trusting(ours), of_server(ours), name);
        p.talk();
        BOOST_TEST(p.well());
    }
    for (const auto* name : {"cellar", "127.0.0.2", "kitchen.evil.example"}) {
        pair p(trusting(ours), of_server(ours), name);
        p.talk();
        BOOST_TEST((p.client.error() == errc::tls_failed));
        BOOST_TEST(p.client.text().find("mismatch") != std::string::npos, p.client.text());
        BOOST_TEST(!p.server.established());
        BOOST_TEST((p.server.error() == errc::tls_failed)); // it was told
    }
}

BOOST_AUTO_TEST_CASE(server_of_another_authority_is_not_believed)
{
    const authority ours("ours"), theirs("ours");
    pair p(trusting(ours), of_server(theirs));
    p.talk();
    BOOST_TEST((p.client.error() == errc::tls_failed));
    BOOST_TEST(!p.client.text().empty());
    BOOST_TEST(!p.client.seal(as_bytes("secret")));
}

BOOST_AUTO_TEST_CASE(certificate_that_is_over_is_not_believed)
{
    const authority ours("ours");
    const auto old = ours.issue("DNS:kitchen", std::chrono::hours(-1));
    pair p(trusting(ours), {old.certificate, old.key, {}});
    p.talk();
    BOOST_TEST((p.client.error() == errc::tls_failed));
    BOOST_TEST(p.client.text().find("expired") != std::string::npos, p.client.text());
}

BOOST_AUTO_TEST_CASE(server_with_authorities_wants_a_certificate)
{
    const authority ours("ours"), theirs("theirs");
    auto asking = of_server(ours);
    asking.authorities = ours.certificate();
    {
        auto known = ours.issue("DNS:baker");
        pair p({known.certificate, known.key, ours.certificate()}, asking);
        p.talk();
        BOOST_TEST(p.well());
    }
    auto unknown = theirs.issue("DNS:baker");
    for (const auto& client :
         {trusting(ours), identity{unknown.certificate, unknown.key, ours.certificate()}}) {
        pair p(client, asking);
        p.talk();
        BOOST_TEST((p.server.error() == errc::tls_failed));
        BOOST_TEST((p.client.error() == errc::tls_failed)); // it was told
    }
}

BOOST_AUTO_TEST_CASE(byte_that_is_changed_on_its_way_ends_it)
{
    const authority ours("ours");
    for (std::size_t i = 5; i != 40; i += 5) {
        pair p(trusting(ours), of_server(ours));
        p.talk();
        BOOST_TEST_REQUIRE(p.client.seal(as_bytes("a hundred cookies, please")));
        p.client.output()[i] ^= std::byte{1};
        p.talk();
        BOOST_TEST((p.server.error() == errc::tls_failed));
        BOOST_TEST(p.at_server.empty());
        BOOST_TEST(!p.server.received(as_bytes("more")));
    }
}

BOOST_AUTO_TEST_CASE(handshake_that_is_changed_on_its_way_fails)
{
    const authority ours("ours");
    pair sample(trusting(ours), of_server(ours));
    for (std::size_t i = 0; i < sample.client.output().size(); i += 3) {
        pair p(trusting(ours), of_server(ours));
        p.client.output()[i] ^= std::byte{0x41};
        p.talk();
        // It may end, or wait for more, and is never taken for another.
        BOOST_TEST(!(p.client.established() && p.server.established()), "byte " << i);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_tls_is_refused)
{
    const authority ours("ours");
    session server(made(role::server, of_server(ours)));
    BOOST_TEST(!server.received(as_bytes("GET / HTTP/1.1\r\n\r\n")));
    BOOST_TEST((server.error() == errc::tls_failed));
    session client(made(role::client, trusting(ours)), "kitchen");
    BOOST_TEST(!client.received(as_bytes("this is no TLS at all")));
    BOOST_TEST(client.text() == "the other side does not speak TLS");
}

BOOST_AUTO_TEST_CASE(beginning_of_tls_is_known)
{
    const authority ours("ours");
    session client(made(role::client, trusting(ours)), "kitchen");
    BOOST_TEST(tls::begins_tls(client.output()));
    BOOST_TEST(!tls::begins_tls(as_bytes("GET")));
    BOOST_TEST(tls::begins_tls(bytes(1, std::byte{0x16}))); // more is to come
    BOOST_TEST(!tls::begins_tls(bytes(2, std::byte{0x16})));
    BOOST_TEST(!tls::begins_tls({}));
}

BOOST_AUTO_TEST_CASE(client_without_the_name_of_its_server_is_refused)
{
    const authority ours("ours");
    BOOST_CHECK_THROW(session(made(role::client, trusting(ours)), ""), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(terms_say_which_part_cannot_be_used)
{
    const authority ours("ours");
    const auto good = ours.issue("DNS:kitchen");
    const auto other = ours.issue("DNS:kitchen");
    const auto text_of = [](role side, const identity& of) {
        error_code ec;
        std::string text;
        BOOST_TEST(!terms::make(side, of, ec, text));
        BOOST_TEST((ec == errc::bad_certificate));
        return text;
    };
    BOOST_TEST(text_of(role::server, {}).find("needs a certificate") != std::string::npos);
    BOOST_TEST(text_of(role::server, {"rubbish", good.key, {}}).find("the certificate") == 0u);
    BOOST_TEST(text_of(role::server, {good.certificate, other.key, {}}).find("the key") == 0u);
    BOOST_TEST(text_of(role::client, {good.certificate, "", {}}).find("the key") == 0u);
    const auto half = ours.certificate() + good.certificate.substr(0, 200) + "\n";
    BOOST_TEST(text_of(role::client, {{}, {}, half}).find("the certificates of the auth") == 0u);
    BOOST_TEST(
        text_of(role::server, {good.certificate + half, good.key, {}}).find("the certificate") ==
        0u);
    BOOST_TEST(text_of(role::client, {{}, {}, "rubbish"}).find("the certificates of the auth") ==
               0u);
}

BOOST_AUTO_TEST_SUITE_END()
