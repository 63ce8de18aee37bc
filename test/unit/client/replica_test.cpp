#include "client/replica.hpp"

#include "unit/journal/model.hpp"
#include "value/msgpack.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <thread>

using namespace zproc;
using client::replica;
using progress = replica::progress;

namespace {

std::shared_ptr<const model::bytes> packed(const value& v)
{
    auto made = std::make_shared<model::bytes>();
    BOOST_REQUIRE(!msgpack::encode(v, *made).failed());
    return made;
}

/// Every kind of value, of every size that matters.
value some_value(model::dice& dice, std::size_t longest)
{
    const auto n = static_cast<std::int64_t>(dice(1u << 20)) - 1000;
    switch (dice(8)) {
    case 0: return nullptr;
    case 1: return n % 2 == 0;
    case 2: return n;
    case 3: return 0.5 * static_cast<double>(n);
    case 4: return list_of(n, "x", list_of(n));
    case 5: return dict::of("a", n, "b", std::string(dice(longest), 'b'));
    case 6: return bytes(dice(longest), static_cast<std::byte>(n & 0xff));
    default: return std::string(dice(longest), static_cast<char>('a' + (n & 15)));
    }
}

/// A writer with its model, in one ring after the other.
struct world {
    explicit world(std::uint64_t capacity, std::uint64_t seed = 1) : dice(seed)
    {
        begin(capacity, nullptr);
    }

    journal::reader reader() const { return *journal::reader::open(writer->region()); }

    void set(std::size_t space, std::string_view key, const value& v)
    {
        write({{model::number_of(key), packed(v)}}, space);
    }
    void erase(std::size_t space, std::string_view key)
    {
        write({{model::number_of(key), nullptr}}, space);
    }

    void write(std::vector<model::store::write> writes, std::size_t space)
    {
        for (;;) {
            const auto result = store.apply(*writer, space, writes, ++time);
            if (result.outcome != journal::append_outcome::grow_first) {
                BOOST_REQUIRE(result);
                break;
            }
            grow(result.capacity);
        }
        if (dice(3) != 0)
            writer->commit();
    }

    /// One transaction over a few keys of one namespace.
    void write_some(std::size_t longest)
    {
        std::vector<model::store::write> writes;
        std::array<bool, model::most_keys> taken{};
        for (auto count = 1 + dice(3); count != 0; --count) {
            const auto key = dice(model::most_keys);
            if (!std::exchange(taken[key], true))
                writes.push_back({key, dice(4) == 0 ? nullptr : packed(some_value(dice, longest))});
        }
        write(std::move(writes), dice(model::name_spaces.size()));
    }

    void grow(std::uint64_t capacity)
    {
        writer->commit();
        const auto old = std::move(memory);
        const auto before = std::move(writer);
        begin(capacity, before.get());
        const auto moved = journal::replicate(old->bytes(), *writer);
        BOOST_REQUIRE(moved.has_value());
        store.relocate(*moved);
        writer->catch_up(store);
        writer->commit();
        former.push_back(old);
        ++rings;
    }

    void begin(std::uint64_t capacity, const journal::writer* before)
    {
        journal::ring_header header;
        header.instance = {std::byte{1}};
        header.capacity = capacity;
        if (before) {
            header.epoch = before->header().epoch + 1;
            header.commit = before->last_commit();
        }
        memory = std::make_shared<model::region>(capacity);
        writer = std::make_unique<journal::writer>(memory->bytes(), header);
    }

    std::shared_ptr<model::region> memory;
    std::vector<std::shared_ptr<model::region>> former; ///< replicas may still be in them
    std::unique_ptr<journal::writer> writer;
    model::store store;
    model::dice dice;
    std::int64_t time = 0;
    std::uint64_t rings = 1;
};

value decoded(const model::bytes& bytes)
{
    value v;
    BOOST_REQUIRE(!msgpack::decode(bytes, v).failed());
    return v;
}

/// It holds what the model does.
void compare(replica& r, const world& w, std::size_t space)
{
    const auto& expected = w.store.now.spaces[space];
    BOOST_TEST_REQUIRE(r.revision() == expected.revision);
    std::size_t size = 0;
    for (std::size_t k = 0; k != model::most_keys; ++k) {
        const auto& key = model::keys()[k];
        const auto* found = r.find(key);
        if (!expected.items[k].content) {
            BOOST_TEST_REQUIRE((found == nullptr));
            BOOST_TEST_REQUIRE(r.modified(key) == 0u);
            continue;
        }
        ++size;
        BOOST_TEST_REQUIRE((found != nullptr));
        BOOST_TEST_REQUIRE(identical(*found, decoded(*expected.items[k].content)));
        BOOST_TEST_REQUIRE(r.modified(key) == expected.items[k].revision);
    }
    BOOST_TEST_REQUIRE(r.size() == size);
    BOOST_TEST_REQUIRE(r.keys().size() == size);
    BOOST_TEST_REQUIRE(r.items().size() == size);
}

/// Up to date, in the ring that counts.
void refresh(replica& r, const world& w, std::uint64_t& epoch)
{
    if (epoch != w.writer->header().epoch) {
        // Often only after the last of the old ring was seen, or not even its beginning.
        epoch = w.writer->header().epoch;
        r.enter(w.reader());
    }
    BOOST_TEST_REQUIRE((r.catch_up() == progress::current));
    BOOST_TEST_REQUIRE(r.current());
}

} // namespace

BOOST_AUTO_TEST_SUITE(client_replica)

BOOST_AUTO_TEST_CASE(namespace_that_was_never_written_is_empty)
{
    world w(8192);
    replica r("nobody");
    r.enter(w.reader());
    BOOST_TEST(!r.current()); // not before it has looked
    BOOST_TEST((r.catch_up() == progress::current));
    BOOST_TEST(r.current());
    BOOST_TEST(r.revision() == 0u);
    BOOST_TEST(r.size() == 0u);
    BOOST_TEST((r.find("k1") == nullptr));
    BOOST_TEST(r.keys().empty());
    BOOST_TEST(r.items().empty());
}

BOOST_AUTO_TEST_CASE(change_is_seen_once_published_and_not_before)
{
    world w(8192);
    replica r(model::name_spaces[1]);
    r.enter(w.reader());
    r.catch_up();
    w.set(1, "k3", 7);
    w.writer->commit();
    BOOST_TEST(!r.current());
    BOOST_TEST((r.find("k3") == nullptr));
    r.catch_up();
    BOOST_TEST((*r.find("k3") == value(7)));
    BOOST_TEST(r.revision() == 1u);

    const model::store::write unpublished{3, packed(8)};
    BOOST_REQUIRE(w.store.apply(*w.writer, 1, std::span(&unpublished, 1), 9));
    BOOST_TEST(r.current());
    BOOST_TEST((*r.find("k3") == value(7)));
}

BOOST_AUTO_TEST_CASE(values_live_in_the_replica)
{
    world w(8192);
    const std::string text(300, 'x');
    w.set(0, "k1", text);
    w.set(0, "k2", 5);
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    r.catch_up();
    std::ranges::fill(w.memory->bytes(), std::byte{0xff}); // not decoded yet
    BOOST_TEST((*r.find("k1") == value(text)));
    BOOST_TEST((*r.find("k2") == value(5)));
}

BOOST_AUTO_TEST_CASE(value_is_decoded_once_and_stays_where_it_is)
{
    world w(8192);
    w.set(0, "k1", list_of(1, "two"));
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    r.catch_up();
    const auto* first = r.find("k1");
    const auto* element = &first->as_list()[0];
    BOOST_TEST((r.find("k1") == first));
    BOOST_TEST((&r.find("k1")->as_list()[0] == element));
}

/// A server lets none in; another program may have written the ring.
BOOST_AUTO_TEST_CASE(value_that_is_none_is_an_error_of_whoever_asks_for_it)
{
    world w(8192);
    const auto broken = std::make_shared<model::bytes>(3, std::byte{0xc1});
    const auto huge = std::make_shared<model::bytes>(9, std::byte{0xff});
    (*std::const_pointer_cast<model::bytes>(huge))[0] = std::byte{0xcf};
    w.write({{1, broken}, {2, huge}, {3, packed("good")}}, 0);
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    BOOST_TEST((r.catch_up() == progress::current));
    BOOST_CHECK_EXCEPTION(r.find("k1"), system_error, [](const system_error& e) {
        return e.code() == errc::malformed_value &&
               std::string_view(e.what()).find("'k1'") != std::string_view::npos;
    });
    BOOST_CHECK_EXCEPTION(r.find("k2"), system_error, [](const system_error& e) {
        return e.code() == errc::not_representable;
    });
    BOOST_CHECK_THROW(r.items(), system_error);
    BOOST_TEST((*r.find("k3") == value("good")));
    BOOST_TEST(r.size() == 3u);
    w.set(0, "k1", 1);
    w.writer->commit();
    r.catch_up();
    BOOST_TEST((*r.find("k1") == value(1)));
}

/// Every kind of record at every place of small rings: transactions, carries, laps, growth.
BOOST_AUTO_TEST_CASE(replica_agrees_with_the_writer_whatever_happens)
{
    std::uint64_t rings = 0;
    std::uint64_t scans = 0;
    std::uint64_t again = 0;
    for (std::uint64_t seed = 1; seed != 17; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            world w(seed % 3 == 0 ? 1u << 15 : 4096u, seed);
            const std::size_t longest = seed % 2 == 0 ? 30 : 1200;
            const auto space = static_cast<std::size_t>(seed % model::name_spaces.size());
            replica eager(model::name_spaces[space]);
            replica lazy(model::name_spaces[space]);
            eager.enter(w.reader());
            lazy.enter(w.reader());
            std::uint64_t eager_in = w.writer->header().epoch;
            std::uint64_t lazy_in = eager_in;
            for (int step = 0; step != 1500; ++step) {
                w.write_some(longest);
                if (w.writer->pending())
                    continue; // the model is ahead of the ring
                refresh(eager, w, eager_in);
                compare(eager, w, space);
                if (w.dice(200) == 0) {
                    refresh(lazy, w, lazy_in);
                    compare(lazy, w, space);
                }
                if (w.dice(400) == 0) {
                    replica fresh(model::name_spaces[space]);
                    std::uint64_t nowhere = 0;
                    refresh(fresh, w, nowhere);
                    compare(fresh, w, space);
                }
            }
            rings += w.rings;
            scans += lazy.scans();
            again += eager.scans() - 1;
        }
    }
    BOOST_TEST(rings > 32u);
    BOOST_TEST(scans > 32u);
    BOOST_TEST(again < rings / 4); // it follows from ring to ring
}

/// Between any two records of a scan the writer laps it.
BOOST_AUTO_TEST_CASE(scan_that_is_lapped_forgets_everything_and_begins_again)
{
    for (int at = 0; at != 12; ++at) {
        BOOST_TEST_CONTEXT("after record " << at)
        {
            world w(8192);
            for (std::size_t k = 0; k != 10; ++k)
                w.set(0, model::keys()[k], std::string(40, static_cast<char>('a' + k)));
            w.writer->commit();
            replica r(model::name_spaces[0]);
            r.enter(w.reader());
            for (int i = 0; i != at; ++i)
                r.step();
            BOOST_TEST(r.scans() == 1u);
            // What was read is erased, and every trace of that overwritten.
            for (std::size_t k = 0; k != 10; k += 2)
                w.erase(0, model::keys()[k]);
            const auto before = w.writer->written();
            while (w.writer->written() - before < 3 * w.writer->capacity())
                w.set(1, "k1", std::string(100, 'y'));
            w.writer->commit();
            BOOST_TEST((r.catch_up() == progress::current));
            BOOST_TEST(r.scans() == 2u);
            compare(r, w, 0);
            BOOST_TEST(r.size() == 5u);
        }
    }
}

BOOST_AUTO_TEST_CASE(replica_that_is_always_lapped_says_overrun_and_recovers)
{
    world w(4096);
    w.set(0, "k1", "x");
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    const auto lap = [&] {
        const auto before = w.writer->written();
        while (w.writer->written() - before < 3 * w.writer->capacity())
            w.set(1, "k1", std::string(100, 'y'));
        w.writer->commit();
    };
    auto result = progress::more;
    int laps = 0;
    for (; result == progress::more && laps != 1000; ++laps) {
        lap();
        result = r.step();
    }
    BOOST_TEST((result == progress::overrun));
    BOOST_TEST(laps > 10);
    BOOST_TEST(!r.current());
    BOOST_TEST((r.catch_up() == progress::current));
    compare(r, w, 0);
}

BOOST_AUTO_TEST_CASE(bytes_that_no_writer_writes_are_damage_as_often_as_they_are_met)
{
    world w(8192);
    for (int i = 0; i != 20; ++i)
        w.set(0, "k1", i);
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    auto& byte = w.memory->bytes()[journal::data_offset + 500];
    byte ^= std::byte{1};
    BOOST_TEST((r.catch_up() == progress::damaged));
    BOOST_TEST(!r.current());
    BOOST_TEST((r.catch_up() == progress::damaged));
    byte ^= std::byte{1};
    BOOST_TEST((r.catch_up() == progress::current));
    compare(r, w, 0);
}

/// Revisions follow on each other by one, whatever the checksums say.
BOOST_AUTO_TEST_CASE(event_that_does_not_follow_on_the_last_is_damage_when_a_scan_finds_it_too)
{
    world w(8192);
    w.set(0, "k1", 1);
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    BOOST_TEST((r.catch_up() == progress::current));
    ++w.store.now.spaces[0].revision;
    w.set(0, "k1", 2);
    w.writer->commit();
    BOOST_TEST((r.catch_up() == progress::damaged));
    BOOST_TEST(r.scans() == 3u); // and again at the next call
}

BOOST_AUTO_TEST_CASE(other_ring_is_followed_from_the_one_before_only)
{
    world w(8192);
    w.set(0, "k1", 1);
    w.set(0, "k2", std::string(100, 'x'));
    w.writer->commit();
    replica r(model::name_spaces[0]);
    r.enter(w.reader());
    r.catch_up();
    w.grow(1u << 14);
    r.enter(w.reader());
    BOOST_TEST((r.catch_up() == progress::current));
    BOOST_TEST(r.scans() == 1u);
    w.grow(1u << 15);
    w.grow(1u << 16);
    w.erase(0, "k2");
    w.writer->commit();
    r.enter(w.reader());
    BOOST_TEST((r.catch_up() == progress::current));
    BOOST_TEST(r.scans() == 2u);
    compare(r, w, 0);

    world other(8192); // of another instance, though its epochs would fit
    replica stranger(model::name_spaces[0]);
    other.set(0, "k9", 1);
    other.writer->commit();
    stranger.enter(other.reader());
    stranger.catch_up();
    auto foreign = std::make_shared<model::region>(1u << 14);
    journal::ring_header header;
    header.instance = {std::byte{2}};
    header.epoch = 2;
    journal::writer fresh(foreign->bytes(), header);
    BOOST_REQUIRE(journal::replicate(w.former[0]->bytes(), fresh).has_value());
    stranger.enter(*journal::reader::open(foreign->bytes()));
    BOOST_TEST((stranger.catch_up() == progress::current));
    BOOST_TEST(stranger.scans() == 2u);
    BOOST_TEST((stranger.find("k9") == nullptr));
}

/// A transaction writes the same number to all keys: a mixture would show.
BOOST_AUTO_TEST_CASE(replica_never_holds_a_mixture_while_the_writer_laps)
{
    constexpr std::int64_t last = 30'000;
    world w(4096);
    std::atomic<std::int64_t> published = 0;
    std::atomic<bool> reading = false;
    std::uint64_t wrong = 0;
    std::uint64_t looks = 0;
    std::uint64_t scans = 0;
    std::thread other([&] {
        replica r(model::name_spaces[2]);
        r.enter(w.reader());
        reading = true;
        for (std::int64_t seen = 0; seen != last;) {
            const auto before = published.load();
            const auto result = r.catch_up();
            if (result != progress::current) {
                wrong += result == progress::damaged ? 1u : 0u;
                continue;
            }
            ++looks;
            const auto* a = r.find("k0");
            const auto* b = r.find("k7");
            const auto n = a ? a->get<std::int64_t>() : 0;
            wrong += n == (b ? b->get<std::int64_t>() : 0) ? 0u : 1u;
            wrong += n >= before && n >= seen ? 0u : 1u;
            wrong += r.revision() == static_cast<std::uint64_t>(n) ? 0u : 1u;
            seen = n;
            if (looks % 64 == 0)
                std::this_thread::yield();
        }
        scans = r.scans();
    });
    while (!reading)
        std::this_thread::yield();
    for (std::int64_t n = 1; n <= last; ++n) {
        const auto bytes = packed(n);
        const model::store::write both[] = {{0, bytes}, {7, bytes}};
        BOOST_REQUIRE(w.store.apply(*w.writer, 2, both, n));
        w.writer->commit();
        published = n;
        const auto k = static_cast<std::size_t>(n % 3);
        const model::store::write noise{k, model::content(static_cast<std::size_t>(n % 100), k)};
        BOOST_REQUIRE(w.store.apply(*w.writer, 0, std::span(&noise, 1), n));
        if (n % 50 == 0)
            std::this_thread::yield();
    }
    w.writer->commit();
    other.join();
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(looks > 0u);
    BOOST_TEST_MESSAGE("looked " << looks << " times, in " << scans << " scans");
}

BOOST_AUTO_TEST_SUITE_END()
