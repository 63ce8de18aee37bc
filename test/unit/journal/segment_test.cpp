#include "journal/segment.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "unit/journal/unrolled.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using journal::segment_check;
using model::unrolled;

namespace {

/// How many records a segment is found to hold; each must be one that was written, in order.
std::size_t count_prefix(const unrolled& log, const journal::segment_contents& found)
{
    std::size_t count = 0;
    for (const auto& extent : found.extents)
        for (std::size_t at = 0; at < extent.records.size();) {
            const auto record = journal::view_of(extent.records.data() + at);
            BOOST_TEST_REQUIRE(count < log.records.size());
            BOOST_TEST_REQUIRE(record.at == log.records[count].at);
            BOOST_TEST_REQUIRE(record.commit == log.records[count].commit);
            BOOST_TEST_REQUIRE(record.size == log.records[count].size);
            ++count;
            at += record.size;
        }
    return count;
}

journal::segment_header header_of(const unrolled& log)
{
    journal::segment_header header;
    BOOST_TEST_REQUIRE((read_segment_header(log.file, header) == segment_check::good));
    return header;
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_segment)

BOOST_AUTO_TEST_CASE(header_is_read_as_it_was_written)
{
    journal::segment_header header;
    header.ring.instance.fill(std::byte{7});
    header.ring.epoch = 4;
    header.ring.capacity = 8192;
    header.ring.commit = 11;
    header.ring.moved = {3, 8, 16, 24, 4000};
    header.number = 9;
    header.follows = 8;
    header.follows_end = 70'000;
    header.from = 4096;
    header.tail = 1024;
    header.commit = 44;
    header.kind = journal::segment_kind::moved;
    header.synced_commits = header.clean_end = true;
    header.boot.fill(std::byte{5});
    header.synced = 3000;
    journal::segment_header read;
    BOOST_TEST((read_segment_header(encode_segment_header(header), read) == segment_check::good));
    BOOST_TEST((read == header));
}

BOOST_AUTO_TEST_CASE(header_of_another_format_is_told_from_a_damaged_one)
{
    journal::segment_header header;
    header.ring.capacity = 4096;
    const auto good = encode_segment_header(header);
    journal::segment_header read;
    const auto check = [&](std::span<const std::byte> bytes) {
        return read_segment_header(bytes, read);
    };
    auto other = good;
    other[journal::at_segment::version] = std::byte{2};
    BOOST_TEST((check(other) == segment_check::other_version));
    other = good;
    other[0] = std::byte{'Q'};
    BOOST_TEST((check(other) == segment_check::foreign));
    for (std::size_t i = 0; i != good.size(); ++i) {
        BOOST_TEST((check(std::span(good).first(i)) == segment_check::damaged));
        auto flipped = good;
        flipped[i] ^= std::byte{1};
        BOOST_TEST((check(flipped) != segment_check::good));
    }
}

BOOST_AUTO_TEST_CASE(read_finds_every_record_of_several_laps)
{
    const unrolled log(8192, 40'000, 1, true);
    const auto found = read_segment(log.file, header_of(log));
    BOOST_TEST(count_prefix(log, found) == log.records.size());
    BOOST_TEST(found.end == log.file.size());
    BOOST_TEST(found.torn == 0u);
    BOOST_TEST(!found.damaged);
    BOOST_TEST(found.head == log.ring.writer->head());
    BOOST_TEST(found.commit == log.ring.writer->last_commit());
    // What was allocated ahead is no end that was torn.
    auto longer = log.file;
    longer.resize(longer.size() + 5000);
    BOOST_TEST(read_segment(longer, header_of(log)).torn == 0u);
}

BOOST_AUTO_TEST_CASE(read_finds_every_record_of_extents_that_were_split)
{
    unrolled log(8192, 6000, 1, true);
    const auto& ring = *log.ring.writer;
    BOOST_TEST_REQUIRE(ring.tail() == 0u);
    for (const std::uint64_t largest : {8u, 300u, 2000u}) { // a record may be larger than that
        log.file.resize(journal::segment_header_bytes);
        journal::encode_extents(log.ring.space.bytes(), ring.capacity(), 0, ring.head(), 0, 0,
                                log.file, largest);
        const auto found = read_segment(log.file, header_of(log));
        BOOST_TEST(count_prefix(log, found) == log.records.size());
        BOOST_TEST(found.end == log.file.size());
        BOOST_TEST(found.extents.size() > ring.head() / 3000);
        BOOST_TEST(found.head == ring.head());
    }
}

BOOST_AUTO_TEST_CASE(read_takes_no_forged_extent_for_damage)
{
    const unrolled log(4096, 9000, 3, false);
    const auto header = header_of(log);
    const auto end = log.file.size();
    const auto head = log.ring.writer->head();
    const auto tail = read_segment(log.file, header).tail;
    const auto read_with = [&](const journal::extent_header& forged) {
        // In a value of a record that is torn at its begin.
        auto file = log.file;
        file.resize(end + 400, std::byte{7});
        const auto bytes = encode_extent_header(forged);
        std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(end) + 80);
        return read_segment(file, header);
    };
    const std::uint32_t size = 8;
    const auto now = log.ring.writer->tail();
    BOOST_TEST(read_with({size, head, now, end + 80}).damaged);
    BOOST_TEST(!read_with({size, head + 4096, now + 4096, end + 80}).damaged);
    BOOST_TEST(!read_with({size, head - 8, now, end + 80}).damaged);
    BOOST_TEST(!read_with({size, head, tail - 8, end + 80}).damaged);
    BOOST_TEST(!read_with({8192, head, now, end + 80}).damaged);
    BOOST_TEST(!read_with({size, head, now, end + 88}).damaged);
}

BOOST_AUTO_TEST_CASE(read_cuts_a_torn_end_at_any_byte_to_the_records_before_it)
{
    const unrolled log(4096, 9000, 3, true);
    const auto header = header_of(log);
    std::size_t last = 0;
    for (std::size_t size = journal::segment_header_bytes; size <= log.file.size(); ++size) {
        const auto found = read_segment(std::span(log.file).first(size), header);
        const auto count = count_prefix(log, found);
        BOOST_TEST_REQUIRE(count >= last);
        BOOST_TEST_REQUIRE(count <= last + 1);
        BOOST_TEST_REQUIRE(!found.damaged);
        BOOST_TEST_REQUIRE(found.end <= size);
        last = count;
        // And so does what was never written, within what was allocated.
        auto zeroed = log.file;
        std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(size), zeroed.end(), std::byte{0});
        const auto filled = count_prefix(log, read_segment(zeroed, header));
        BOOST_TEST_REQUIRE((filled == count || filled == count + 1)); // one may end in zeros
    }
    BOOST_TEST(last == log.records.size());
}

BOOST_AUTO_TEST_CASE(read_tells_damage_of_what_was_synced_from_a_torn_end)
{
    const unrolled log(4096, 9000, 3, true);
    const auto header = header_of(log);
    for (std::size_t i = journal::segment_header_bytes; i != log.file.size(); ++i) {
        auto flipped = log.file;
        flipped[i] ^= std::byte{16};
        const auto found = read_segment(flipped, header);
        BOOST_TEST_REQUIRE(count_prefix(log, found) < log.records.size());
        // Whoever wrote the last extent knew that everything before it was on the disk.
        BOOST_TEST_REQUIRE(found.damaged == (i < log.last_synced));
        if (found.damaged)
            BOOST_TEST_REQUIRE(found.end_of_damage == log.last_synced);
        const auto vouched = read_segment(flipped, header, log.file.size());
        BOOST_TEST_REQUIRE(vouched.damaged);
    }
}

BOOST_AUTO_TEST_CASE(read_misses_what_the_header_vouches_for)
{
    const unrolled log(4096, 9000, 3, false);
    auto header = header_of(log);
    header.synced = log.file.size() / 2;
    const auto torn = std::span(log.file).first(log.file.size() - 1);
    BOOST_TEST(!read_segment(torn, header).damaged);
    const auto found = read_segment(torn.first(log.file.size() / 3), header);
    BOOST_TEST(found.damaged);
    BOOST_TEST(found.end_of_damage == header.synced);
}

BOOST_AUTO_TEST_CASE(read_takes_gaps_for_a_torn_end_where_nothing_was_synced)
{
    const unrolled log(4096, 9000, 3, false);
    auto holes = log.file;
    const auto hole = static_cast<std::ptrdiff_t>(log.file.size() / 2);
    std::fill(holes.begin() + hole, holes.begin() + hole + 512, std::byte{0});
    const auto found = read_segment(holes, header_of(log));
    BOOST_TEST(!found.damaged);
    BOOST_TEST(found.torn != 0u);
    const auto count = count_prefix(log, found);
    BOOST_TEST(count != 0u);
    BOOST_TEST(count < log.records.size());
}

BOOST_AUTO_TEST_CASE(read_counts_no_further_than_the_next_segment_says)
{
    const unrolled log(4096, 9000, 5, true);
    const auto header = header_of(log);
    const auto all = read_segment(log.file, header);
    for (const auto& record : log.records) {
        const auto end = all.offset_of(record.at + record.size);
        BOOST_TEST_REQUIRE(end.has_value());
        const auto found = read_segment(log.file, header, *end);
        BOOST_TEST_REQUIRE(!found.damaged);
        BOOST_TEST_REQUIRE(found.head == record.at + record.size);
        const auto missing = std::span(log.file).first(static_cast<std::size_t>(*end - 1));
        BOOST_TEST_REQUIRE(read_segment(missing, header, *end).damaged);
    }
}

BOOST_AUTO_TEST_SUITE_END()
