#include "client/watch_fsm.hpp"

#include "journal/encode.hpp"
#include "value/msgpack.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <list>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace zproc;
using client::watch_fsm;

struct edit {
    std::string key;
    std::optional<value> before, after;
};

/// Records as a reader would hand them over; alive as long as the fixture.
struct fixture {
    std::list<std::vector<std::uint64_t>> records;
    std::map<journal::position, bytes> elsewhere;
    event next;

    journal::record_view record(std::uint64_t revision, const std::vector<edit>& edits,
                                origin by = {1, 1})
    {
        std::list<bytes> encoded;
        const auto in_words = [&](const value& v) -> std::span<const std::byte> {
            encoded.emplace_back();
            BOOST_REQUIRE(!msgpack::encode(v, encoded.back()));
            return encoded.back();
        };
        std::vector<journal::change_draft> changes;
        for (const auto& each : edits) {
            journal::change_draft c;
            c.key = each.key;
            if (each.before)
                c.before = in_words(*each.before);
            if (each.after)
                c.after = in_words(*each.after);
            if (c.before && c.before->size() > 1024) {
                c.before_at = 8 * (elsewhere.size() + 1);
                elsewhere[c.before_at] = encoded.back();
                if (each.after)
                    elsewhere[c.before_at] = bytes(c.before->begin(), c.before->end());
            }
            c.identical = each.before && each.after && *each.before == *each.after;
            changes.push_back(c);
        }
        journal::transaction t;
        t.name_space = "default";
        t.revision = revision;
        t.time = static_cast<std::int64_t>(revision) * 10;
        t.by = {by.session, by.handle};
        t.changes = changes;
        auto& words = records.emplace_back();
        std::vector<journal::value_place> places;
        journal::encode(t, words, places);
        journal::set_commit(words, revision);
        journal::seal(words, 0);
        journal::record_view view;
        BOOST_REQUIRE(
            journal::decode(std::as_bytes(std::span(words)), 0, journal::checksum::verified, view));
        return view;
    }

    watch_fsm::fetch fetch()
    {
        return [this](journal::value_place place, std::vector<std::byte>& out) {
            const auto found = elsewhere.find(place.at);
            if (found == elsewhere.end())
                return false;
            out = found->second;
            return true;
        };
    }

    std::optional<event> feed(watch_fsm& w, const journal::record_view& record)
    {
        // What yielded nothing is used again.
        if (!w.feed(record, fetch(), next))
            return std::nullopt;
        return std::exchange(next, event{});
    }

    std::optional<event> feed(watch_fsm& w, std::uint64_t revision, const std::vector<edit>& edits,
                              origin by = {1, 1})
    {
        return feed(w, record(revision, edits, by));
    }
};

constexpr origin mine{7, 3};

watch_fsm changes_of(std::vector<std::string> keys, watch_options options = {})
{
    detail::watch_condition c;
    c.keys = std::move(keys);
    watch_fsm w(std::move(c), options, mine.handle);
    w.set_session(mine.session);
    w.begin(0, {}, false, 0, 0);
    return w;
}

watch_fsm at_least(int limit, watch_options options = {})
{
    detail::watch_condition c;
    c.what = detail::watch_condition::kind::key;
    c.keys = {"n"};
    c.key_predicate = [limit](const value& v) { return v.get<int>() >= limit; };
    return watch_fsm(std::move(c), options, mine.handle);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(watch_fsm_suite, fixture)

BOOST_AUTO_TEST_CASE(feed_yields_an_event_with_what_was_and_is)
{
    auto w = changes_of({"a"});
    const auto e = feed(w, 1, {{"a", 1, 2}}, {5, 6});
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(e->revision == 1u);
    BOOST_TEST((e->origin == origin{5, 6}));
    BOOST_TEST((e->kind == event_kind::change));
    BOOST_TEST(e->time.time_since_epoch().count() == 10);
    BOOST_REQUIRE(e->changes.size() == 1u);
    BOOST_TEST((e->changes[0].before == value(1)));
    BOOST_TEST((e->changes[0].after == value(2)));
    BOOST_TEST(w.revision() == 1u);
}

BOOST_AUTO_TEST_CASE(feed_shows_an_erased_key_without_a_value)
{
    auto w = changes_of({});
    const auto e = feed(w, 1, {{"a", 1, std::nullopt}});
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(!e->changes[0].after.has_value());
}

BOOST_AUTO_TEST_CASE(feed_fetches_a_large_value_before_from_the_ring_while_it_is_there)
{
    const std::string large(2000, 'x');
    auto w = changes_of({});
    auto e = feed(w, 1, {{"a", large, 2}});
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST((e->changes[0].before == value(large)));
    const auto second = record(2, {{"a", large, 2}});
    elsewhere.clear();
    e = feed(w, second);
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(!e->changes[0].before.has_value());
}

struct filter_row {
    const char* name;
    std::vector<std::string> watched;
    watch_options options;
    origin by;
    std::vector<edit> edits;
    std::vector<std::string> seen; ///< empty: no event
};

BOOST_AUTO_TEST_CASE(feed_filters_by_key_origin_and_identity)
{
    const std::vector<filter_row> rows{
        {"named key", {"a"}, {}, {1, 1}, {{"a", {}, 1}}, {"a"}},
        {"other key", {"a"}, {}, {1, 1}, {{"b", {}, 1}}, {}},
        {"only the named of many", {"a", "c"}, {}, {1, 1}, {{"a", {}, 1}, {"b", {}, 1}}, {"a"}},
        {"any key", {}, {}, {1, 1}, {{"a", {}, 1}, {"b", {}, 1}}, {"a", "b"}},
        {"excluded", {"a"}, {.exclude = true}, {1, 1}, {{"a", {}, 1}}, {}},
        {"not excluded", {"a"}, {.exclude = true}, {1, 1}, {{"a", {}, 1}, {"b", {}, 1}}, {"b"}},
        {"own", {}, {}, mine, {{"a", {}, 1}}, {}},
        {"own, asked for", {}, {.own = true}, mine, {{"a", {}, 1}}, {"a"}},
        {"same session, other handle", {}, {}, {7, 4}, {{"a", {}, 1}}, {"a"}},
        {"identical", {}, {}, {1, 1}, {{"a", 1, 1}}, {}},
        {"identical, asked for", {}, {.identical = true}, {1, 1}, {{"a", 1, 1}}, {"a"}},
        {"identical beside a change", {}, {}, {1, 1}, {{"a", 1, 1}, {"b", 1, 2}}, {"b"}},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            auto w = changes_of(row.watched, row.options);
            const auto e = feed(w, 1, row.edits, row.by);
            std::vector<std::string> seen;
            if (e)
                for (const auto& c : e->changes)
                    seen.push_back(c.key);
            BOOST_TEST(seen == row.seen, boost::test_tools::per_element());
            BOOST_TEST(w.revision() == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(feed_yields_nothing_for_what_was_seen)
{
    auto w = changes_of({});
    BOOST_TEST(feed(w, 1, {{"a", {}, 1}}).has_value());
    BOOST_TEST(!feed(w, 1, {{"a", {}, 1}}).has_value());
    BOOST_TEST(feed(w, 2, {{"a", 1, 2}}).has_value());
}

BOOST_AUTO_TEST_CASE(gap_before_tells_missing_revisions)
{
    auto w = changes_of({});
    feed(w, 1, {{"a", {}, 1}});
    BOOST_TEST(!w.gap_before(1));
    BOOST_TEST(!w.gap_before(2));
    BOOST_TEST(w.gap_before(3));
}

BOOST_AUTO_TEST_CASE(resume_says_how_many_were_missed_and_goes_on)
{
    auto w = changes_of({});
    feed(w, 1, {{"a", {}, 1}});
    const auto e = *w.resume(5, 50, dict::of("a", 4));
    BOOST_TEST((e.kind == event_kind::resync));
    BOOST_TEST(e.missed == 4u);
    BOOST_TEST(e.revision == 5u);
    BOOST_REQUIRE(e.changes.size() == 1u);
    BOOST_TEST((e.changes[0].after == value(4)));
    BOOST_TEST(w.missed() == 4u);
    BOOST_TEST(feed(w, 6, {{"a", 4, 5}}).has_value());
}

BOOST_AUTO_TEST_CASE(skip_to_passes_what_is_not_wanted_and_does_not_miss_it)
{
    auto w = changes_of({});
    w.skip_to(5);
    BOOST_TEST(!feed(w, 1, {{"a", {}, 1}}));
    BOOST_TEST(w.revision() == 1u);
    BOOST_TEST(!w.resume(4, 0, dict::of("a", 4)));
    BOOST_TEST(!feed(w, 5, {{"a", 4, 5}}));
    BOOST_TEST(w.missed() == 0u);
    BOOST_TEST(feed(w, 6, {{"a", 5, 6}}).has_value());
    w.skip_to(8);
    const auto e = w.resume(10, 0, dict::of("a", 10));
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(e->missed == 2u);
    BOOST_TEST(w.missed() == 2u);
}

BOOST_AUTO_TEST_CASE(skip_to_does_not_make_a_condition_forget)
{
    auto w = at_least(5, {.edge = true});
    w.begin(0, dict::of("n", 1), true, 0, 0);
    w.skip_to(2);
    BOOST_TEST(!feed(w, 1, {{"n", 1, 6}}));
    BOOST_TEST(!feed(w, 2, {{"n", 6, 7}}));
    BOOST_TEST(!feed(w, 3, {{"n", 7, 8}})); // it is still true
    BOOST_TEST(!feed(w, 4, {{"n", 8, 1}}));
    BOOST_TEST(feed(w, 5, {{"n", 1, 9}}).has_value());
}

BOOST_AUTO_TEST_CASE(finished_counts_delivered_events_but_no_resync)
{
    auto w = changes_of({}, {.count = 2});
    auto e = feed(w, 1, {{"a", {}, 1}});
    BOOST_TEST(!w.finished());
    w.delivered(*e);
    w.delivered(*w.resume(4, 0, {}));
    BOOST_TEST(!w.finished());
    w.delivered(*feed(w, 5, {{"a", {}, 1}}));
    BOOST_TEST(w.finished());
}

BOOST_AUTO_TEST_CASE(not_delivered_takes_back_what_was_counted)
{
    auto w = changes_of({}, {.count = 1});
    const auto e = feed(w, 1, {{"a", 1, 2}});
    w.delivered(*e);
    BOOST_TEST(w.finished());
    w.not_delivered(*e);
    BOOST_TEST(!w.finished());
    const auto gap = *w.resume(5, 0, {});
    w.delivered(gap);
    w.not_delivered(gap);
    w.delivered(*e);
    BOOST_TEST(w.finished());
}

BOOST_AUTO_TEST_CASE(begin_yields_a_condition_that_holds_already)
{
    auto w = at_least(3);
    const auto e = w.begin(9, dict::of("n", 5), true, 0, 77);
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(e->time.time_since_epoch().count() == 77);
    BOOST_TEST((e->kind == event_kind::present));
    BOOST_TEST(e->revision == 9u);
    BOOST_TEST((e->changes.at(0).after == value(5)));
}

BOOST_AUTO_TEST_CASE(begin_yields_nothing_for_a_missing_key_or_a_throwing_predicate)
{
    auto w = at_least(0);
    BOOST_TEST(!w.begin(9, {}, true, 0, 0).has_value());
    auto v = at_least(0);
    BOOST_TEST(!v.begin(9, dict::of("n", "no number"), true, 0, 0).has_value());
}

BOOST_AUTO_TEST_CASE(feed_yields_every_change_that_leaves_a_condition_true)
{
    auto w = at_least(3);
    BOOST_TEST(!w.begin(0, dict::of("n", 1), true, 0, 0).has_value());
    BOOST_TEST(!feed(w, 1, {{"n", 1, 2}}).has_value());
    BOOST_TEST(feed(w, 2, {{"n", 2, 3}}).has_value());
    BOOST_TEST(feed(w, 3, {{"n", 3, 4}}).has_value());
    BOOST_TEST(!feed(w, 4, {{"other", {}, 4}}).has_value());
    BOOST_TEST(!feed(w, 5, {{"n", 4, {}}}).has_value());
    BOOST_TEST(feed(w, 6, {{"n", {}, 3}}, mine).has_value()); // conditions see own changes
}

BOOST_AUTO_TEST_CASE(feed_yields_only_false_to_true_of_an_edge)
{
    auto w = at_least(3, {.edge = true});
    BOOST_TEST(!w.begin(0, dict::of("n", 5), true, 0, 0).has_value());
    BOOST_TEST(!feed(w, 1, {{"n", 5, 6}}).has_value());
    BOOST_TEST(!feed(w, 2, {{"n", 6, 0}}).has_value());
    BOOST_TEST(feed(w, 3, {{"n", 0, 3}}).has_value());
    BOOST_TEST(!feed(w, 4, {{"n", 3, 4}}).has_value());
}

BOOST_AUTO_TEST_CASE(resume_tests_an_edge_against_what_is_there_now)
{
    auto w = at_least(3, {.edge = true});
    w.begin(0, dict::of("n", 0), true, 0, 0);
    w.resume(4, 0, dict::of("n", 9));
    BOOST_TEST(!feed(w, 5, {{"n", 9, 10}}).has_value());
}

BOOST_AUTO_TEST_CASE(feed_tests_a_condition_over_the_whole_namespace)
{
    detail::watch_condition c;
    c.what = detail::watch_condition::kind::whole;
    c.whole_predicate = [](const dict& d) { return d["a"].get<int>() + d["b"].get<int>() == 10; };
    watch_fsm w(std::move(c), {}, 1);
    BOOST_TEST(w.wants_everything());
    BOOST_TEST(!w.begin(0, dict::of("a", 4), true, 0, 0).has_value());
    BOOST_TEST(feed(w, 1, {{"b", {}, 6}}).has_value());
    BOOST_TEST(!feed(w, 2, {{"b", 6, {}}}).has_value());
}

// Records are stamped with ten times their revision.

BOOST_AUTO_TEST_CASE(ripen_yields_what_has_held_for_so_long_once)
{
    auto w = at_least(3, {.held_for = std::chrono::nanoseconds(100)});
    BOOST_TEST(!w.begin(0, dict::of("n", 1), true, 0, 0).has_value());
    BOOST_TEST(!w.due().has_value());
    BOOST_TEST(!feed(w, 1, {{"n", 1, 3}}).has_value());
    BOOST_TEST(w.due().value() == 110);
    BOOST_TEST(!w.ripen(109).has_value());
    const auto e = w.ripen(110);
    BOOST_REQUIRE(e.has_value());
    BOOST_TEST(e->revision == 1u);
    BOOST_TEST((e->changes.at(0).after == value(3)));
    BOOST_TEST(!w.ripen(1000).has_value());
    BOOST_TEST(!feed(w, 200, {{"n", 3, 4}}).has_value());
}

BOOST_AUTO_TEST_CASE(ripen_yields_nothing_that_was_broken_off)
{
    auto w = at_least(3, {.held_for = std::chrono::nanoseconds(100)});
    w.begin(0, dict::of("n", 1), true, 0, 0);
    feed(w, 1, {{"n", 1, 3}});
    BOOST_TEST(!feed(w, 10, {{"n", 3, 2}}).has_value());
    BOOST_TEST(!w.due().has_value());
    BOOST_TEST(!feed(w, 11, {{"n", 2, 5}}).has_value());
    BOOST_TEST(w.due().value() == 210);
}

BOOST_AUTO_TEST_CASE(feed_yields_what_had_held_when_a_later_record_tells_of_it)
{
    auto w = at_least(3, {.held_for = std::chrono::nanoseconds(100)});
    w.begin(0, dict::of("n", 1), true, 0, 0);
    feed(w, 1, {{"n", 1, 3}});
    const auto broken = feed(w, 11, {{"n", 3, 0}});
    BOOST_REQUIRE(broken.has_value());
    BOOST_TEST(broken->revision == 1u);
    feed(w, 12, {{"n", 0, 3}});
    const auto kept = feed(w, 30, {{"n", 3, 7}});
    BOOST_REQUIRE(kept.has_value());
    BOOST_TEST(kept->revision == 12u);
    BOOST_TEST(!w.due().has_value());
}

BOOST_AUTO_TEST_CASE(begin_counts_what_holds_already_from_then)
{
    auto w = at_least(3, {.held_for = std::chrono::nanoseconds(100)});
    BOOST_TEST(!w.begin(9, dict::of("n", 5), true, 1000, 1000).has_value());
    BOOST_TEST(w.due().value() == 1100);
    BOOST_TEST((w.ripen(1100)->kind == event_kind::present));

    auto edge = at_least(3, {.edge = true, .held_for = std::chrono::nanoseconds(100)});
    edge.begin(9, dict::of("n", 5), true, 1000, 1000);
    BOOST_TEST(!edge.due().has_value());
}

BOOST_AUTO_TEST_CASE(resume_counts_what_holds_then_anew)
{
    auto w = at_least(3, {.held_for = std::chrono::nanoseconds(100)});
    w.begin(0, dict::of("n", 3), true, 0, 0);
    w.resume(4, 40, dict::of("n", 9));
    BOOST_TEST(w.due().value() == 140);
    w.resume(8, 80, dict::of("n", 0));
    BOOST_TEST(!w.due().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
