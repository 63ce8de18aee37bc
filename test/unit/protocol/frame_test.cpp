#include "protocol/frame.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <random>

using namespace zproc;
using namespace zproc::protocol;

namespace {

buffer frame_of(std::uint32_t correlation, operation code, std::size_t body,
                std::uint16_t status = 0)
{
    buffer out;
    const auto at = begin_frame(out, correlation, code, status);
    out.resize(out.size() + body, std::byte{0x5a});
    end_frame(out, at);
    return out;
}

void feed(frame_parser& parser, bytes_view bytes)
{
    const auto room = parser.prepare(bytes.size());
    BOOST_TEST_REQUIRE(room.size() >= bytes.size());
    std::ranges::copy(bytes, room.begin());
    parser.commit(bytes.size());
}

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_frame)

BOOST_AUTO_TEST_CASE(header_has_its_documented_bytes)
{
    const auto bytes = frame_of(0x01020304, operation::set, 5, 7);
    const unsigned char expected[] = {5, 0, 0, 0, 4, 3, 2, 1, 64, 0, 7, 0};
    BOOST_TEST(bytes.size() == header_bytes + 5);
    BOOST_TEST(std::memcmp(bytes.data(), expected, header_bytes) == 0);
}

BOOST_AUTO_TEST_CASE(next_finds_all_frames_however_they_are_cut)
{
    buffer stream;
    std::mt19937 random(1);
    std::vector<std::size_t> sizes;
    for (std::uint32_t i = 0; i != 300; ++i) {
        sizes.push_back(random() % 10 == 0 ? random() % 100'000 : random() % 200);
        const auto one = frame_of(i, operation::get, sizes.back());
        stream.insert(stream.end(), one.begin(), one.end());
    }
    for (const std::size_t most : {1u, 7u, 13u, 1000u, 65536u, 1u << 20}) {
        BOOST_TEST_CONTEXT("pieces of up to " << most)
        {
            frame_parser parser(1u << 20);
            std::uint32_t found = 0;
            std::size_t at = 0;
            while (at != stream.size()) {
                const auto count = std::min(stream.size() - at, 1 + random() % most);
                feed(parser, bytes_view(stream).subspan(at, count));
                at += count;
                frame f;
                while (parser.next(f) == frame_parser::found) {
                    BOOST_TEST_REQUIRE(f.correlation == found);
                    BOOST_TEST_REQUIRE(f.body.size() == sizes[found]);
                    BOOST_TEST_REQUIRE(std::ranges::all_of(
                        f.body, [](std::byte b) { return b == std::byte{0x5a}; }));
                    ++found;
                }
                if (most == 1 && at > 200'000)
                    break;
            }
            BOOST_TEST((found == 300 || most == 1));
        }
    }
}

BOOST_AUTO_TEST_CASE(next_fails_for_good_on_a_frame_over_the_limit)
{
    frame_parser parser(100);
    const auto fine = frame_of(1, operation::get, 100);
    const auto large = frame_of(2, operation::set, 101);
    feed(parser, fine);
    feed(parser, bytes_view(large).first(header_bytes));
    frame f;
    BOOST_TEST(parser.next(f) == frame_parser::found);
    BOOST_TEST(parser.next(f) == frame_parser::failed);
    BOOST_TEST((parser.error() == errc::frame_too_large));
    BOOST_TEST(f.correlation == 2u);
    BOOST_TEST((f.code == operation::set));
    BOOST_TEST(parser.next(f) == frame_parser::failed);
    BOOST_TEST(parser.prepare(1).empty());
}

BOOST_AUTO_TEST_CASE(buffer_does_not_grow_with_the_number_of_frames)
{
    frame_parser parser(1u << 20);
    const auto one = frame_of(1, operation::get, 1000);
    frame f;
    for (int i = 0; i != 10'000; ++i) {
        // Always half a frame left over, so that it is never empty.
        feed(parser, bytes_view(one).first(500));
        feed(parser, bytes_view(one).subspan(500));
        feed(parser, bytes_view(one).first(500));
        while (parser.next(f) == frame_parser::found) {}
        feed(parser, bytes_view(one).subspan(500));
        while (parser.next(f) == frame_parser::found) {}
    }
    BOOST_TEST(parser.capacity() < 20'000u);
    BOOST_TEST(parser.buffered() == 0u);
}

BOOST_AUTO_TEST_CASE(put_back_makes_next_find_the_frame_again_wherever_it_has_moved)
{
    frame_parser parser(1u << 20);
    frame f;
    parser.put_back(); // nothing was found yet
    BOOST_TEST(parser.next(f) == frame_parser::incomplete);
    feed(parser, frame_of(1, operation::get, 10));
    feed(parser, frame_of(2, operation::set, 20));
    for (std::uint32_t i = 3; i != 50; ++i) {
        BOOST_TEST_REQUIRE(parser.next(f) == frame_parser::found);
        BOOST_TEST(f.correlation == i - 2);
        for (int times = 0; times != 3; ++times) {
            BOOST_TEST_REQUIRE(parser.next(f) == frame_parser::found);
            BOOST_TEST(f.correlation == i - 1);
            parser.put_back();
            parser.put_back();                                     // counts once
            BOOST_TEST(parser.prepare(100 * i).size() >= 100 * i); // moves it
        }
        feed(parser, frame_of(i, operation::get, 100 * i));
    }
}

BOOST_AUTO_TEST_CASE(error_text_comes_back)
{
    buffer out;
    write_error(out, 9, operation::pop, errc::too_busy, "wait a little");
    frame_parser parser(1000);
    feed(parser, out);
    frame f;
    BOOST_TEST_REQUIRE(parser.next(f) == frame_parser::found);
    BOOST_TEST((f.error() == errc::too_busy));
    BOOST_TEST(f.correlation == 9u);
    BOOST_TEST(error_text(f.body) == "wait a little");
    BOOST_TEST(error_text({}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
