#include "journal/reader.hpp"

#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstring>
#include <thread>

using namespace zproc;
using journal::read_result;
using model::content;

namespace {

// Transaction `n` sets key n % 4 of namespace n % 3 to a value that follows from n.
std::size_t size_of(std::uint64_t n)
{
    return n % 17 == 0 ? 400 : n % 23;
}

void append(journal::writer& writer, model::store& store, std::uint64_t n)
{
    const model::store::write write{n % 4, content(size_of(n), n)};
    BOOST_REQUIRE(store.apply(writer, n % 3, std::span(&write, 1), static_cast<std::int64_t>(n),
                              {n, static_cast<std::uint32_t>(n)}));
}

// What such a record, or a carry of it, must say.
bool right(const journal::record_view& record)
{
    const std::uint64_t n = record.commit;
    if (record.by.session != n || record.by.handle != n || record.time != std::int64_t(n) ||
        record.name_space != model::name_spaces[n % 3] || record.revision != (n + 2) / 3)
        return false;
    for (const auto& change : record.changes)
        if (change.key != model::keys()[n % 4] ||
            !std::ranges::equal(*change.after, *content(size_of(n), n)))
            return false;
    return true;
}

struct ring {
    explicit ring(std::uint64_t capacity) : memory(capacity), writer(memory.bytes(), {}) {}
    void fill(std::uint64_t count)
    {
        for (std::uint64_t i = 0; i != count; ++i) {
            append(writer, store, ++n);
            writer.commit();
        }
    }

    model::region memory;
    journal::writer writer;
    model::store store;
    std::uint64_t n = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(journal_reader)

BOOST_AUTO_TEST_CASE(open_refuses_what_is_no_ring)
{
    model::region memory(8192);
    BOOST_TEST(!journal::reader::open(memory.bytes()).has_value());
    BOOST_TEST(!journal::reader::open(memory.bytes().first(0)).has_value());
}

BOOST_AUTO_TEST_CASE(next_yields_every_record_in_order_then_none)
{
    ring one(16384);
    auto reader = *journal::reader::open(one.writer.region());
    BOOST_TEST((reader.next() == read_result::none));
    std::uint64_t seen = 0;
    for (int turn = 0; turn != 100; ++turn) {
        one.fill(7);
        while (reader.next() == read_result::got) {
            BOOST_REQUIRE(right(reader.record()));
            if (reader.record().is_event())
                BOOST_TEST(reader.record().commit == ++seen);
        }
    }
    BOOST_TEST(seen == one.n);
    BOOST_TEST((reader.next() == read_result::none));
    BOOST_TEST(reader.where() == reader.head());
}

BOOST_AUTO_TEST_CASE(next_says_lapped_once_then_goes_on_at_the_tail)
{
    ring one(16384);
    one.fill(10);
    auto reader = *journal::reader::open(one.writer.region());
    BOOST_TEST((reader.next() == read_result::got));
    one.fill(500);
    BOOST_TEST((reader.next() == read_result::lapped));
    BOOST_TEST(reader.where() == one.writer.tail());
    std::uint64_t last = 0;
    while (reader.next() == read_result::got)
        if (reader.record().is_event())
            last = reader.record().commit;
    BOOST_TEST(last == one.n);
}

BOOST_AUTO_TEST_CASE(next_goes_on_wherever_it_was_sent)
{
    ring one(8192);
    one.fill(400); // several laps
    auto reader = *journal::reader::open(one.writer.region());
    std::vector<std::pair<journal::position, std::uint64_t>> records;
    while (reader.next() == read_result::got)
        records.emplace_back(reader.record().at, reader.record().commit);
    BOOST_REQUIRE(records.size() > 20u);
    BOOST_TEST(records.front().first / 8192 != records.back().first / 8192); // a seam between
    for (std::size_t i = records.size(); i-- > 1;) { // backwards, each with the one after it
        reader.seek(records[i - 1].first);
        BOOST_REQUIRE((reader.next() == read_result::got));
        BOOST_TEST(reader.record().commit == records[i - 1].second);
        BOOST_REQUIRE((reader.next() == read_result::got));
        BOOST_TEST(reader.record().commit == records[i].second);
    }
    reader.seek(reader.head());
    BOOST_TEST((reader.next() == read_result::none));
    one.fill(1);
    BOOST_TEST((reader.next() == read_result::got));
    reader.seek(journal::position{1});
    BOOST_TEST((reader.next() == read_result::lapped));
}

BOOST_AUTO_TEST_CASE(next_sees_what_was_committed_after_it_found_nothing_more)
{
    ring one(16384);
    auto reader = *journal::reader::open(one.writer.region());
    for (int turn = 0; turn != 300; ++turn) { // laps; the reader is never behind
        BOOST_TEST((reader.next() == read_result::none));
        append(one.writer, one.store, ++one.n);
        one.writer.commit();
        do
            BOOST_REQUIRE((reader.next() == read_result::got));
        while (!reader.record().is_event());
        BOOST_TEST(reader.record().commit == one.n);
        while (reader.where() != reader.head())
            BOOST_REQUIRE((reader.next() == read_result::got));
    }
}

BOOST_AUTO_TEST_CASE(next_event_yields_the_events_of_one_namespace)
{
    ring one(16384);
    auto reader = *journal::reader::open(one.writer.region());
    std::uint64_t revision = 0;
    for (int turn = 0; turn != 50; ++turn) {
        one.fill(20);
        while (reader.next_event(model::name_spaces[2]) == read_result::got) {
            BOOST_TEST(reader.record().name_space == model::name_spaces[2]);
            BOOST_TEST(reader.record().is_event());
            BOOST_TEST(reader.record().revision == ++revision);
        }
        BOOST_TEST((reader.next_event("no such namespace") == read_result::none));
    }
    BOOST_TEST(revision == one.store.now.spaces[2].revision);
}

/// What a namespace is, rebuilt from its own records only.
BOOST_AUTO_TEST_CASE(next_of_a_namespace_yields_its_events_and_carries)
{
    ring one(8192);
    const model::store::write cold{20, content(100, 1)};
    BOOST_REQUIRE(one.store.apply(one.writer, 1, std::span(&cold, 1), 1));
    auto reader = *journal::reader::open(one.writer.region());
    model::state learnt;
    std::size_t carries = 0;
    for (int turn = 0; turn != 200; ++turn) {
        one.fill(5);
        while (reader.next(model::name_spaces[1]) == read_result::got) {
            BOOST_TEST(reader.record().name_space == model::name_spaces[1]);
            carries += reader.record().is_event() ? 0u : 1u;
            learnt.learn(reader.record());
        }
        BOOST_TEST(reader.where() == reader.head());
        BOOST_TEST((learnt.spaces[1] == one.store.now.spaces[1]));
    }
    BOOST_TEST(carries > 0u);
    BOOST_TEST(learnt.spaces[0].revision == 0u);
    one.fill(1000);
    BOOST_TEST((reader.next(model::name_spaces[1]) == read_result::lapped));
    BOOST_TEST(reader.where() == one.writer.tail());
}

BOOST_AUTO_TEST_CASE(find_returns_first_event_after_revision_or_says_what_is_missed)
{
    ring one(16384);
    const auto reader = *journal::reader::open(one.writer.region());
    const auto& name = model::name_spaces[1];
    BOOST_TEST(reader.find(name, 0)->revision == 0u);
    BOOST_TEST(!reader.find(name, 0)->missed(0));
    one.fill(30); // 10 each
    for (std::uint64_t revision = 0; revision != 12; ++revision) {
        const auto found = reader.find(name, revision);
        BOOST_REQUIRE(found.has_value());
        BOOST_TEST(found->revision == (revision < 10 ? revision + 1 : 0));
        BOOST_TEST(!found->missed(revision));
        auto from_there = reader;
        from_there.seek(found->at);
        const bool got = from_there.next() == read_result::got;
        BOOST_TEST(got == (revision < 10));
        if (got)
            BOOST_TEST(from_there.record().revision == revision + 1);
        else
            BOOST_TEST(found->latest == 10u);
    }
    one.fill(3000);
    const auto found = reader.find(name, 10);
    BOOST_TEST(found->missed(10));
    BOOST_TEST(!reader.find(name, found->revision - 1)->missed(found->revision - 1));
    BOOST_TEST(!reader.find(name, one.store.now.spaces[1].revision)
                    ->missed(one.store.now.spaces[1].revision));
    BOOST_TEST(reader.find("nobody", 3)->latest == 0u);
}

BOOST_AUTO_TEST_CASE(find_knows_revision_of_namespace_whose_events_are_gone)
{
    ring one(8192);
    const model::store::write write{0, content(4, 1)};
    BOOST_REQUIRE(one.store.apply(one.writer, 1, std::span(&write, 1), 1));
    const model::store::write other{1, content(40, 1)};
    while (one.writer.written() < 3 * 8192) {
        BOOST_REQUIRE(one.store.apply(one.writer, 0, std::span(&other, 1), 1));
        one.writer.commit();
    }
    const auto reader = *journal::reader::open(one.writer.region());
    const auto found = reader.find(model::name_spaces[1], 0);
    BOOST_TEST(found->revision == 0u);
    BOOST_TEST(found->latest == 1u);
    BOOST_TEST(found->missed(0));
    BOOST_TEST(!found->missed(1));
}

BOOST_AUTO_TEST_CASE(oldest_is_the_first_event_retained)
{
    ring one(8192);
    const auto reader = *journal::reader::open(one.writer.region());
    BOOST_TEST(!reader.oldest().has_value());
    one.fill(1000);
    std::optional<journal::reader::mark> first;
    journal::scan(one.writer.region(), [&](const journal::record_view& record) {
        if (!first && record.is_event())
            first = {record.at, record.commit, record.revision};
    });
    BOOST_TEST(reader.oldest()->at == first->at);
    BOOST_TEST(reader.oldest()->commit == first->commit);
    BOOST_TEST(reader.oldest()->revision == first->revision);
}

BOOST_AUTO_TEST_CASE(next_says_damaged_for_bytes_that_no_writer_writes)
{
    ring one(8192);
    one.fill(10);
    const auto data = one.memory.bytes().subspan(journal::data_offset);
    for (std::size_t at = 0; at != 96; ++at) {
        data[at] ^= std::byte{0x40};
        auto reader = *journal::reader::open(one.writer.region());
        BOOST_TEST((reader.next() == read_result::damaged), "byte " << at);
        data[at] ^= std::byte{0x40};
    }
}

BOOST_AUTO_TEST_CASE(next_never_yields_a_wrong_record_while_the_writer_laps)
{
    constexpr std::uint64_t records = 60000;
    ring one(8192);
    std::atomic<bool> reading = false;
    std::atomic<bool> done = false;
    std::uint64_t got = 0;
    std::uint64_t laps = 0;
    std::uint64_t wrong = 0;
    std::uint64_t last = 0;
    std::thread other([&] {
        auto reader = *journal::reader::open(one.writer.region());
        model::bytes value;
        reading = true;
        for (;;) {
            const bool over = done;
            const auto result = reader.next();
            if (result == read_result::none) {
                if (over)
                    break;
                continue;
            }
            if (result != read_result::got) {
                ++(result == read_result::lapped ? laps : wrong);
                continue;
            }
            ++got;
            const auto& record = reader.record();
            wrong += right(record) ? 0u : 1u;
            if (record.is_event()) {
                wrong += record.commit > last ? 0u : 1u;
                last = record.commit;
            }
            if (got % 64 == 0) { // a slow reader, and one that looks elsewhere
                for (const auto& change : record.changes)
                    if (reader.fetch(change.after_at, value))
                        wrong += std::ranges::equal(value, *change.after) ? 0u : 1u;
                const auto found = reader.find(model::name_spaces[1], last / 3);
                wrong += found && found->revision != 0 && found->revision <= last / 3 ? 1u : 0u;
                std::this_thread::yield();
            }
        }
    });
    while (!reading)
        std::this_thread::yield();
    for (std::uint64_t i = 0; i != records; ++i) {
        append(one.writer, one.store, ++one.n);
        if (i % 3 != 0)
            one.writer.commit();
        if (i % 32 == 0)
            std::this_thread::yield();
    }
    one.writer.commit();
    done = true;
    other.join();
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(last == records);
    BOOST_TEST(got > 0u);
    BOOST_TEST_MESSAGE("got " << got << ", lapped " << laps << " times");
}

BOOST_AUTO_TEST_SUITE_END()
