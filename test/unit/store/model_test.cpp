#include "unit/store/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace zproc;
using namespace store_test;
using store::key_value;

namespace {

/// What a namespace should be, kept the simplest way.
struct model {
    struct known {
        value content;
        std::uint64_t modified = 0;
    };
    std::map<std::string, known> keys;
    std::uint64_t revision = 0;

    std::map<std::string, known>::iterator any(std::mt19937& random)
    {
        return std::next(keys.begin(), static_cast<std::ptrdiff_t>(random() % keys.size()));
    }
};

void compare(const store::database& db, const std::map<std::string, model>& expected)
{
    std::size_t named = 0;
    for (const auto& [name, m] : expected) {
        named += m.revision != 0 ? 1 : 0;
        BOOST_TEST_REQUIRE(db.revision(name) == m.revision);
        BOOST_TEST_REQUIRE(db.size(name) == m.keys.size());
        for (const auto& [key, known] : m.keys) {
            const auto found = db.get(name, key);
            BOOST_TEST_REQUIRE(found.value.has_value());
            BOOST_TEST_REQUIRE(found.modified == known.modified);
            BOOST_TEST_REQUIRE(unpack(*found.value) == known.content);
        }
    }
    db.for_each_namespace([&](auto, auto, auto) { --named; });
    BOOST_TEST_REQUIRE(named == 0u);
}

/// The sum, the slow way: over what is there, not over what has happened.
std::uint64_t live_bytes_of(const store::database& db)
{
    std::uint64_t sum = db.known_sessions().live_bytes();
    const auto add = [&](std::string_view name) {
        if (db.revision(name) != 0)
            sum += journal::carried_counter_size(name.size());
        db.for_each(name, [&](std::string_view key, const store::item& item) {
            sum += journal::carried_value_size(name.size(), key.size(), item.value->size());
        });
    };
    add({});
    db.for_each_namespace([&](std::string_view name, auto, auto) { add(name); });
    return sum;
}

std::string text_of(std::mt19937& random, std::size_t longest)
{
    return std::string(random() % longest, static_cast<char>('a' + random() % 26));
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_model)

/// A small ring, so that everything is carried, grown and recovered all the time.
BOOST_AUTO_TEST_CASE(database_agrees_with_a_map_whatever_happens)
{
    for (unsigned seed = 1; seed != 9; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            std::mt19937 random(seed);
            fixture f(1u << 12);
            std::map<std::string, model> expected;
            const std::size_t longest = seed % 2 == 0 ? 40 : 1600;
            std::uint64_t number = 0;
            std::uint64_t acknowledged = 0;
            BOOST_TEST_REQUIRE(!f.db->open_session(1, 0).failed());

            for (int step = 0; step != 1500; ++step) {
                const auto space = "space" + std::to_string(random() % 3);
                auto& m = expected[space];
                const auto key = "key" + std::to_string(random() % 12);
                const store::author by{1, 2, ++number, acknowledged, step};
                const value content = text_of(random, longest);
                const auto bytes = pack(content);
                store::outcome done;
                switch (random() % 8) {
                case 0:
                case 1:
                case 2:
                    done = f.db->set(by, space, key, bytes);
                    m.keys[key] = {content, ++m.revision};
                    break;
                case 3: {
                    const std::string_view keys[] = {key, "key1", "nothing"};
                    done = f.db->erase(by, space, keys);
                    if (m.keys.erase(key) + m.keys.erase("key1") != 0)
                        ++m.revision;
                    break;
                }
                case 4: {
                    const key_value changes[] = {
                        {"key2", bytes_view(bytes)}, {key, bytes_view(bytes)}, {"key3", {}}};
                    done = f.db->update(by, space, changes);
                    ++m.revision;
                    m.keys.insert_or_assign("key2", model::known{content, m.revision});
                    m.keys.insert_or_assign(key, model::known{content, m.revision});
                    if (key != "key3")
                        m.keys.erase("key3");
                    else
                        m.keys.erase(key);
                    break;
                }
                case 5: {
                    const auto one = pack(1);
                    done = f.db->increment(by, space, "count", one);
                    auto& count = m.keys["count"];
                    count.content = (count.modified != 0 ? count.content.get<int>() : 0) + 1;
                    count.modified = ++m.revision;
                    break;
                }
                case 6:
                    done = f.db->pop(by, space, key);
                    if (m.keys.erase(key) != 0)
                        ++m.revision;
                    break;
                case 7:
                    if (random() % 20 == 0) {
                        done = f.db->clear(by, space);
                        if (!m.keys.empty())
                            ++m.revision;
                        m.keys.clear();
                    } else {
                        const key_value items[] = {{"count", {}}, {key, bytes_view(bytes)}};
                        done = f.db->replace(by, space, std::span(items).subspan(1));
                        ++m.revision;
                        m.keys.clear();
                        m.keys[key] = {content, m.revision};
                    }
                    break;
                }
                BOOST_TEST_REQUIRE(!done.error.failed(), done.error.message());
                BOOST_TEST_REQUIRE(done.revision == m.revision);
                // The same again is known, whatever it was.
                if (done.made && random() % 4 == 0)
                    BOOST_TEST_REQUIRE(f.db->set(by, space, key, bytes).repeated);
                if (random() % 10 == 0)
                    acknowledged = number - random() % 5 % number;
                if (random() % 3 == 0)
                    f.db->publish();
                if (step % 50 == 0)
                    compare(*f.db, expected);
                BOOST_TEST_REQUIRE(f.db->live_bytes() == live_bytes_of(*f.db));
                if (random() % 100 == 0) {
                    f.db->publish();
                    const auto live = f.db->live_bytes();
                    f.restart();
                    BOOST_TEST_REQUIRE(f.db != nullptr);
                    compare(*f.db, expected);
                    // A successor may keep replies whose acknowledgement came with no record.
                    BOOST_TEST_REQUIRE(f.db->live_bytes() >= live);
                    BOOST_TEST_REQUIRE(f.db->live_bytes() == live_bytes_of(*f.db));
                }
            }
            compare(*f.db, expected);
            BOOST_TEST(f.around.replaced > 2u);
        }
    }
}

/// What is published is all a successor knows; what is not, it must not know in part.
BOOST_AUTO_TEST_CASE(successor_has_exactly_what_was_published)
{
    std::mt19937 random(5);
    fixture f(1u << 14);
    for (int round = 0; round != 200; ++round) {
        const auto before = f.db->revision("n");
        f.db->publish();
        const auto a = pack(text_of(random, 300));
        const auto b = pack(text_of(random, 300));
        const key_value both[] = {{"a", bytes_view(a)}, {"b", bytes_view(b)}};
        f.db->update({}, "n", both);
        const bool published = random() % 2 == 0;
        if (published)
            f.db->publish();
        const bool forced = !f.db->pending(); // room had to be made: that publishes too
        f.restart();
        BOOST_TEST_REQUIRE(f.db != nullptr);
        const auto now = f.db->revision("n");
        BOOST_TEST_REQUIRE(now == (published || forced ? before + 1 : before));
        BOOST_TEST_REQUIRE(f.db->get("n", "a").modified == now);
        BOOST_TEST_REQUIRE(f.db->get("n", "b").modified == now);
    }
}

BOOST_AUTO_TEST_CASE(counters_of_namespaces_survive_when_nothing_else_of_them_does)
{
    fixture f(1u << 13);
    f.around.largest = 1u << 13;
    f.restart();
    const auto one = pack(1);
    f.db->set({}, "gone", "k", one);
    f.db->clear({}, "gone");
    for (int i = 0; i != 3000; ++i)
        BOOST_TEST_REQUIRE(f.db->set({}, "busy", "k", one).made);
    BOOST_TEST(f.db->revision("gone") == 2u);
    f.db->publish();
    f.restart();
    BOOST_TEST(f.db->revision("gone") == 2u);
    BOOST_TEST(f.db->set({}, "gone", "k", one).revision == 3u);
}

BOOST_AUTO_TEST_CASE(damaged_ring_has_no_successor)
{
    fixture f;
    const auto text = pack(std::string(200, 'x'));
    for (int i = 0; i != 20; ++i)
        f.db->set({}, "n", std::to_string(i), text);
    f.db->publish();
    bytes_of(f.around.current)[journal::data_offset + 1000] ^= std::byte{1};
    BOOST_TEST(store::database::recover(bytes_of(f.around.current), f.around) == nullptr);
    const std::vector<std::byte> empty(8192);
    BOOST_TEST(store::database::recover(empty, f.around) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
