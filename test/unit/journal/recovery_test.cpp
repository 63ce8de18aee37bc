#include "journal/reader.hpp"
#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using model::content;

namespace {

struct ring {
    ring(std::uint64_t capacity, std::uint64_t epoch) : memory(capacity)
    {
        journal::ring_header header;
        header.epoch = epoch;
        writer = std::make_unique<journal::writer>(memory.bytes(), header);
    }
    void fill(std::uint64_t until, model::dice& random)
    {
        while (writer->written() < until) {
            const std::size_t size = random(10) == 0 ? 1500 : random(60);
            const model::store::write write{random(6), content(size, ++seed)};
            // Refused when too much is live: the next ones are smaller.
            store.apply(*writer, random(3), std::span(&write, 1), time++, {random(9), 1},
                        random(2) * seed, "r");
            while (store.now.replies.size() > 2)
                store.now.replies.erase(store.now.replies.begin());
            writer->commit();
        }
    }

    model::region memory;
    std::unique_ptr<journal::writer> writer;
    model::store store;
    std::uint64_t seed = 0;
    std::int64_t time = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(journal_recovery)

BOOST_AUTO_TEST_CASE(scan_says_that_a_region_is_no_ring)
{
    model::region memory(8192);
    const auto result = journal::scan(memory.bytes(), [](const auto&) { BOOST_ERROR("a record"); });
    BOOST_TEST(!result.complete);
}

BOOST_AUTO_TEST_CASE(scan_stops_at_damage_and_says_where)
{
    ring one(16384, 1);
    model::dice random(3);
    one.fill(8000, random);
    journal::position second = 0;
    std::size_t count = 0;
    journal::scan(one.memory.bytes(), [&](const journal::record_view& record) {
        if (count++ == 1)
            second = record.at;
    });
    one.memory.bytes()[journal::data_offset + second + 80] ^= std::byte{1};
    std::size_t seen = 0;
    const auto result = journal::scan(one.memory.bytes(), [&](const auto&) { ++seen; });
    BOOST_TEST(!result.complete);
    BOOST_TEST(result.end == second);
    BOOST_TEST(seen == 1u);
    ring other(16384, 2);
    BOOST_TEST(!journal::replicate(one.memory.bytes(), *other.writer).has_value());
}

BOOST_AUTO_TEST_CASE(replicate_copies_everything_but_positions)
{
    for (std::uint64_t seed = 0; seed != 40; ++seed) {
        model::dice random(seed);
        ring one(16384, 7);
        one.fill(1000 + random(60000), random);
        ring two(seed % 2 == 0 ? 16384 : 24576, 8);
        const auto moved = journal::replicate(one.memory.bytes(), *two.writer);
        BOOST_REQUIRE(moved.has_value());
        BOOST_TEST(moved->previous_epoch == 7u);
        BOOST_TEST(two.writer->header().epoch == 8u);
        BOOST_TEST((journal::read_header(two.memory.bytes())->moved == *moved));
        BOOST_TEST(two.writer->last_commit() == one.writer->last_commit());
        BOOST_TEST(two.writer->head() == two.writer->written());

        const auto reader_of_old = *journal::reader::open(one.memory.bytes());
        const auto reader_of_new = *journal::reader::open(two.memory.bytes());
        journal::scanner olds(one.memory.bytes());
        journal::scanner news(two.memory.bytes());
        model::bytes value;
        model::bytes same;
        std::uint64_t pointers = 0;
        std::uint64_t gone = 0;
        for (;;) {
            const journal::record_view* a = olds.next();
            const journal::record_view* b = news.next();
            BOOST_REQUIRE(!a == !b);
            if (a == nullptr)
                break;
            BOOST_TEST((*moved)(a->at).value() == b->at);
            BOOST_TEST(a->size == b->size);
            BOOST_TEST((a->kind == b->kind && a->commit == b->commit && a->time == b->time &&
                        a->revision == b->revision && a->by == b->by && a->request == b->request &&
                        a->name_space == b->name_space && a->counter == b->counter &&
                        std::ranges::equal(a->reply, b->reply)));
            auto left = a->changes.begin();
            for (const auto& right : b->changes) {
                BOOST_TEST(left->key == right.key);
                BOOST_TEST(left->after.has_value() == right.after.has_value());
                BOOST_TEST(left->before_at.size == right.before_at.size);
                if (left->after)
                    BOOST_TEST(std::ranges::equal(*left->after, *right.after));
                if (left->before == journal::before_kind::elsewhere) {
                    const bool retained = reader_of_old.fetch(left->before_at, value);
                    BOOST_TEST((right.before == (retained ? journal::before_kind::elsewhere
                                                          : journal::before_kind::gone)));
                    if (retained) {
                        BOOST_TEST(reader_of_new.fetch(right.before_at, same));
                        BOOST_TEST((value == same));
                    }
                    ++(retained ? pointers : gone);
                }
                ++left;
            }
        }
        BOOST_TEST((*moved)(one.writer->head()).value() == two.writer->head());
        if (moved->tail != 0)
            BOOST_TEST(!(*moved)(moved->tail - 8).has_value());
        BOOST_TEST((*moved)(moved->tail).value() == 0u);

        // The index follows, and both go on.
        const model::state before = one.store.now;
        two.store = one.store;
        two.store.relocate(*moved);
        two.writer->catch_up(two.store);
        two.seed = one.seed;
        two.fill(two.writer->written() + 30000, random);
        model::state found;
        BOOST_TEST(
            journal::scan(two.memory.bytes(), [&](const auto& r) { found.learn(r); }).complete);
        BOOST_TEST(found.holds(two.store.now));
    }
}

BOOST_AUTO_TEST_CASE(replicate_refuses_a_smaller_or_used_ring)
{
    ring one(16384, 1);
    model::dice random(5);
    one.fill(40000, random);
    ring small(8192, 2);
    BOOST_TEST(!journal::replicate(one.memory.bytes(), *small.writer).has_value());
    ring used(32768, 2);
    used.fill(100, random);
    BOOST_TEST(!journal::replicate(one.memory.bytes(), *used.writer).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
