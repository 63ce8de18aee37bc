#include "journal/mirror.hpp"

#include "journal/reader.hpp"
#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <map>
#include <optional>

using namespace zproc;
using model::content;

namespace {

constexpr std::uint64_t capacity = 16384;

/// A ring under random writes, which remembers what was live at each published head.
struct original {
    explicit original(std::uint64_t seed)
        : random(seed), memory(capacity), writer(memory.bytes(), {})
    {
        published[0] = store.now;
    }

    void write_some()
    {
        for (std::uint64_t i = random(4); i != ~std::uint64_t{0}; --i) {
            const std::size_t size = random(12) == 0 ? 1500 : random(60);
            const model::store::write write{random(6),
                                            random(8) == 0 ? nullptr : content(size, ++n)};
            store.apply(writer, random(3), std::span(&write, 1), time++, {random(9), 1},
                        random(2) * n, "r");
            while (store.now.replies.size() > 2)
                store.now.replies.erase(store.now.replies.begin());
        }
        writer.commit();
        published[writer.head()] = store.now;
    }

    model::dice random;
    model::region memory;
    journal::writer writer;
    model::store store;
    std::map<journal::position, model::state> published;
    std::uint64_t n = 0;
    std::int64_t time = 0;
};

struct copy {
    explicit copy(const journal::writer& of, journal::position from)
        : memory(of.capacity()), mirror(memory.bytes(), of.header(), from)
    {
    }
    /// Takes up to `pieces` over; false when that cannot be.
    bool follow(const journal::writer& of, std::size_t most, std::uint64_t pieces)
    {
        for (; pieces != 0; --pieces) {
            const auto next = journal::next_piece(of, mirror.head(), most);
            if (!next)
                break;
            if (!mirror.append(*next))
                return false;
        }
        return true;
    }
    model::state state()
    {
        model::state held;
        const auto all =
            journal::scan(memory.bytes(), [&](const journal::record_view& r) { held.learn(r); });
        BOOST_TEST(all.complete);
        return held;
    }

    model::region memory;
    journal::mirror mirror;
};

} // namespace

BOOST_AUTO_TEST_SUITE(journal_mirror)

BOOST_AUTO_TEST_CASE(mirror_holds_what_was_live_wherever_the_original_was_published)
{
    std::size_t compared = 0;
    for (std::uint64_t seed = 1; seed != 60; ++seed) {
        original ring(seed);
        copy other(ring.writer, 0);
        for (int i = 0; i != 400; ++i) {
            ring.write_some();
            // It may lag, but not be lapped.
            const auto most = 64 + ring.random(3000);
            do
                BOOST_REQUIRE(other.follow(ring.writer, most, 1 + ring.random(3)));
            while (ring.writer.head() - other.mirror.head() > capacity / 4);
            const auto then = ring.published.find(other.mirror.head());
            if (then == ring.published.end())
                continue;
            ++compared;
            BOOST_TEST_CONTEXT("seed " << seed << ", at " << other.mirror.head())
            BOOST_REQUIRE(other.state().holds(then->second));
        }
        BOOST_TEST(ring.writer.head() > 3 * capacity); // laps were made
    }
    BOOST_TEST(compared > 5000u);
}

BOOST_AUTO_TEST_CASE(mirror_that_begins_at_the_tail_holds_everything_at_the_head_of_that_time)
{
    for (std::uint64_t seed = 1; seed != 40; ++seed) {
        original ring(seed);
        for (int i = 0; i != 300; ++i)
            ring.write_some();
        copy late(ring.writer, ring.writer.tail());
        BOOST_REQUIRE(late.follow(ring.writer, 1000, ~std::uint64_t{0}));
        BOOST_TEST(late.mirror.head() == ring.writer.head());
        BOOST_TEST(late.state().holds(ring.store.now));
    }
}

BOOST_AUTO_TEST_CASE(reader_of_a_mirror_sees_every_event_once)
{
    original ring(7);
    copy other(ring.writer, 0);
    auto reader = journal::reader::open(other.memory.bytes());
    BOOST_REQUIRE(reader);
    std::uint64_t last = 0;
    for (int i = 0; i != 500; ++i) {
        ring.write_some();
        BOOST_REQUIRE(other.follow(ring.writer, 512, ~std::uint64_t{0}));
        for (;;) {
            const auto result = reader->next();
            if (result == journal::read_result::none)
                break;
            BOOST_REQUIRE((result == journal::read_result::got));
            if (reader->record().is_event()) {
                BOOST_REQUIRE(reader->record().commit == last + 1);
                last = reader->record().commit;
            }
        }
    }
    BOOST_TEST(last == ring.store.now.commit);
}

BOOST_AUTO_TEST_CASE(reader_that_a_mirror_has_overtaken_is_told_so)
{
    original ring(8);
    copy other(ring.writer, 0);
    auto reader = journal::reader::open(other.memory.bytes());
    while (ring.writer.head() < 2 * capacity) {
        ring.write_some();
        BOOST_REQUIRE(other.follow(ring.writer, 512, ~std::uint64_t{0}));
    }
    BOOST_TEST((reader->next() == journal::read_result::lapped));
    BOOST_TEST(reader->where() == other.mirror.tail());
    BOOST_TEST((reader->next() == journal::read_result::got));
}

BOOST_AUTO_TEST_CASE(is_boundary_holds_where_a_record_begins_and_nowhere_else)
{
    original ring(9);
    for (int i = 0; i != 200; ++i)
        ring.write_some();
    std::size_t found = 0;
    for (auto at = ring.writer.tail(); at <= ring.writer.head(); at += 8)
        found += journal::is_boundary(ring.writer, at);
    std::size_t records = 1; // and the head
    auto next = journal::next_piece(ring.writer, ring.writer.tail(), 0);
    for (; next; next = journal::next_piece(ring.writer, next->end, 0))
        ++records;
    BOOST_TEST(found == records);
    BOOST_TEST(!journal::is_boundary(ring.writer, ring.writer.tail() - 8));
    BOOST_TEST(!journal::is_boundary(ring.writer, ring.writer.head() + 8));
}

BOOST_AUTO_TEST_CASE(append_refuses_what_does_not_follow_and_leaves_the_mirror_as_it_was)
{
    original ring(10);
    for (int i = 0; i != 20; ++i)
        ring.write_some();
    copy other(ring.writer, 0);
    const auto first = journal::next_piece(ring.writer, 0, 400);
    BOOST_REQUIRE(first);
    std::vector<std::byte> bytes(first->bytes.begin(), first->bytes.end());
    const auto refused = [&](journal::piece bad) {
        BOOST_TEST(!other.mirror.append(bad));
        BOOST_TEST(other.mirror.head() == 0u);
        BOOST_TEST(other.mirror.tail() == 0u);
    };
    refused({8, first->end + 8, bytes});                                // not where it ended
    refused({0, 0, {}});                                                // nothing
    refused({0, first->end + 8, bytes});                                // too little
    refused({0, first->end, std::span(bytes).first(bytes.size() - 8)}); // cut
    refused({0, capacity + 8, bytes});                                  // wraps
    for (const std::uint32_t size : {0u, 4u, 12u, 1u << 30, 0x8000'0000u, 0x8000'0004u}) {
        auto damaged = bytes;
        std::memcpy(damaged.data(), &size, sizeof size);
        refused({0, first->end, damaged});
    }
    BOOST_TEST(other.mirror.append({0, first->end, bytes}));
}

BOOST_AUTO_TEST_SUITE_END()
