#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

#include <ostream>

namespace {

namespace journal = model::journal;
using journal::position;

/// Any number of keys, "0" … in one namespace, whose values are all filler: only the places count.
class numbered : public journal::live_index {
public:
    explicit numbered(std::size_t keys) : places_(keys) {}

    bool value_live(std::string_view, std::string_view key, position record) override
    {
        return places_[number(key)].record == record;
    }
    bool counter_live(std::string_view, position record) override { return counter_ == record; }
    bool reply_live(std::uint64_t, std::uint64_t, position) override { return false; }
    void value_moved(std::string_view, std::string_view key, position record,
                     journal::value_place place) override
    {
        places_[number(key)].record = record;
        places_[number(key)].place = place;
    }
    void counter_moved(std::string_view, position record) override { counter_ = record; }
    void reply_moved(std::uint64_t, std::uint64_t, position, journal::value_place) override {}
    std::uint64_t live_bytes() const override { return live_; }

    /// Sets `count` keys from `first` on in one transaction.
    journal::append_result set(journal::writer& ring, std::size_t first, std::size_t count,
                               std::size_t size)
    {
        filler_.resize(size, std::byte{0x55});
        texts_.resize(count);
        drafts_.assign(count, {});
        for (std::size_t i = 0; i != count; ++i) {
            texts_[i] = std::to_string(first + i);
            drafts_[i].key = texts_[i];
            drafts_[i].after = filler_;
            const auto& old = places_[first + i];
            if (old.record != journal::nowhere) {
                drafts_[i].before = ring.bytes(old.place);
                drafts_[i].before_at = old.place.at;
            }
        }
        journal::transaction what;
        what.name_space = "n";
        what.revision = ++revision_;
        what.changes = drafts_;
        const auto result = ring.append(what, *this);
        if (!result)
            return result;
        for (std::size_t i = 0; i != count; ++i) {
            auto& kept = places_[first + i];
            if (kept.record != journal::nowhere)
                live_ -= journal::carried_value_size(1, texts_[i].size(), kept.place.size);
            live_ += journal::carried_value_size(1, texts_[i].size(), size);
            kept = {result.record, result.values[i]};
        }
        if (counter_ == journal::nowhere)
            live_ += journal::carried_counter_size(1);
        counter_ = result.record;
        return result;
    }

private:
    struct seat {
        position record = journal::nowhere;
        journal::value_place place;
    };

    static std::size_t number(std::string_view key)
    {
        std::size_t n = 0;
        for (const char digit : key)
            n = n * 10 + static_cast<std::size_t>(digit - '0');
        return n;
    }

    std::vector<seat> places_;
    position counter_ = journal::nowhere;
    std::uint64_t live_ = 0;
    std::uint64_t revision_ = 0;
    std::vector<std::byte> filler_;
    std::vector<std::string> texts_;
    std::vector<journal::change_draft> drafts_;
};

struct load {
    const char* name;
    std::size_t cold_count; // keys of one filling transaction
    std::size_t cold_size;
    std::size_t hot_size;
    bool uniform; // updates any key, not only the last
};

std::ostream& operator<<(std::ostream& out, const load& what)
{
    return out << what.name;
}

const load loads[] = {
    {"tiny values, one by one", 1, 8, 8, false},
    {"tiny values, filled in bulk", 500, 8, 8, false},
    {"tiny values, filled in bulk, large updates", 500, 8, 4000, false},
    {"small values", 1, 100, 100, false},
    {"small values, all updated", 1, 100, 100, true},
    {"values of 1 kB, small updates", 1, 1000, 8, false},
    {"values of 1 kB in bulk, small updates", 50, 1000, 8, false},
    {"values of 20 kB, small updates", 1, 20000, 8, false},
    {"values of 20 kB, 20 kB updates", 1, 20000, 20000, false},
    {"largest values, small updates", 1, 124000, 8, false},
};

constexpr std::uint64_t capacity = 1u << 20;

// As full as the writer lets it get, then five laps of updates.
void at_the_growth_threshold(const load& what)
{
    model::region region(capacity);
    journal::writer ring(region.bytes(), {}, {capacity});
    numbered index(40000);
    std::size_t cold = 0;
    BOOST_REQUIRE(index.set(ring, cold++, 1, what.hot_size)); // the hot key, replaced ever since
    while (index.set(ring, cold, what.cold_count, what.cold_size)) {
        cold += what.cold_count;
        ring.commit();
    }
    model::dice random(1);
    const auto before = ring.statistics();
    const position until = ring.written() + 5 * capacity;
    std::uint64_t most_carried = 0;
    std::uint64_t record = 0;
    while (ring.written() < until) {
        const auto carried = ring.statistics().carried;
        const auto appended = ring.statistics().appended;
        BOOST_REQUIRE(index.set(ring, what.uniform ? random(cold) : 0, 1, what.hot_size));
        record = std::max(record, ring.statistics().appended - appended);
        most_carried = std::max(most_carried, ring.statistics().carried - carried);
        ring.commit();
    }
    const auto& now = ring.statistics();
    const auto user = static_cast<double>(now.appended - before.appended);
    const double amplification =
        static_cast<double>(now.appended - before.appended + now.carried - before.carried) / user;
    BOOST_TEST_MESSAGE(what << ": live " << index.live_bytes() * 100 / capacity
                            << " %, write amplification " << amplification
                            << ", most carried by a record of " << record << ": " << most_carried
                            << ", forced " << now.forced);
    BOOST_TEST(amplification <= 2.5, what.name);
    BOOST_TEST(now.forced == 0u, what.name);
    // Four times its own size, a header's worth, and one value, which is not divided.
    const std::uint64_t item = what.cold_size + 100;
    BOOST_TEST(most_carried <= journal::look_ratio * record + 512 + item, what.name);
    // Everything is still there.
    std::size_t live = 0;
    journal::scan(region.bytes(), [&](const journal::record_view& seen) {
        for (const auto& change : seen.changes)
            live += index.value_live("n", change.key, seen.at) ? 1u : 0u;
    });
    BOOST_TEST(live == cold, what.name);
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_pace)

BOOST_AUTO_TEST_CASE(append_carries_little_and_amplifies_little_at_growth_threshold)
{
    for (const load& what : loads)
        at_the_growth_threshold(what);
}

// Whatever is written, in whatever sizes: who is not refused at once is never out of room, and no
// carry is needed beyond the pace.
BOOST_AUTO_TEST_CASE(append_never_runs_out_of_room_below_growth_threshold)
{
    enum shape : std::uint64_t { mixed, tiny, large, in_bulk, mixed_to_the_end, shapes };
    for (std::uint64_t seed = 0; seed != 60; ++seed) {
        const std::uint64_t size_of_ring =
            seed == 27 ? capacity : std::uint64_t{1} << (14 + seed % 5);
        const std::uint64_t how = seed % shapes;
        model::region region(size_of_ring);
        journal::writer ring(region.bytes(), {}, {size_of_ring});
        numbered index(8000);
        model::dice random(seed);
        std::size_t made = 0;
        for (int i = 0; i != 6000 && ring.written() < 12 * size_of_ring; ++i) {
            std::size_t size = random(std::uint64_t{1} << random(15)) % (size_of_ring / 16);
            if (how == tiny)
                size = random(32);
            if (how == large)
                size = size_of_ring / 10;
            std::size_t count = random(how == in_bulk ? 3 : 50) == 0 ? 1 + random(200) : 1;
            std::size_t first = made;
            if (made != 0 && random(4) != 0)
                first = random(random(3) == 0 ? made : std::min<std::size_t>(made, 8));
            if (i > 1500 && how != mixed_to_the_end && made != 0) { // full: now small updates only
                first = 0;
                size = 8;
                count = 1;
            }
            if (first != made)
                count = std::min(count, made - first);
            if (first + count > 8000)
                continue;
            const auto looked_at = ring.statistics().looked_at;
            if (index.set(ring, first, count, size / count))
                made = std::max(made, first + count);
            else // refused at once, not after carrying in vain
                BOOST_REQUIRE_MESSAGE(ring.statistics().looked_at == looked_at, "seed " << seed);
            if (random(3) == 0)
                ring.commit();
        }
        BOOST_TEST(ring.statistics().forced == 0u, "seed " << seed);
    }
}

BOOST_AUTO_TEST_SUITE_END()
