#include "protocol/handshake.hpp"

#include "protocol/body.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace zproc;
using namespace zproc::protocol;

namespace {

/// The one frame in `bytes`.
frame whole(const buffer& bytes)
{
    frame f;
    f.code = static_cast<operation>(std::to_integer<unsigned>(bytes[operation_at]));
    f.status = static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[status_at]));
    f.body = bytes_view(bytes).subspan(header_bytes);
    return f;
}

constexpr instance_id some_instance{std::byte{1}, std::byte{2}, std::byte{3}};
constexpr nonce thirty_two{std::byte{4}, std::byte{5}};

buffer hello_bytes(std::uint16_t spoken = version)
{
    client_hello hello;
    hello.version = spoken;
    hello.session = 77;
    hello.instance = some_instance;
    hello.acknowledged = 5;
    hello.pid = 99;
    hello.name = "eater";
    hello.build_id = "build";
    hello.nonce = thirty_two;
    buffer out;
    write_hello(out, 3, hello);
    return out;
}

buffer welcome_bytes(std::uint16_t spoken = version)
{
    server_hello hello;
    hello.version = spoken;
    hello.instance = some_instance;
    hello.epoch = 4;
    hello.session = 78;
    hello.resumed = true;
    hello.pid = 1234;
    hello.durability = durability::none;
    hello.limits.depth = 12;
    hello.build_id = "build";
    hello.proof = thirty_two;
    buffer out;
    write_welcome(out, 3, hello);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_handshake)

BOOST_AUTO_TEST_CASE(hello_is_read_as_written)
{
    const auto bytes = hello_bytes();
    client_hello hello;
    std::string text;
    BOOST_TEST(!check_first_header(bytes_view(bytes).first<header_bytes>(), text).failed());
    BOOST_TEST(!read_hello(whole(bytes), hello, text).failed());
    BOOST_TEST(hello.session == 77u);
    BOOST_TEST((hello.instance == some_instance));
    BOOST_TEST(hello.acknowledged == 5u);
    BOOST_TEST(hello.pid == 99u);
    BOOST_TEST(hello.name == "eater");
    BOOST_TEST(hello.build_id == "build");
    BOOST_TEST(!hello.observer);
    BOOST_TEST(std::ranges::equal(hello.nonce, thirty_two));
}

BOOST_AUTO_TEST_CASE(nonce_and_proof_are_whole_or_absent)
{
    for (const std::size_t size : {0u, 31u, 32u, 33u}) {
        const buffer bytes(size);
        const bool good = size == 0 || size == 32;
        std::string text;
        client_hello sent, hello;
        sent.nonce = bytes;
        buffer out;
        write_hello(out, 1, sent);
        BOOST_TEST(!read_hello(whole(out), hello, text).failed() == good);
        server_hello given, read;
        given.session = 1;
        given.proof = bytes;
        out.clear();
        write_welcome(out, 1, given);
        BOOST_TEST(!read_welcome(whole(out), read, text).failed() == good);
    }
}

BOOST_AUTO_TEST_CASE(observer_names_no_session_and_gets_none)
{
    client_hello asked;
    asked.observer = true;
    asked.build_id = "build";
    buffer out;
    write_hello(out, 3, asked);
    client_hello hello;
    std::string text;
    BOOST_TEST(!read_hello(whole(out), hello, text).failed());
    BOOST_TEST(hello.observer);
    BOOST_TEST(hello.session == 0u);

    asked.session = 7;
    out.clear();
    write_hello(out, 3, asked);
    BOOST_TEST((read_hello(whole(out), hello, text) == errc::malformed_frame));

    server_hello given;
    buffer welcome;
    write_welcome(welcome, 3, given);
    server_hello read;
    BOOST_TEST(!read_welcome(whole(welcome), read, text, true).failed());
    BOOST_TEST((read_welcome(whole(welcome), read, text) == errc::not_a_zproc_server));
    BOOST_TEST(
        (read_welcome(whole(welcome_bytes()), read, text, true) == errc::not_a_zproc_server));
}

BOOST_AUTO_TEST_CASE(name_of_a_process_may_be_long_but_not_longer)
{
    for (const std::size_t size : {max_peer_name_bytes, max_peer_name_bytes + 1}) {
        const std::string name(size, 'n');
        client_hello sent, hello;
        sent.name = name;
        buffer out;
        write_hello(out, 1, sent);
        std::string text;
        const auto ec = read_hello(whole(out), hello, text);
        BOOST_TEST((ec == (size == max_peer_name_bytes ? error_code()
                                                       : make_error_code(errc::malformed_frame))));
    }
}

BOOST_AUTO_TEST_CASE(welcome_is_read_as_written)
{
    const auto bytes = welcome_bytes();
    server_hello hello;
    std::string text;
    BOOST_TEST(!check_first_reply(bytes).failed());
    BOOST_TEST(!read_welcome(whole(bytes), hello, text).failed());
    BOOST_TEST(hello.epoch == 4u);
    BOOST_TEST(hello.session == 78u);
    BOOST_TEST(hello.resumed);
    BOOST_TEST(hello.pid == 1234u);
    BOOST_TEST((hello.durability == durability::none));
    BOOST_TEST(hello.limits.depth == 12u);
    BOOST_TEST(hello.build_id == "build");
    BOOST_TEST(std::ranges::equal(hello.proof, thirty_two));
}

BOOST_AUTO_TEST_CASE(other_version_is_named_on_both_sides)
{
    std::string text;
    client_hello client;
    const auto hello = hello_bytes(9);
    BOOST_TEST((read_hello(whole(hello), client, text) == errc::version_mismatch));
    BOOST_TEST(text.find("client speaks version 9") != std::string::npos);
    BOOST_TEST(text.find("server version 3") != std::string::npos);

    server_hello server;
    const auto welcome = welcome_bytes(9);
    BOOST_TEST((read_welcome(whole(welcome), server, text) == errc::version_mismatch));
    BOOST_TEST(text.find("server speaks version 9") != std::string::npos);

    // A later version may have any fields after its number.
    buffer later;
    const auto at = begin_frame(later, 0, operation::hello);
    body_writer(later).list(3).text(magic).put(version + 1).text("and something new");
    end_frame(later, at);
    BOOST_TEST((read_hello(whole(later), client, text) == errc::version_mismatch));
    BOOST_TEST((read_welcome(whole(later), server, text) == errc::version_mismatch));
}

BOOST_AUTO_TEST_CASE(refusal_reaches_the_client_with_its_text)
{
    buffer out;
    write_error(out, 0, operation::hello, errc::peer_not_permitted, "not you");
    server_hello hello;
    std::string text;
    BOOST_TEST(!check_first_reply(out).failed());
    BOOST_TEST((read_welcome(whole(out), hello, text) == errc::peer_not_permitted));
    BOOST_TEST(text == "not you");
}

BOOST_AUTO_TEST_CASE(strangers_are_told_from_clients_and_servers)
{
    const std::string_view stranger = "HTTP/1.1 400 Bad Request\r\n\r\n";
    const auto bytes = std::as_bytes(std::span(stranger));
    std::string text;
    BOOST_TEST((check_first_header(bytes.first<header_bytes>(), text) == errc::malformed_frame));
    BOOST_TEST(!text.empty());
    BOOST_TEST((check_first_reply(bytes) == errc::not_a_zproc_server));
    BOOST_TEST(!check_first_reply(bytes.first(1)).failed());

    buffer large;
    begin_frame(large, 0, operation::hello);
    large[length_at + 2] = std::byte{1};
    BOOST_TEST((check_first_header(bytes_view(large).first<header_bytes>(), text) ==
                errc::frame_too_large));

    // The frame of another protocol that happens to look like ours.
    buffer other;
    const auto at = begin_frame(other, 0, operation::hello);
    body_writer(other).list(2).text("zprok").put(1);
    end_frame(other, at);
    client_hello client;
    server_hello server;
    BOOST_TEST((read_hello(whole(other), client, text) == errc::malformed_frame));
    BOOST_TEST((read_welcome(whole(other), server, text) == errc::not_a_zproc_server));
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_hello_is_an_error)
{
    for (const bool client : {true, false}) {
        const auto bytes = client ? hello_bytes() : welcome_bytes();
        const auto f = whole(bytes);
        for (std::size_t size = 0; size != f.body.size(); ++size) {
            // A copy of exactly that size, so that a read beyond it is seen.
            const std::vector<std::byte> cut(f.body.begin(),
                                             f.body.begin() + static_cast<std::ptrdiff_t>(size));
            auto part = f;
            part.body = cut;
            client_hello a;
            server_hello b;
            std::string text;
            BOOST_TEST((client ? read_hello(part, a, text) : read_welcome(part, b, text)).failed());
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
