#include "swarm/scheduler.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

using namespace zproc::swarming;
using namespace std::chrono_literals;

namespace {

/// A scheduler with some workers, and a clock that stands still unless told.
struct scheduled {
    scheduler s;
    duration time{};

    explicit scheduled(unsigned workers, bool shows_items = true)
    {
        for (worker_id id = 1; id <= workers; ++id)
            s.worker_up(id, shows_items);
    }

    job_id add(std::uint64_t total, job_rules rules = {})
    {
        rules.total = total;
        return s.add_job(rules);
    }

    /// The next chunk, out of an input of so many items.
    std::optional<chunk> next(std::uint64_t total)
    {
        const auto offered = s.next();
        if (!offered)
            return std::nullopt;
        std::size_t count = offered->most;
        if (!offered->again) {
            const auto left = total - s.taken(offered->job);
            count = std::min<std::uint64_t>(count, left);
            if (count == left)
                s.input_ended(offered->job);
            if (count == 0)
                return std::nullopt;
        }
        return s.assign(*offered, count, time);
    }

    scheduler::finish finish(const chunk& c, duration each = 1us,
                             std::vector<std::uint32_t> failures = {})
    {
        const auto told = s.finished(c.worker, c.id, c.count, failures, each * c.count, time);
        BOOST_REQUIRE(told.has_value());
        return *told;
    }
};

job_rules chunked(std::size_t items)
{
    job_rules rules;
    rules.chunk = items;
    return rules;
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_scheduler)

BOOST_AUTO_TEST_CASE(next_gives_one_item_to_each_while_the_cost_is_unknown)
{
    scheduled w(2);
    w.add(100);
    const auto first = w.next(100);
    const auto second = w.next(100);
    BOOST_REQUIRE((first && second));
    BOOST_TEST(first->count == 1u);
    BOOST_TEST(second->count == 1u);
    BOOST_TEST(first->worker != second->worker);
    BOOST_TEST(!w.next(100).has_value());
}

BOOST_AUTO_TEST_CASE(next_grows_chunks_by_what_was_measured_and_shrinks_them_at_the_end)
{
    scheduled w(1);
    const std::uint64_t total = 10'000'000;
    w.add(total);
    std::uint64_t done = 0;
    std::size_t largest = 0;
    std::size_t last = 0;
    for (int i = 0; done != total; ++i) {
        BOOST_REQUIRE(i < 1000);
        const auto c = w.next(total);
        BOOST_REQUIRE(c.has_value());
        BOOST_TEST(c->first == done);
        BOOST_TEST(c->count <= 32 * std::max<std::size_t>(largest, 1));
        largest = std::max<std::size_t>(largest, c->count);
        last = c->count;
        done += c->count;
        w.finish(*c, 10ns);
    }
    BOOST_TEST(largest == 400'000u); // four milliseconds
    BOOST_TEST(last <= 25'000u);     // a quarter of one
    BOOST_TEST(w.s.is_settled(1));
}

BOOST_AUTO_TEST_CASE(next_gives_a_second_chunk_only_while_chunks_are_short)
{
    scheduled w(1);
    w.add(100);
    w.finish(*w.next(100), 1ms);
    BOOST_REQUIRE(w.next(100).has_value());
    const auto second = w.next(100);
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(!w.next(100).has_value());

    scheduled slow(1);
    slow.add(100);
    slow.finish(*slow.next(100), 1s);
    BOOST_REQUIRE(slow.next(100).has_value());
    BOOST_TEST(!slow.next(100).has_value());
}

BOOST_AUTO_TEST_CASE(next_keeps_a_stream_within_its_window)
{
    scheduled w(4);
    job_rules rules = chunked(2);
    rules.stream = true;
    rules.in_flight = 5;
    const auto job = w.s.add_job(rules);
    std::vector<chunk> held;
    std::size_t items = 0;
    while (const auto c = w.next(1000)) {
        held.push_back(*c);
        items += c->count;
    }
    BOOST_TEST(items == 5u);
    for (const auto& each : held)
        w.finish(each);
    BOOST_TEST(!w.next(1000).has_value());
    w.s.consumed(job, 1);
    const auto c = w.next(1000);
    BOOST_REQUIRE(c.has_value());
    BOOST_TEST(c->count == 1u);
}

BOOST_AUTO_TEST_CASE(next_serves_two_jobs_by_the_time_they_have_had)
{
    scheduled w(1);
    const auto slow = w.add(1'000'000, chunked(1));
    const auto quick = w.add(1'000'000, chunked(1));
    duration of_slow{};
    duration of_quick{};
    for (int i = 0; i != 4000; ++i) {
        const auto c = w.next(1'000'000);
        BOOST_REQUIRE(c.has_value());
        const auto cost = c->job == slow ? duration(10ms) : duration(1ms);
        (c->job == slow ? of_slow : of_quick) += cost;
        w.finish(*c, cost);
    }
    BOOST_TEST(w.s.has_job(quick));
    BOOST_TEST(std::abs(of_slow.count() - of_quick.count()) <= duration(20ms).count());
}

BOOST_AUTO_TEST_CASE(next_lets_a_new_job_in_where_workers_hold_chunks_of_another)
{
    scheduled w(1);
    w.add(1'000'000, chunked(1));
    w.finish(*w.next(1'000'000), 1ms);
    auto held = *w.next(1'000'000);
    auto behind = *w.next(1'000'000);
    const auto late = w.add(1, chunked(1));
    w.finish(held, 1ms);
    BOOST_TEST(!w.next(1'000'000).has_value()); // its cost is not known: it waits for a free worker
    w.finish(behind, 1ms);
    const auto c = w.next(1);
    BOOST_REQUIRE(c.has_value());
    BOOST_TEST(c->job == late);
}

BOOST_AUTO_TEST_CASE(worker_gone_puts_the_chunk_back_around_the_item_it_was_at)
{
    scheduled w(1);
    const auto job = w.add(10, chunked(10));
    const auto c = w.next(10);
    BOOST_TEST(w.s.worker_gone(1, last_sign{c->id, 4}).empty());
    w.s.worker_up(2);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> again;
    while (const auto piece = w.next(10)) {
        again.emplace_back(piece->first, piece->count);
        w.finish(*piece);
    }
    const std::vector<std::pair<std::uint64_t, std::uint32_t>> expected{{0, 4}, {4, 1}, {5, 5}};
    BOOST_TEST((again == expected));
    BOOST_TEST(w.s.is_settled(job));
}

BOOST_AUTO_TEST_CASE(worker_gone_halves_the_chunk_when_nothing_shows_the_item)
{
    scheduled w(1, false);
    w.add(8, chunked(8));
    w.next(8);
    BOOST_TEST(w.s.worker_gone(1, std::nullopt).empty());
    w.s.worker_up(2, false);
    const auto half = w.next(8);
    BOOST_REQUIRE(half.has_value());
    BOOST_TEST(half->first == 0u);
    BOOST_TEST(half->count == 4u);
}

BOOST_AUTO_TEST_CASE(worker_gone_does_not_blame_items_that_were_not_begun)
{
    scheduled w(1);
    job_rules rules = chunked(1);
    rules.retries = 0;
    w.add(2, rules);
    const auto c = w.next(2);
    BOOST_TEST(w.s.worker_gone(1, last_sign{c->id + 7, 0}).empty());
    w.s.worker_up(2);
    const auto again = w.next(2);
    BOOST_REQUIRE(again.has_value());
    BOOST_TEST(again->first == 0u);
}

BOOST_AUTO_TEST_CASE(worker_gone_blames_the_item_that_is_told_at_the_end)
{
    scheduled w(1, false);
    job_rules rules = chunked(8);
    rules.retries = 0;
    w.add(8, rules);
    const auto c = w.next(8);
    const auto told = w.s.worker_gone(1, last_sign{c->id, 5});
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].item == 5u);

    scheduled idle(1, false); // it had not come to the only item of its chunk
    rules.chunk = 1;
    idle.add(1, rules);
    idle.next(1);
    BOOST_TEST(idle.s.worker_gone(1, last_sign{}).empty());
    idle.s.worker_up(2, false);
    BOOST_TEST(idle.next(1).has_value());
}

BOOST_AUTO_TEST_CASE(worker_gone_blames_what_kills_workers_before_they_begin_it)
{
    // A chunk is halved until the item is alone.
    scheduled w(1, false);
    job_rules rules = chunked(4);
    rules.retries = 0;
    const auto job = w.add(4, rules);
    worker_id id = 1;
    std::vector<verdict> told;
    for (unsigned deaths = 0; told.empty(); ++deaths) {
        BOOST_REQUIRE(deaths < 100u);
        const auto c = w.next(4);
        BOOST_REQUIRE(c.has_value());
        if (c->first <= 2 && 2 < c->first + c->count)
            told = w.s.worker_gone(id, last_sign{});
        else
            w.finish(*c);
        if (!w.s.has_worker(id))
            w.s.worker_up(++id, false);
    }
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].item == 2u);
    while (const auto c = w.next(4))
        w.finish(*c);
    BOOST_TEST(w.s.is_settled(job));
}

BOOST_AUTO_TEST_CASE(worker_gone_settles_an_overdue_item_that_was_not_begun)
{
    scheduled w(1, false);
    job_rules rules = chunked(1);
    rules.deadline = 100ms;
    const auto job = w.add(1, rules);
    w.next(1);
    BOOST_REQUIRE((w.s.overdue(200ms) == std::vector<worker_id>{1}));
    const auto told = w.s.worker_gone(1, last_sign{});
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].overdue);
    BOOST_TEST(w.s.is_settled(job));
}

BOOST_AUTO_TEST_CASE(refused_chunks_are_halved_and_an_item_alone_is_settled)
{
    scheduled w(1, false);
    const auto job = w.add(4, chunked(4));
    std::vector<std::uint64_t> settled;
    for (int round = 0; !w.s.is_settled(job); ++round) {
        BOOST_REQUIRE(round < 20);
        const auto c = w.next(4);
        BOOST_REQUIRE(c.has_value());
        if (c->first <= 1 && 1 < c->first + c->count) {
            if (const auto v = w.s.refused(1, c->id))
                settled.push_back(v->item);
            BOOST_TEST(w.s.held(1) == 0u);
        } else {
            w.finish(*c);
        }
    }
    BOOST_TEST(settled == std::vector<std::uint64_t>{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(worker_gone_blames_nobody_when_its_machine_is_lost)
{
    for (const bool shows_items : {false, true}) {
        scheduled w(1, shows_items);
        job_rules rules = chunked(1);
        rules.retries = rules.kill_retries = 0;
        const auto job = w.add(1, rules);
        for (worker_id id = 1; id != 30; ++id) {
            const auto c = w.next(1);
            BOOST_REQUIRE(c.has_value());
            BOOST_TEST(w.s.worker_gone(id, std::nullopt, scheduler::death::lost).empty());
            w.s.worker_up(id + 1, shows_items);
        }
        w.finish(*w.next(1));
        BOOST_TEST(w.s.is_settled(job));
    }
}

BOOST_AUTO_TEST_CASE(worker_gone_settles_an_item_after_its_retries)
{
    scheduled w(0);
    const auto job = w.add(3, chunked(3));
    std::vector<verdict> told;
    int deaths = 0;
    for (worker_id id = 1; !w.s.is_settled(job); ++id) {
        BOOST_REQUIRE(id < 20u);
        w.s.worker_up(id);
        while (const auto c = w.next(3)) {
            if (c->first <= 1 && 1 < c->first + c->count) { // item 1 kills
                ++deaths;
                told = w.s.worker_gone(id, last_sign{c->id, std::uint32_t(1 - c->first)});
                break;
            }
            w.finish(*c);
        }
    }
    BOOST_TEST(deaths == 3); // two retries
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].item == 1u);
    BOOST_TEST(!told[0].overdue);
}

BOOST_AUTO_TEST_CASE(worker_gone_tries_an_item_more_often_when_somebody_killed_its_worker)
{
    scheduled w(0);
    w.add(1, chunked(1));
    std::vector<verdict> told;
    worker_id deaths = 0;
    while (told.empty()) {
        BOOST_REQUIRE(deaths < 20u);
        w.s.worker_up(++deaths);
        const auto c = w.next(1);
        told = w.s.worker_gone(deaths, last_sign{c->id, 0}, scheduler::death::killed);
    }
    BOOST_TEST(deaths == 9u); // eight retries
}

BOOST_AUTO_TEST_CASE(finished_refuses_what_cannot_be)
{
    scheduled w(1);
    w.add(10, chunked(5));
    const auto c = w.next(10);
    const std::vector<std::uint32_t> none;
    const std::vector<std::uint32_t> outside{5};
    const std::vector<std::uint32_t> twice{1, 1};
    BOOST_TEST(!w.s.finished(2, c->id, 5, none, 1us, 0s).has_value());
    BOOST_TEST(!w.s.finished(1, c->id + 1, 5, none, 1us, 0s).has_value());
    BOOST_TEST(!w.s.finished(1, c->id, 6, none, 1us, 0s).has_value());
    BOOST_TEST(!w.s.finished(1, c->id, 5, outside, 1us, 0s).has_value());
    BOOST_TEST(!w.s.finished(1, c->id, 5, twice, 1us, 0s).has_value());
    BOOST_TEST(w.s.finished(1, c->id, 5, none, 1us, 0s).has_value());
}

BOOST_AUTO_TEST_CASE(finished_gives_failed_items_again_as_often_as_is_allowed)
{
    scheduled w(1);
    job_rules rules = chunked(4);
    rules.exception_retries = 1;
    const auto job = w.add(4, rules);
    auto told = w.finish(*w.next(4), 1us, {2});
    BOOST_TEST(told.failed.empty());
    BOOST_TEST((told.retried == std::vector<std::uint64_t>{2}));
    BOOST_TEST(!w.s.is_settled(job));
    const auto again = w.next(4);
    BOOST_REQUIRE(again.has_value());
    BOOST_TEST(again->first == 2u);
    told = w.finish(*again, 1us, {0});
    BOOST_TEST((told.failed == std::vector<std::uint64_t>{2}));
    BOOST_TEST(w.s.is_settled(job));
}

BOOST_AUTO_TEST_CASE(end_job_orphans_what_is_held_and_leaves_others_alone)
{
    scheduled w(1);
    const auto job = w.add(4, chunked(2));
    const auto c = w.next(4);
    w.s.end_job(job);
    BOOST_REQUIRE(w.s.orphan(1).has_value());
    BOOST_TEST((*w.s.orphan(1) == *c));
    const auto told = w.s.finished(1, c->id, 0, {}, 1us, 0s);
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(!told->wanted);
    BOOST_TEST(w.s.is_idle(1));
}

BOOST_AUTO_TEST_CASE(overdue_names_a_worker_once_and_its_item_gets_no_result)
{
    scheduled w(1);
    job_rules rules = chunked(3);
    rules.deadline = 80ms;
    const auto job = w.add(3, rules);
    const auto c = w.next(3);
    BOOST_TEST((w.s.look_every() == std::optional<duration>(10ms)));
    w.s.progress(1, {c->id, 1}, 70ms);
    BOOST_TEST(w.s.overdue(149ms).empty());
    BOOST_TEST((w.s.overdue(150ms) == std::vector<worker_id>{1}));
    BOOST_TEST(w.s.overdue(151ms).empty());
    const auto told = w.s.worker_gone(1, last_sign{c->id, 1});
    BOOST_REQUIRE(told.size() == 1u);
    BOOST_TEST(told[0].item == 1u);
    BOOST_TEST(told[0].overdue);
    w.s.worker_up(2);
    while (const auto piece = w.next(3))
        w.finish(*piece);
    BOOST_TEST(w.s.is_settled(job));
}

BOOST_AUTO_TEST_CASE(retired_worker_finishes_what_it_holds_and_gets_nothing_more)
{
    scheduled w(1);
    w.add(10, chunked(1));
    const auto c = w.next(10);
    w.s.retire(1);
    w.finish(*c);
    BOOST_TEST(!w.next(10).has_value());
    BOOST_TEST(w.s.is_idle(1));
}

BOOST_AUTO_TEST_CASE(starved_job_gets_nothing_until_it_is_fed)
{
    scheduled w(1);
    const auto job = w.s.add_job({});
    w.s.starve(job);
    BOOST_TEST(!w.s.next().has_value());
    w.s.feed(job);
    BOOST_TEST(w.s.next().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
