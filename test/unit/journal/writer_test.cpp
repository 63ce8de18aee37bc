#include "journal/encode.hpp"
#include "journal/reader.hpp"
#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using model::content;

namespace {

struct ring {
    explicit ring(std::uint64_t capacity, std::uint64_t largest = 1u << 30)
        : memory(capacity), writer(memory.bytes(), {}, {largest})
    {
    }
    /// Sets one key of the first namespace.
    journal::append_result set(std::size_t key, std::size_t size, std::uint64_t seed = 1)
    {
        const model::store::write write{key, content(size, seed)};
        return store.apply(writer, 0, std::span(&write, 1), 1);
    }
    journal::append_result erase(std::size_t key)
    {
        const model::store::write write{key, nullptr};
        return store.apply(writer, 0, std::span(&write, 1), 1);
    }

    model::region memory;
    journal::writer writer;
    model::store store;
};

/// Nothing is live for it, and it makes records of any size.
struct forgetful : journal::live_index {
    bool value_live(std::string_view, std::string_view, journal::position) override
    {
        return false;
    }
    bool counter_live(std::string_view, journal::position) override { return false; }
    bool reply_live(std::uint64_t, std::uint64_t, journal::position) override { return false; }
    void value_moved(std::string_view, std::string_view, journal::position,
                     journal::value_place) override
    {
    }
    void counter_moved(std::string_view, journal::position) override {}
    void reply_moved(std::uint64_t, std::uint64_t, journal::position, journal::value_place) override
    {
    }
    std::uint64_t live_bytes() const override { return 0; }

    journal::append_result append(journal::writer& to, std::uint64_t size)
    {
        const std::string reply(size - journal::at_record::body, 'r');
        journal::transaction what;
        what.reply = model::as_bytes(reply);
        return to.append(what, *this);
    }
};

std::vector<journal::record_view> records(std::span<const std::byte> region)
{
    std::vector<journal::record_view> all;
    BOOST_TEST(journal::scan(region, [&](const auto& record) { all.push_back(record); }).complete);
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_writer)

BOOST_AUTO_TEST_CASE(header_is_read_back_and_refused_when_damaged)
{
    model::region memory(8192);
    journal::ring_header header;
    header.instance[3] = std::byte{7};
    header.epoch = 5;
    header.commit = 44;
    journal::writer writer(memory.bytes(), header);
    const auto seen = journal::read_header(memory.bytes());
    BOOST_REQUIRE(seen.has_value());
    BOOST_TEST((*seen == writer.header()));
    BOOST_TEST(seen->capacity == 8192u);
    BOOST_TEST(seen->epoch == 5u);
    BOOST_TEST(writer.last_commit() == 44u);
    for (std::size_t at = 0; at != journal::at_header::crc + 4; ++at) {
        memory.bytes()[at] ^= std::byte{1};
        BOOST_TEST(!journal::read_header(memory.bytes()), "byte " << at);
        memory.bytes()[at] ^= std::byte{1};
    }
    BOOST_TEST(!journal::read_header(memory.bytes().first(journal::data_offset + 8191)));
    BOOST_TEST(!journal::read_header(memory.bytes().first(100)));
    BOOST_TEST(journal::read_header(memory.bytes()).has_value());
}

BOOST_AUTO_TEST_CASE(append_is_visible_after_commit_only)
{
    ring one(8192);
    const auto first = one.set(0, 10);
    const auto second = one.set(1, 10);
    BOOST_TEST(first.commit == 1u);
    BOOST_TEST(second.commit == 2u);
    BOOST_TEST(one.writer.pending());
    BOOST_TEST(records(one.writer.region()).empty());
    BOOST_TEST(one.writer.commit() == 2u);
    BOOST_TEST(!one.writer.pending());
    BOOST_TEST(records(one.writer.region()).size() == 2u);
}

BOOST_AUTO_TEST_CASE(append_places_values_where_bytes_finds_them)
{
    ring one(8192);
    const std::array writes{model::store::write{2, content(5, 1)},
                            model::store::write{3, content(100, 2)}};
    const auto placed = one.store.apply(one.writer, 0, writes, 1, {1, 2}, 9, "reply");
    BOOST_REQUIRE(placed);
    BOOST_REQUIRE(placed.values.size() == 2u);
    for (std::size_t i = 0; i != 2; ++i)
        BOOST_TEST(std::ranges::equal(one.writer.bytes(placed.values[i]), *writes[i].content));
    BOOST_TEST(std::ranges::equal(one.writer.bytes(placed.reply), model::as_bytes("reply")));
}

BOOST_AUTO_TEST_CASE(append_pads_to_the_end_of_the_ring)
{
    constexpr std::uint64_t plain = 104;
    for (std::uint64_t pad = 0; pad <= plain; pad += 8) {
        ring one(4096);
        forgetful index;
        // Filling records, so that `pad` bytes are left before the end; then one of `plain`.
        std::uint64_t left = 4096 - pad;
        while (left != 0) {
            const std::uint64_t take = left >= 2 * plain ? plain : left;
            BOOST_REQUIRE(index.append(one.writer, take));
            left -= take;
            one.writer.commit();
        }
        BOOST_TEST(one.writer.written() == 4096 - pad);
        const auto last = index.append(one.writer, plain);
        BOOST_REQUIRE(last);
        one.writer.commit();
        BOOST_TEST(last.record == (pad == plain ? 4096 - pad : 4096u), "pad " << pad);
        const auto all = records(one.writer.region());
        BOOST_TEST(all.back().at == last.record);
        BOOST_TEST(all.back().commit == one.writer.last_commit());
        auto reader = *journal::reader::open(one.writer.region());
        while (reader.next() == journal::read_result::got)
            BOOST_TEST(reader.record().end() == reader.where());
        BOOST_TEST(reader.record().commit == one.writer.last_commit());
    }
}

BOOST_AUTO_TEST_CASE(append_refuses_before_writing)
{
    struct row {
        const char* name;
        std::uint64_t capacity;
        std::uint64_t largest;
        std::size_t size;
        journal::append_outcome outcome;
        std::uint64_t grown;
    };
    using enum journal::append_outcome;
    const row rows[] = {
        {"an eighth", 8192, 1u << 20, 1024 - 97, written, 0},
        {"over an eighth", 8192, 1u << 20, 1025 - 97, grow_first, 12288},
        {"far over an eighth", 8192, 1u << 20, 10000, grow_first, 110592},
        {"over an eighth of the limit", 8192, 8192, 1025 - 97, too_large, 0},
        {"over an eighth of any", 8192, 1u << 20, (1u << 17), too_large, 0},
        {"just an eighth of the limit", 8192, 1u << 20, (1u << 17) - 104, grow_first, 1u << 20},
    };
    for (const row& each : rows) {
        ring one(each.capacity, each.largest);
        const auto result = one.set(0, each.size);
        BOOST_TEST((result.outcome == each.outcome), each.name);
        BOOST_TEST(result.capacity == each.grown);
        BOOST_TEST((one.writer.written() == 0) == (each.outcome != written), each.name);
    }
}

BOOST_AUTO_TEST_CASE(append_refuses_long_namespace)
{
    ring one(8192);
    const std::string name(256, 'n');
    journal::transaction what;
    what.name_space = name;
    BOOST_TEST((one.writer.append(what, one.store).outcome == journal::append_outcome::too_large));
}

BOOST_AUTO_TEST_CASE(append_asks_to_grow_when_half_is_live_and_still_erases)
{
    ring one(8192, 8192);
    std::size_t key = 0;
    while (one.set(key, 400))
        one.writer.commit(), ++key;
    const std::uint64_t live = one.store.live_bytes();
    BOOST_TEST(live <= 8192u / 2);
    BOOST_TEST(live >= 8192u * 3 / 8);
    // The same size, or less, is still taken; for as long as one likes.
    for (int i = 0; i != 200; ++i) {
        BOOST_REQUIRE(one.set(0, 400));
        one.writer.commit();
    }
    for (std::size_t i = 0; i != key; ++i)
        BOOST_REQUIRE(one.erase(i));
    BOOST_TEST((one.set(0, 400).outcome == journal::append_outcome::written));
}

BOOST_AUTO_TEST_CASE(append_commits_by_itself_when_a_batch_needs_room)
{
    ring one(4096);
    while (one.writer.written() < 3 * 4096)
        BOOST_REQUIRE(one.set(0, 200));
    BOOST_TEST(one.writer.head() > 0u);
    BOOST_TEST(one.writer.tail() > 0u);
    BOOST_TEST(one.writer.tail() <= one.writer.head());
    one.writer.commit();
    const auto all = records(one.writer.region());
    BOOST_TEST(all.back().commit == one.writer.last_commit());
}

BOOST_AUTO_TEST_CASE(before_is_inline_up_to_a_kilobyte_and_a_pointer_above)
{
    ring one(65536);
    for (const std::size_t size : {0u, 1u, 1024u, 1025u, 5000u}) {
        const auto old = one.set(1, size, 3);
        const journal::value_place place = old.values[0];
        BOOST_REQUIRE(one.set(1, 3, 4));
        one.writer.commit();
        const auto last = records(one.writer.region()).back();
        const journal::change_view change = *last.changes.begin();
        auto reader = journal::reader::open(one.writer.region());
        if (size <= 1024) {
            BOOST_TEST((change.before == journal::before_kind::inlined), "size " << size);
            BOOST_TEST(std::ranges::equal(change.before_bytes, *content(size, 3)));
        } else {
            BOOST_TEST((change.before == journal::before_kind::elsewhere), "size " << size);
            BOOST_TEST((change.before_at == place));
            model::bytes out;
            BOOST_TEST(reader->fetch(change.before_at, out));
            BOOST_TEST((out == *content(size, 3)));
        }
    }
}

BOOST_AUTO_TEST_CASE(before_elsewhere_is_no_longer_fetched_when_overwritten)
{
    ring one(65536);
    BOOST_REQUIRE(one.set(1, 5000, 3));
    BOOST_REQUIRE(one.set(1, 3, 4));
    one.writer.commit();
    const auto change = *records(one.writer.region()).back().changes.begin();
    const auto reader = journal::reader::open(one.writer.region());
    model::bytes out;
    while (one.writer.tail() == 0) {
        BOOST_TEST(reader->fetch(change.before_at, out));
        BOOST_REQUIRE(one.set(0, 100));
        one.writer.commit();
    }
    BOOST_TEST(!reader->fetch(change.before_at, out));
}

BOOST_AUTO_TEST_SUITE_END()
