#include "swarm/frame.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using namespace zproc::swarming;

namespace {

frame sample(std::string_view body)
{
    frame f;
    f.kind = frame_kind::done;
    f.flags = 3;
    f.job = 4;
    f.chunk = 5;
    f.count = 6;
    f.blob = {0, 0, body.size()};
    f.number = 7;
    f.resident = 8;
    f.body = body;
    return f;
}

void feed(frame_reader& reader, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto room = reader.room();
        const auto now = std::min(room.size(), bytes.size());
        std::copy_n(bytes.begin(), now, room.begin());
        reader.filled(now);
        bytes.remove_prefix(now);
    }
}

bool is_refused(frame f)
{
    std::string bytes;
    write_frame(bytes, f);
    frame_reader reader;
    feed(reader, bytes);
    return !reader.next() && reader.is_broken();
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_frame)

BOOST_AUTO_TEST_CASE(next_gives_what_was_written_in_pieces_of_any_size)
{
    const std::string large(300'000, 'x');
    std::string bytes;
    write_frame(bytes, sample("abc"));
    write_frame(bytes, sample(large));
    write_frame(bytes, sample(""));
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{7}, std::size_t{64}, bytes.size()}) {
        frame_reader reader;
        std::vector<std::string> bodies;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            feed(reader, std::string_view(bytes).substr(at, piece));
            while (const auto f = reader.next()) {
                BOOST_TEST((f->kind == frame_kind::done));
                BOOST_TEST(f->job == 4u);
                BOOST_TEST(f->chunk == 5u);
                BOOST_TEST(f->count == 6u);
                BOOST_TEST(f->number == 7u);
                BOOST_TEST(f->resident == 8u);
                bodies.emplace_back(f->body);
            }
        }
        BOOST_TEST((bodies == std::vector<std::string>{"abc", large, ""}));
        BOOST_TEST(!reader.is_broken());
    }
}

BOOST_AUTO_TEST_CASE(next_refuses_what_is_no_frame)
{
    auto f = sample("abc");
    f.blob.length = 4; // more than there is
    BOOST_TEST(is_refused(f));
    f = sample("abc");
    f.blob.offset = 1;
    BOOST_TEST(is_refused(f));
    f = sample("abc");
    f.kind = static_cast<frame_kind>(99);
    BOOST_TEST(is_refused(f));
    f.kind = static_cast<frame_kind>(0);
    BOOST_TEST(is_refused(f));

    std::string bytes;
    write_frame(bytes, sample(""));
    const std::uint32_t huge = max_frame_body + 1;
    std::memcpy(bytes.data(), &huge, sizeof huge);
    frame_reader reader;
    feed(reader, bytes);
    BOOST_TEST(!reader.next().has_value());
    BOOST_TEST(reader.is_broken());
}

BOOST_AUTO_TEST_CASE(room_believes_a_large_length_only_as_it_comes)
{
    std::string bytes;
    write_frame(bytes, sample(""));
    const std::uint32_t large = max_frame_body;
    std::memcpy(bytes.data(), &large, sizeof large);
    frame_reader reader;
    feed(reader, bytes);
    BOOST_TEST(!reader.next().has_value());
    BOOST_TEST(reader.room().size() <= std::size_t{4} << 20);
}

BOOST_AUTO_TEST_CASE(read_failures_gives_what_was_written_and_nothing_else)
{
    std::string bytes;
    write_failure(bytes, {3, false, "a report"});
    write_failure(bytes, {9, true, ""});
    const auto read = read_failures(bytes);
    BOOST_REQUIRE((read && read->size() == 2));
    BOOST_TEST((*read)[0].item == 3u);
    BOOST_TEST((*read)[0].report == "a report");
    BOOST_TEST((*read)[1].unserializable);
    for (std::size_t size = 1; size != bytes.size(); ++size)
        if (size != 24)
            BOOST_TEST(!read_failures(std::string_view(bytes).substr(0, size)).has_value());
    BOOST_TEST(read_failures("")->empty());
}

BOOST_AUTO_TEST_SUITE_END()
