#include "supervisor/channel.hpp"

#include "supervisor/call_message.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <string>

#include <sys/socket.h>

namespace {

using namespace zproc;
using namespace zproc::supervision;

struct fixture {
    error_code ec;
    channel_ends ends = make_channel(ec);
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(channel, fixture)

BOOST_AUTO_TEST_CASE(receive_gives_what_was_sent_whatever_its_size)
{
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, max_inline_body,
                                   max_inline_body + 1, std::size_t{3} << 20}) {
        const std::string body(size, 'x');
        BOOST_TEST(!send_packet(ends.process.get(), packet_kind::result, body));
        const auto received = receive_packet(ends.owner.get(), false, ec);
        BOOST_REQUIRE(received.has_value());
        BOOST_TEST((received->kind == packet_kind::result));
        BOOST_TEST((received->body == body));
    }
}

BOOST_AUTO_TEST_CASE(send_fails_above_the_limit)
{
    const std::string body(max_packet_body + 1, 'x');
    BOOST_TEST(send_packet(ends.process.get(), packet_kind::result, body) ==
               error_code(errc::too_large));
}

BOOST_AUTO_TEST_CASE(receive_does_not_wait_for_an_end_that_somebody_holds_open)
{
    BOOST_TEST(!receive_packet(ends.owner.get(), false, ec));
    BOOST_TEST(ec == boost::asio::error::would_block);
}

BOOST_AUTO_TEST_CASE(receive_says_the_end_when_the_other_side_is_gone)
{
    BOOST_TEST(!send_packet(ends.process.get(), packet_kind::result, "last"));
    ends.process.reset();
    BOOST_TEST(receive_packet(ends.owner.get(), false, ec)->body == "last");
    BOOST_TEST(!receive_packet(ends.owner.get(), true, ec));
    BOOST_TEST(!ec);
    BOOST_TEST((send_packet(ends.owner.get(), packet_kind::call, "x").value() == EPIPE));
}

BOOST_AUTO_TEST_CASE(receive_fails_for_garbage)
{
    BOOST_REQUIRE(::send(ends.process.get(), "abc", 3, 0) == 3);
    BOOST_TEST(!receive_packet(ends.owner.get(), false, ec));
    BOOST_TEST(ec == error_code(errc::malformed_frame));

    // A body said to be in a file, and no file beside it.
    const std::uint32_t lie[] = {2, 1};
    BOOST_REQUIRE(::send(ends.process.get(), lie, sizeof lie, 0) == sizeof lie);
    BOOST_TEST(!receive_packet(ends.owner.get(), false, ec));
    BOOST_TEST(ec == error_code(errc::malformed_frame));
}

BOOST_AUTO_TEST_CASE(receive_fails_for_a_packet_above_the_inline_limit)
{
    const std::string body(max_inline_body + 64, 'x');
    BOOST_REQUIRE(::send(ends.process.get(), body.data(), body.size(), 0) > 0);
    BOOST_TEST(!receive_packet(ends.owner.get(), false, ec));
    BOOST_TEST(ec == error_code(errc::malformed_frame));
}

BOOST_AUTO_TEST_CASE(decode_call_gives_what_was_encoded_and_refuses_every_cut)
{
    call_message message;
    message.function.stub = {"id", 7, "/a"};
    message.function.target = {"other", 8, "/b"};
    message.arguments = std::string("\0\1", 2);
    message.name = "eater";
    message.settings = "settings";
    message.owner = 42;
    const auto bytes = encode(message);
    const auto decoded = decode_call(bytes);
    BOOST_REQUIRE(decoded.has_value());
    BOOST_TEST(decoded->function.stub.build_id == "id");
    BOOST_TEST(decoded->function.target.offset == 8u);
    BOOST_TEST(decoded->function.target.path == "/b");
    BOOST_TEST(decoded->arguments == message.arguments);
    BOOST_TEST(decoded->settings == "settings");
    BOOST_TEST(decoded->owner == 42);
    for (std::size_t size = 0; size != bytes.size(); ++size)
        BOOST_TEST(!decode_call(std::string_view(bytes).substr(0, size)).has_value());
    BOOST_TEST(!decode_call(bytes + "x").has_value());
}

BOOST_AUTO_TEST_CASE(decode_error_gives_what_was_encoded_and_refuses_every_cut)
{
    error_report report;
    report.type = "std::runtime_error";
    report.text = "boom";
    report.causes = {{"a", "b"}, {"c", ""}};
    report.stack = {"f", "g"};
    report.stack_note = "note";
    report.pid = 7;
    report.process = "eater";
    const auto bytes = encode(report);
    const auto decoded = decode_error(bytes);
    BOOST_REQUIRE(decoded.has_value());
    BOOST_TEST(decoded->text == "boom");
    BOOST_REQUIRE(decoded->causes.size() == 2u);
    BOOST_TEST(decoded->causes[0].text == "b");
    BOOST_TEST(decoded->stack == report.stack, boost::test_tools::per_element());
    BOOST_TEST(decoded->process == "eater");
    for (std::size_t size = 0; size != bytes.size(); ++size)
        BOOST_TEST(!decode_error(std::string_view(bytes).substr(0, size)).has_value());

    // A count that lies is no reason to loop or to allocate.
    auto lying = bytes;
    const auto count_at = 8 + report.type.size() + 8 + report.text.size();
    std::memset(lying.data() + count_at, 0xff, 8);
    BOOST_TEST(!decode_error(lying).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
