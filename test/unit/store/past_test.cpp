#include "store/past.hpp"

#include "store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace zproc;
using namespace store_test;

namespace {

/// A database whose every moment is remembered beside it.
struct remembered : fixture {
    using fixture::fixture;

    std::vector<dict> moments{dict()}; ///< by revision
    std::vector<std::int64_t> times{0};
    std::int64_t now = 100;

    journal::reader ring() const { return *journal::reader::open(bytes_of(around.current)); }

    store::author by() { return {1, 2, 0, 0, now += 10, 0}; }

    void write(const std::string& key, const std::optional<value>& to)
    {
        const auto bytes = to ? pack(*to) : std::vector<std::byte>();
        const store::key_value change{key, to ? std::optional<bytes_view>(bytes) : std::nullopt};
        const auto done = db->update(by(), "n", {&change, 1});
        BOOST_REQUIRE(!done.error);
        db->publish();
        if (!done.made)
            return;
        auto next = moments.back();
        if (to)
            next.insert_or_assign(key, *to);
        else
            next.erase(key);
        moments.push_back(std::move(next));
        times.push_back(now);
    }

    std::uint64_t latest() const { return moments.size() - 1; }
};

/// Every revision is told as it was, or said to be gone; and those that are gone are the oldest.
void check_all(const remembered& r)
{
    const auto ring = r.ring();
    for (std::uint64_t revision = 0; revision <= r.latest(); ++revision) {
        const auto told = store::moment_at(ring, "n", revision);
        BOOST_REQUIRE(!told.error);
        BOOST_TEST(told.latest == r.latest());
        if (revision >= told.oldest)
            BOOST_TEST((told.content == r.moments[revision]), "at " << revision);
        BOOST_TEST(told.oldest <= r.latest());
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(past)

BOOST_AUTO_TEST_CASE(moment_at_tells_every_revision_of_a_short_history)
{
    remembered r;
    r.write("a", 1);
    r.write("b", "x");
    r.write("a", 2);
    r.write("b", std::nullopt);
    r.write("b", list_of(1, 2));
    BOOST_TEST(store::moment_at(r.ring(), "n", 0).oldest == 0u);
    check_all(r);
}

BOOST_AUTO_TEST_CASE(moment_at_looks_only_at_the_keys_asked_for)
{
    remembered r;
    r.write("a", 1);
    r.write("b", 2);
    const auto told =
        store::moment_at(r.ring(), "n", 2, [](std::string_view key) { return key == "b"; });
    BOOST_TEST((told.content == dict::of("b", 2)));
}

BOOST_AUTO_TEST_CASE(moment_at_knows_nothing_of_other_namespaces)
{
    remembered r;
    r.write("a", 1);
    BOOST_TEST(store::moment_at(r.ring(), "m", 0).content.empty());
    BOOST_TEST(store::moment_at(r.ring(), "m", 0).latest == 0u);
}

BOOST_AUTO_TEST_CASE(moment_at_tells_what_is_retained_of_a_long_history)
{
    std::mt19937 random(7);
    for (const std::uint64_t capacity : {1u << 14, 1u << 16}) {
        remembered r(capacity);
        for (int i = 0; i != 3000; ++i) {
            const auto key = "k" + std::to_string(random() % 12);
            if (random() % 5 == 0)
                r.write(key, std::nullopt);
            else
                r.write(key, static_cast<int>(random() % 100));
        }
        const auto oldest = store::moment_at(r.ring(), "n", 0).oldest;
        BOOST_TEST(oldest > 0u);
        BOOST_TEST(oldest < r.latest() - 20);
        check_all(r);
    }
}

BOOST_AUTO_TEST_CASE(moment_at_says_where_a_large_value_is_gone)
{
    std::mt19937 random(8);
    remembered r(1u << 16);
    for (int i = 0; i != 600; ++i)
        r.write("k" + std::to_string(random() % 4),
                std::string(random() % 2 ? 1500 : 10, static_cast<char>('a' + i % 26)));
    check_all(r);
}

BOOST_AUTO_TEST_CASE(moment_at_spans_a_ring_that_grew_and_a_successor)
{
    remembered r(1u << 14);
    for (int i = 0; i != 200; ++i)
        r.write("k" + std::to_string(i), std::string(200, 'x'));
    BOOST_TEST(r.around.replaced > 1u);
    check_all(r);
    r.restart();
    check_all(r);
}

BOOST_AUTO_TEST_CASE(history_of_yields_each_change_of_the_key)
{
    remembered r;
    r.write("a", 1);
    r.write("b", 1);
    r.write("a", 1);
    r.write("a", std::nullopt);
    const auto told = store::history_of(r.ring(), "n", "a");
    BOOST_REQUIRE(told.events.size() == 3u);
    BOOST_TEST(told.events[0].revision == 1u);
    BOOST_TEST(!told.events[0].changes.at(0).before.has_value());
    BOOST_TEST(told.events[1].revision == 3u);
    BOOST_TEST((told.events[1].changes.at(0).before == value(1)));
    BOOST_TEST((told.events[1].changes.at(0).after == value(1)));
    BOOST_TEST(!told.events[2].changes.at(0).after.has_value());
    BOOST_TEST((told.events[2].origin == origin{1, 2}));
}

BOOST_AUTO_TEST_CASE(point_at_finds_the_revision_of_a_time)
{
    remembered r;
    for (int i = 0; i != 5; ++i)
        r.write("a", i);
    for (std::uint64_t revision = 0; revision <= r.latest(); ++revision)
        for (const int later : {0, 9}) {
            const auto told = store::point_at(r.ring(), "n", r.times[revision] + later);
            BOOST_TEST(told.certain);
            BOOST_TEST(told.revision == revision);
        }
    BOOST_TEST(store::point_at(r.ring(), "n", 1 << 30).revision == r.latest());
}

BOOST_AUTO_TEST_CASE(point_at_is_uncertain_only_where_history_is_gone)
{
    std::mt19937 random(9);
    remembered r(1u << 14);
    for (int i = 0; i != 2000; ++i)
        r.write("k" + std::to_string(random() % 12), i);
    const auto oldest = store::moment_at(r.ring(), "n", 0).oldest;
    for (std::uint64_t revision = 0; revision <= r.latest(); ++revision) {
        const auto told = store::point_at(r.ring(), "n", r.times[revision] + 1);
        BOOST_TEST(told.oldest == oldest);
        BOOST_TEST(told.known <= revision);
        if (told.certain)
            BOOST_TEST(told.revision == revision);
        else
            BOOST_TEST(revision <= oldest);
    }
}

BOOST_AUTO_TEST_CASE(difference_names_each_key_that_is_not_the_same)
{
    const auto from = dict::of("a", 1, "b", 2, "c", 3, "d", 1);
    const auto to = dict::of("a", 1, "b", 5, "e", 6, "d", 1.0);
    const auto all = store::difference(from, to);
    BOOST_REQUIRE(all.size() == 4u);
    BOOST_TEST(all[0].key == "b");
    BOOST_TEST((all[0].before == value(2)));
    BOOST_TEST((all[0].after == value(5)));
    BOOST_TEST(all[1].key == "c");
    BOOST_TEST(!all[1].after.has_value());
    BOOST_TEST(all[2].key == "d"); // another type is another value
    BOOST_TEST(all[3].key == "e");
    BOOST_TEST(!all[3].before.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
