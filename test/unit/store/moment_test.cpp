#include "store/past.hpp"
#include "unit/journal/model.hpp"
#include "value/msgpack.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace zproc;
using numbers = std::array<std::optional<std::int64_t>, model::most_keys>;

/// A ring with numbers in it, and what each namespace was at each of its revisions.
struct written_ring {
    model::region memory{32768};
    journal::writer writer{memory.bytes(), {}};
    model::store written;
    std::array<std::vector<numbers>, 3> states;
    std::array<std::vector<std::int64_t>, 3> times;
    std::int64_t clock = 0;
    std::int64_t next = 0;

    written_ring()
    {
        for (auto& each : states)
            each.push_back({});
        for (auto& each : times)
            each.push_back(0);
    }

    journal::reader reader() { return *journal::reader::open(memory.bytes()); }

    void write(std::size_t space, std::size_t key, std::optional<std::int64_t> to)
    {
        model::store::write one{key, nullptr};
        if (to) {
            auto packed = std::make_shared<model::bytes>();
            BOOST_REQUIRE(!msgpack::encode(value(*to), *packed));
            one.content = std::move(packed);
        }
        clock += 10;
        BOOST_REQUIRE(written.apply(writer, space, std::span(&one, 1), clock));
        writer.commit();
        auto now = states[space].back();
        now[key] = to;
        states[space].push_back(now);
        times[space].push_back(clock);
    }
    /// The keys from 16 on are seldom written: they are carried.
    void write_anything(model::dice& random, std::size_t space)
    {
        const auto key = random(20) == 0 ? 16 + random(8) : random(16);
        const auto erase = random(4) == 0;
        write(space, key, erase ? std::nullopt : std::optional(++next));
    }
    std::uint64_t last(std::size_t space) const { return states[space].size() - 1; }
    std::uint64_t oldest(std::size_t space)
    {
        const auto found = reader().find(model::name_spaces[space], 0);
        return found->revision;
    }

    bool says(const store::moment& b, std::size_t space) const
    {
        dict expected;
        const auto& then = states[space].at(b.as_of);
        for (std::size_t key = 0; key != then.size(); ++key)
            if (then[key])
                expected.insert_or_assign(model::keys()[key], value(*then[key]));
        return b.content == expected;
    }
};

/// What a watcher that asks for a time begins after.
std::uint64_t known_at(const journal::reader& ring, std::int64_t time)
{
    return store::point_at(ring, model::name_spaces[0], time).known;
}

bool anything(std::string_view)
{
    return true;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_moment, written_ring)

BOOST_AUTO_TEST_CASE(base_is_as_of_the_revision_asked_for_while_what_follows_is_retained)
{
    model::dice random(1);
    for (int i = 0; i != 4000; ++i)
        write_anything(random, random(3));
    for (std::size_t space = 0; space != 3; ++space) {
        BOOST_TEST_REQUIRE(oldest(space) > 1u);
        for (auto asked = oldest(space) - 1; asked <= last(space); ++asked) {
            const auto b = store::moment_at(reader(), model::name_spaces[space], asked, anything);
            BOOST_TEST(b.as_of == asked);
            BOOST_TEST(says(b, space));
            BOOST_TEST(b.time == times[space][std::min(asked + 1, last(space))]);
        }
    }
}

BOOST_AUTO_TEST_CASE(base_is_as_of_just_before_the_oldest_event_where_others_are_gone)
{
    model::dice random(2);
    for (int i = 0; i != 3000; ++i) {
        write_anything(random, i % 3 == 0 ? 0 : 1);
        if (i % 50 != 0 || oldest(0) < 3)
            continue;
        const auto asked = random(oldest(0) - 2);
        const auto b = store::moment_at(reader(), model::name_spaces[0], asked, anything);
        BOOST_TEST(b.as_of == oldest(0) - 1);
        BOOST_TEST(says(b, 0));
    }
}

BOOST_AUTO_TEST_CASE(base_is_the_present_where_no_event_is_left)
{
    for (std::size_t key = 0; key != 8; ++key)
        write(0, key, std::int64_t(key));
    write(0, 3, std::nullopt);
    model::dice random(3);
    for (int i = 0; i != 2000; ++i)
        write_anything(random, 1);
    BOOST_TEST_REQUIRE(oldest(0) == 0u);
    for (const std::uint64_t asked : {0u, 5u, 9u}) {
        const auto b = store::moment_at(reader(), model::name_spaces[0], asked, anything);
        BOOST_TEST(b.as_of == 9u);
        BOOST_TEST(says(b, 0));
    }
}

BOOST_AUTO_TEST_CASE(base_is_of_one_revision_also_when_the_writer_laps_it)
{
    model::dice random(4);
    unsigned later = 0;
    for (int round = 0; round != 300; ++round) {
        for (int i = 0; i != 100; ++i)
            write_anything(random, random(3));
        const auto asked = last(0) - random(std::min<std::uint64_t>(last(0), 20));
        // It writes in the middle of the scan, some times more than the ring holds.
        auto laps = random(4);
        auto looks = random(60);
        const auto b =
            store::moment_at(reader(), model::name_spaces[0], asked, [&](std::string_view) {
                if (laps != 0 && looks-- == 0) {
                    --laps;
                    looks = random(60);
                    for (auto i = random(600); i != 0; --i)
                        write_anything(random, random(3));
                }
                return true;
            });
        BOOST_TEST(b.as_of >= asked);
        BOOST_TEST(says(b, 0), "round " << round);
        later += b.as_of > asked;
    }
    BOOST_TEST(later > 50u); // it was lapped, and often
}

BOOST_AUTO_TEST_CASE(base_has_only_what_is_wanted)
{
    write(0, 1, 10);
    write(0, 2, 20);
    write(0, 1, 11);
    const auto b = store::moment_at(reader(), model::name_spaces[0], 2,
                                    [](std::string_view key) { return key == model::keys()[1]; });
    BOOST_TEST(b.content == dict::of(model::keys()[1], 10));
}

BOOST_AUTO_TEST_CASE(revision_before_is_exact_while_what_follows_is_retained)
{
    model::dice random(5);
    for (int i = 0; i != 1000; ++i)
        write_anything(random, random(3));
    for (auto r = oldest(0); r <= last(0); ++r) {
        const auto before = [&](std::int64_t time) { return known_at(reader(), time); };
        BOOST_TEST(before(times[0][r]) == r);
        BOOST_TEST(before(times[0][r] + 1) == r);
        if (r > oldest(0))
            BOOST_TEST(before(times[0][r] - 1) == r - 1);
    }
}

BOOST_AUTO_TEST_CASE(revision_before_hides_nothing_that_is_gone)
{
    BOOST_TEST(known_at(reader(), 1000) == 0u);
    write(0, 20, 1);
    model::dice random(6);
    for (int i = 0; i != 1000; ++i)
        write_anything(random, 0);
    BOOST_TEST_REQUIRE(oldest(0) > 10u);
    bool later = false;
    for (std::uint64_t r = 0; r + 1 < oldest(0); ++r) {
        const auto found = known_at(reader(), times[0][r]);
        BOOST_TEST(found <= r);
        later = later || found != 0;
    }
    BOOST_TEST(later); // a carry tells something of the time before
    BOOST_TEST(known_at(reader(), clock) == last(0));
}

BOOST_AUTO_TEST_SUITE_END()
