#include "store/sessions.hpp"

#include "store/kept_reply.hpp"
#include "unit/store/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using namespace store_test;
using store::author;

BOOST_AUTO_TEST_SUITE(store_sessions)

namespace {

author request(std::uint64_t session, std::uint64_t number, std::uint64_t acknowledged = 0)
{
    return {session, 1, number, acknowledged, 0};
}

std::int64_t result_of(const store::outcome& done)
{
    BOOST_TEST_REQUIRE(done.result.has_value());
    return unpack(*done.result).get<std::int64_t>();
}

} // namespace

BOOST_AUTO_TEST_CASE(repeated_request_is_answered_and_not_applied)
{
    fixture f;
    const auto one = pack(1);
    f.db->open_session(7, 0);
    BOOST_TEST(result_of(f.db->increment(request(7, 1), "n", "k", one)) == 1);
    BOOST_TEST(result_of(f.db->increment(request(7, 2), "n", "k", one)) == 2);
    const auto again = f.db->increment(request(7, 1), "n", "k", one);
    BOOST_TEST(again.repeated);
    BOOST_TEST(again.made);
    BOOST_TEST(again.revision == 1u);
    BOOST_TEST(result_of(again) == 1);
    BOOST_TEST(f.db->revision("n") == 2u);
}

BOOST_AUTO_TEST_CASE(replies_are_found_while_their_room_grows_and_shrinks)
{
    store::sessions table;
    table.open(7);
    table.open(8); // asked for in turns with the other
    const auto place = [](std::uint64_t n) { return journal::value_place{n * 8, 8}; };
    for (std::uint64_t n = 1; n <= 1000; ++n) {
        table.keep(7, {n, n * 100, place(n)});
        table.keep(8, {2001 - n, n, place(n)}); // from behind
    }
    for (std::uint64_t n = 1; n <= 1000; ++n) {
        BOOST_TEST_REQUIRE(table.find(7, n));
        BOOST_TEST(table.find(7, n)->record == n * 100);
        BOOST_TEST(table.find(8, 2001 - n)->record == n);
    }
    for (std::uint64_t upto = 0; upto < 1000; upto += 7) {
        table.acknowledge(7, upto);
        BOOST_TEST(table.kept_by(7) == 1000 - upto);
        BOOST_TEST(!table.find(7, upto));
        BOOST_TEST(table.find(7, upto + 1)->record == (upto + 1) * 100);
        BOOST_TEST(table.latest(7) == 1000u);
    }
    table.close(7);
    BOOST_TEST(!table.knows(7));
    BOOST_TEST(!table.find(7, 1000));
    BOOST_TEST(table.kept_by(8) == 1000u);
    table.close(8);
    BOOST_TEST(table.live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(numbers_may_come_in_any_order)
{
    fixture f;
    const auto one = pack(1);
    f.db->open_session(7, 0);
    for (const std::uint64_t number : {5u, 2u, 9u, 3u})
        BOOST_TEST(!f.db->increment(request(7, number), "n", "k", one).repeated);
    for (const std::uint64_t number : {2u, 3u, 5u, 9u})
        BOOST_TEST(f.db->increment(request(7, number), "n", "k", one).repeated);
    BOOST_TEST(f.db->revision("n") == 4u);
}

BOOST_AUTO_TEST_CASE(acknowledged_request_is_refused_when_it_comes_again)
{
    fixture f;
    const auto one = pack(1);
    f.db->open_session(7, 0);
    f.db->increment(request(7, 1), "n", "k", one);
    f.db->increment(request(7, 2, 1), "n", "k", one);
    BOOST_TEST((f.db->increment(request(7, 1), "n", "k", one).error == errc::outcome_unknown));
    BOOST_TEST(f.db->known_sessions().kept_by(7) == 1u);
    // Acknowledging itself or more counts up to the one before.
    BOOST_TEST(f.db->increment(request(7, 3, 99), "n", "k", one).made);
    BOOST_TEST(f.db->increment(request(7, 3, 99), "n", "k", one).repeated);
}

BOOST_AUTO_TEST_CASE(unknown_session_is_refused)
{
    fixture f;
    const auto one = pack(1);
    BOOST_TEST((f.db->set(request(8, 1), "n", "k", one).error == errc::outcome_unknown));
    f.db->open_session(8, 0);
    f.db->close_session(8, 0);
    BOOST_TEST((f.db->set(request(8, 1), "n", "k", one).error == errc::outcome_unknown));
}

BOOST_AUTO_TEST_CASE(too_many_kept_replies_are_refused_until_acknowledged)
{
    surroundings around;
    journal::ring_header header;
    header.capacity = 1u << 16;
    store::database db(around.make_ring(header), around, {.kept_replies = 3});
    const auto one = pack(1);
    db.open_session(7, 0);
    for (std::uint64_t i = 1; i != 4; ++i)
        BOOST_TEST(db.increment(request(7, i), "n", "k", one).made);
    BOOST_TEST((db.increment(request(7, 4), "n", "k", one).error == errc::too_busy));
    BOOST_TEST(db.increment(request(7, 4, 1), "n", "k", one).made);
}

BOOST_AUTO_TEST_CASE(too_large_kept_replies_are_refused_until_acknowledged)
{
    surroundings around;
    journal::ring_header header;
    header.capacity = 1u << 16;
    store::database db(around.make_ring(header), around, {.kept_reply_bytes = 2200});
    const auto large = pack(std::string(900, 'x'));
    db.open_session(7, 0);
    std::uint64_t number = 0;
    std::uint64_t popped = 0;
    for (;;) {
        BOOST_TEST_REQUIRE(db.set({}, "n", "k", large).made);
        const auto done = db.pop(request(7, ++number), "n", "k");
        if (!done.made) {
            BOOST_TEST((done.error == errc::too_busy));
            break;
        }
        BOOST_TEST_REQUIRE(++popped < 10);
    }
    BOOST_TEST(popped == 3u);          // with two it is just below
    BOOST_TEST(db.contains("n", "k")); // it was refused before it did anything
    BOOST_TEST(db.known_sessions().bytes_kept_by(7) >= 2200u);
    BOOST_TEST(db.pop(request(7, number, number - 1), "n", "k").made);
    BOOST_TEST(db.known_sessions().kept_by(7) == 1u);
}

BOOST_AUTO_TEST_CASE(refused_and_idle_requests_keep_nothing)
{
    fixture f;
    const auto text = pack("x");
    f.db->open_session(7, 0);
    f.db->increment(request(7, 1), "n", "k", text);
    f.db->pop(request(7, 2), "n", "k");
    BOOST_TEST(f.db->known_sessions().kept_by(7) == 0u);
}

/// Adding is not done twice, whoever asks again.
BOOST_AUTO_TEST_CASE(addition_that_is_asked_for_again_is_not_repeated)
{
    fixture f;
    const auto one = pack(1), text = pack("x");
    const std::vector<store::addition> sums{{"k", one}};
    const auto add = [&](const author& by) { return f.db->commit(by, "n", {}, {}, {}, sums); };
    f.db->open_session(7, 0);
    BOOST_TEST(add(request(7, 1)).made);
    BOOST_TEST(add(request(7, 1)).repeated);
    f.db->publish();
    f.restart();
    BOOST_TEST(add(request(7, 1)).repeated);
    BOOST_TEST(unpack(*f.db->get("n", "k").value) == value(1));
    BOOST_TEST(f.db->set(request(7, 2), "n", "k", text).made);
    BOOST_TEST((add(request(7, 3)).error == errc::conflict));
    BOOST_TEST(f.db->set(request(7, 4), "n", "k", one).made);
    auto late = request(7, 3);
    late.passed = f.db->known_sessions().latest(7);
    BOOST_TEST((add(late).error == errc::conflict)); // it had its turn
    BOOST_TEST(unpack(*f.db->get("n", "k").value) == value(1));
}

/// A client sent: erase what is absent, set it. The set was applied, both replies were lost.
BOOST_AUTO_TEST_CASE(request_that_changed_nothing_is_not_tried_again_after_later_ones)
{
    fixture f;
    const auto one = pack(1), two = pack(2);
    const std::string_view keys[] = {"k"};
    f.db->open_session(7, 0);
    BOOST_TEST(!f.db->erase(request(7, 1), "n", keys).made);
    BOOST_TEST(
        !f.db->compare_exchange(request(7, 2), "n", "k", bytes_view(one), bytes_view(two)).made);
    BOOST_TEST(f.db->set(request(7, 3), "n", "k", one).made);
    f.db->publish();
    f.restart();
    const auto again = [&](std::uint64_t number) {
        auto by = request(7, number);
        by.passed = f.db->known_sessions().latest(7);
        return by;
    };
    BOOST_TEST((f.db->erase(again(1), "n", keys).error == errc::outcome_unknown));
    BOOST_TEST(
        (f.db->compare_exchange(again(2), "n", "k", bytes_view(one), bytes_view(two)).error ==
         errc::outcome_unknown));
    BOOST_TEST((f.db->commit(again(2), "n", {}, {}, {}).error == errc::conflict));
    BOOST_TEST(f.db->set(again(3), "n", "k", one).repeated);
    BOOST_TEST(unpack(*f.db->get("n", "k").value) == value(1));
    // What is new goes on.
    BOOST_TEST(f.db->erase(again(4), "n", keys).made);
}

BOOST_AUTO_TEST_CASE(successor_knows_sessions_and_their_replies)
{
    fixture f;
    const auto one = pack(1);
    f.db->open_session(7, 0);
    f.db->open_session(8, 0);
    f.db->open_session(9, 0);
    f.db->increment(request(7, 1), "n", "k", one);
    f.db->increment(request(7, 2), "n", "k", one);
    f.db->increment(request(7, 3, 1), "n", "k", one);
    f.db->increment(request(9, 1), "n", "k", one);
    f.db->close_session(9, 0);
    f.db->publish();
    f.restart();
    BOOST_TEST_REQUIRE(f.db != nullptr);
    BOOST_TEST(f.db->knows_session(7));
    BOOST_TEST(f.db->knows_session(8)); // never asked for anything
    BOOST_TEST(!f.db->knows_session(9));
    BOOST_TEST(f.db->known_sessions().kept_by(7) == 2u);
    BOOST_TEST(f.db->increment(request(7, 3, 1), "n", "k", one).repeated);
    BOOST_TEST(result_of(f.db->increment(request(7, 2), "n", "k", one)) == 2);
    BOOST_TEST((f.db->increment(request(7, 1), "n", "k", one).error == errc::outcome_unknown));
    BOOST_TEST(f.db->increment(request(8, 1), "n", "k", one).made);
}

BOOST_AUTO_TEST_CASE(successor_knows_who_a_session_is_after_many_laps)
{
    fixture f(1u << 13);
    f.around.largest = 1u << 13;
    f.restart();
    const store::peer eater{4711, "eater"};
    f.db->open_session(7, 0, eater);
    f.db->open_session(8, 0);
    f.db->open_session(9, 0, {4712, "baker"});
    BOOST_TEST((f.db->find_peer(7) == eater));
    const auto one = pack(1);
    for (int i = 0; i != 2000; ++i)
        BOOST_TEST_REQUIRE(f.db->set({}, "other", "k", one).made);
    f.db->open_session(7, 0, {1, "somebody else"}); // it is open
    BOOST_TEST((f.db->find_peer(7) == eater));
    f.db->close_session(9, 0);
    f.db->publish();
    f.restart();
    BOOST_TEST((f.db->find_peer(7) == eater));
    BOOST_TEST((f.db->find_peer(8) == store::peer()));
    BOOST_TEST(!f.db->find_peer(9).has_value());
    BOOST_TEST(!f.db->find_peer(10).has_value());
}

BOOST_AUTO_TEST_CASE(successor_knows_since_when_a_session_is_away)
{
    fixture f(1u << 13);
    f.db->open_session(7, 1, {4711, "eater"});
    f.db->open_session(8, 1, {4712, "baker"});
    for (const std::uint64_t id : {7, 8})
        BOOST_TEST(!f.db->mark_session(id, 100, 100).failed());
    BOOST_TEST(!f.db->mark_session(8, 0, 120).failed()); // it is back
    BOOST_TEST(!f.db->mark_session(9, 130, 130).failed());
    BOOST_TEST(!f.db->find_peer(9).has_value(), "nobody opened that one");
    const auto written = f.db->ring().written();
    BOOST_TEST(!f.db->mark_session(8, 0, 140).failed());
    BOOST_TEST(f.db->ring().written() == written, "nothing new");
    f.db->publish();
    f.restart();
    BOOST_TEST((f.db->find_peer(7) == store::peer{4711, "eater", 100}));
    BOOST_TEST((f.db->find_peer(8) == store::peer{4712, "baker", 0}));
}

BOOST_AUTO_TEST_CASE(peer_is_decoded_as_encoded_and_nothing_else_is)
{
    std::vector<std::byte> bytes;
    store::encode_peer({0xffff'ffff, "a name", 5}, bytes);
    BOOST_TEST((store::decode_peer(bytes) == store::peer{0xffff'ffff, "a name", 5}));
    for (std::size_t size = 0; size != bytes.size(); ++size)
        BOOST_TEST(!store::decode_peer(bytes_view(bytes).first(size)).has_value());
    const auto more = pack(list_of(1, "x", 2, 3)), large = pack(list_of(1ull << 32, "x", 0)),
               null = pack(value());
    for (const auto& other : {more, large, null})
        BOOST_TEST(!store::decode_peer(other).has_value());
}

BOOST_AUTO_TEST_CASE(kept_reply_survives_many_laps_and_a_successor)
{
    fixture f(1u << 13);
    f.around.largest = 1u << 13;
    f.restart();
    const auto one = pack(1);
    f.db->open_session(7, 0);
    f.db->increment(request(7, 1), "n", "k", one);
    for (int i = 0; i != 2000; ++i)
        BOOST_TEST_REQUIRE(f.db->set({}, "other", "k", one).made);
    BOOST_TEST(result_of(f.db->increment(request(7, 1), "n", "k", one)) == 1);
    f.db->publish();
    f.restart();
    const auto again = f.db->increment(request(7, 1), "n", "k", one);
    BOOST_TEST(again.repeated);
    BOOST_TEST(result_of(again) == 1);
    BOOST_TEST(f.db->revision("n") == 1u);
    BOOST_TEST(f.db->revision("other") == 2000u);
}

BOOST_AUTO_TEST_CASE(kept_reply_is_decoded_as_encoded)
{
    const auto text = pack("result");
    std::vector<std::byte> bytes;
    store::encode_kept_reply({90, 1234567, bytes_view(text)}, 100, bytes);
    const auto reply = store::decode_kept_reply(bytes, 100);
    BOOST_TEST_REQUIRE(reply.has_value());
    BOOST_TEST(reply->acknowledged == 90u);
    BOOST_TEST(reply->revision == 1234567u);
    BOOST_TEST(unpack(*reply->result) == value("result"));
    BOOST_TEST(!store::decode_kept_reply(bytes_view(bytes).first(1), 100).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
