#include "journal/replay.hpp"

#include "journal/recovery.hpp"
#include "unit/journal/unrolled.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using journal::replay;
using journal::segment_kind;
using model::unrolled;

namespace {

/// Segments as a disk would hold them, and the ring they are of.
class history {
public:
    explicit history(std::uint64_t capacity) { change_ring(unrolled::first_header(capacity)); }

    void run(std::uint64_t bytes, model::dice& random)
    {
        const auto until = ring_->writer->head() + bytes;
        while (ring_->writer->head() < until) {
            ring_->step(random);
            if (random(3) == 0)
                ring_->writer->commit();
        }
        ring_->writer->commit();
    }
    void roll() { begin(segment_kind::continued, ring_->writer->head()); }
    void grow(std::uint64_t capacity)
    {
        const auto old = std::move(ring_);
        auto header = old->writer->header();
        ++header.epoch;
        header.capacity = capacity;
        change_ring(header, old.get());
    }
    journal::segment_contents contents(std::size_t i, std::size_t less = 0) const
    {
        journal::segment_header header;
        BOOST_TEST_REQUIRE(
            (read_segment_header(files_[i], header) == journal::segment_check::good));
        return read_segment(std::span(files_[i]).first(files_[i].size() - less), header);
    }
    replay::outcome add(replay& to, std::size_t i, std::size_t less = 0) const
    {
        return to.add(contents(i, less));
    }
    std::size_t size() const { return files_.size(); }
    journal::writer& ring() { return *ring_->writer; }
    const model::state& now() const { return ring_->index.now; }

private:
    void change_ring(const journal::ring_header& header, model::loaded_ring* old = nullptr)
    {
        ring_ = std::make_unique<model::loaded_ring>(header);
        journal::position from = 0;
        if (old) {
            const auto moved = journal::replicate(old->space.bytes(), *ring_->writer);
            BOOST_TEST_REQUIRE(moved.has_value());
            ring_->index = old->index;
            ring_->index.relocate(*moved);
            ring_->seed = old->seed;
            ring_->time = old->time;
            from = ring_->writer->head();
        }
        begin(old ? segment_kind::moved : segment_kind::whole, from);
        ring_->memory.told = [this](journal::position at, journal::position to,
                                    journal::position tail) {
            journal::encode_extents(ring_->space.bytes(), ring().capacity(), at, to, tail, 0,
                                    files_.back());
        };
        ring_->writer->catch_up(ring_->index);
    }
    void begin(segment_kind kind, journal::position from)
    {
        journal::segment_header header;
        header.ring = ring_->writer->header();
        header.number = files_.size() + 1;
        header.follows = files_.size();
        header.kind = kind;
        header.from = from;
        header.tail = ring_->writer->tail();
        header.commit = ring_->writer->last_commit();
        const auto page = encode_segment_header(header);
        files_.emplace_back(page.begin(), page.end());
    }

    std::unique_ptr<model::loaded_ring> ring_;
    std::vector<model::bytes> files_;
};

/// What is found in the ring of a replay.
bool holds(std::span<const std::byte> region, const model::state& wanted)
{
    model::state found;
    const auto done =
        journal::scan(region, [&](const journal::record_view& record) { found.learn(record); });
    found.commit = std::max(found.commit, done.commit);
    return done.complete && found.holds(wanted);
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_replay)

BOOST_AUTO_TEST_CASE(segments_of_one_ring_make_that_ring_again)
{
    for (std::uint64_t seed = 0; seed != 20; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            model::dice random(seed);
            history past(8192);
            for (int i = 0; i != 5; ++i) {
                past.run(3000, random);
                past.roll();
            }
            past.run(500, random);
            replay again(1u << 20);
            for (std::size_t i = 0; i != past.size(); ++i)
                BOOST_TEST_REQUIRE((past.add(again, i) == replay::outcome::good));
            const auto region = again.finish();
            BOOST_TEST_REQUIRE(holds(region, past.now()));
            BOOST_TEST(again.head() == past.ring().head());
            // The same records at the same positions: what referred to one still does.
            const auto expect = past.ring().region();
            journal::scan(region, [&](const journal::record_view& record) {
                const auto at = journal::data_offset + record.at % past.ring().capacity();
                BOOST_TEST_REQUIRE(std::ranges::equal(region.subspan(at, record.size),
                                                      expect.subspan(at, record.size)));
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(segments_below_the_tail_are_not_needed_and_others_are)
{
    model::dice random(1);
    history past(8192);
    std::vector<journal::position> ends;
    for (int i = 0; i != 10; ++i) {
        past.run(3000, random);
        past.roll();
        ends.push_back(past.ring().head());
    }
    past.run(500, random);
    std::size_t needed = 0;
    std::size_t spared = 0;
    for (std::size_t first = 0; first != ends.size(); ++first) {
        replay again(1u << 20);
        for (std::size_t i = first + 1; i != past.size(); ++i)
            BOOST_TEST_REQUIRE((past.add(again, i) == replay::outcome::good));
        const auto region = again.finish();
        if (ends[first] <= again.tail()) {
            ++spared;
            BOOST_TEST(holds(region, past.now()));
        } else {
            ++needed;
            BOOST_TEST(region.empty());
        }
    }
    BOOST_TEST(spared > 5u);
    BOOST_TEST(needed > 1u);
}

BOOST_AUTO_TEST_CASE(rings_that_were_copied_to_others_are_copied_again)
{
    for (std::uint64_t seed = 0; seed != 20; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            model::dice random(seed);
            history past(8192);
            past.run(20'000, random);
            past.grow(12288);
            past.run(5000, random);
            past.roll();
            past.run(2000, random);
            past.grow(12288);
            past.run(400, random);
            replay again(1u << 20);
            for (std::size_t i = 0; i != past.size(); ++i)
                BOOST_TEST_REQUIRE((past.add(again, i) == replay::outcome::good));
            BOOST_TEST_REQUIRE(holds(again.finish(), past.now()));
            BOOST_TEST((again.header().moved == past.ring().header().moved));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_copy_is_not_made_of_what_is_no_longer_all_there)
{
    model::dice random(2);
    history past(8192);
    past.run(20'000, random);
    past.roll();
    past.run(1000, random);
    past.grow(8192);
    past.run(3000, random);
    const auto from_second = [&] {
        replay again(1u << 20);
        for (std::size_t i = 1; i != past.size(); ++i)
            BOOST_TEST_REQUIRE((past.add(again, i) == replay::outcome::good));
        return holds(again.finish(), past.now());
    };
    BOOST_TEST(!from_second());
    past.run(20'000, random); // the tail has passed all that was copied
    BOOST_TEST(from_second());
}

BOOST_AUTO_TEST_CASE(segment_that_does_not_continue_the_one_before_it_is_refused)
{
    model::dice random(4);
    history past(8192);
    past.run(3000, random);
    past.roll();
    past.run(3000, random);
    past.grow(12288);
    {
        replay again(1u << 20);
        BOOST_TEST((past.add(again, 0, 100) == replay::outcome::good));
        BOOST_TEST((past.add(again, 1) == replay::outcome::unexpected));
    }
    {
        replay again(1u << 20);
        BOOST_TEST((past.add(again, 0) == replay::outcome::good));
        BOOST_TEST((past.add(again, 2) == replay::outcome::unexpected));
    }
    {
        // Its positions are those of a larger ring.
        replay again(1u << 20);
        BOOST_TEST((past.add(again, 0) == replay::outcome::good));
        auto other = past.contents(1);
        other.header.ring.capacity = 16384;
        BOOST_TEST((again.add(other) == replay::outcome::unexpected));
    }
    replay small(8192);
    BOOST_TEST((past.add(small, 0) == replay::outcome::good));
    BOOST_TEST((past.add(small, 1) == replay::outcome::good));
    BOOST_TEST((past.add(small, 2) == replay::outcome::too_large));
}

BOOST_AUTO_TEST_CASE(replay_of_nothing_is_no_ring)
{
    BOOST_TEST(replay(1u << 20).finish().empty());
}

BOOST_AUTO_TEST_SUITE_END()
