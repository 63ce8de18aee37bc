#include "support/linearizability.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace zproc::test;

namespace {

using history = std::vector<key_operation>;
using verdict = judgement::verdict;

constexpr cell nothing;

/// What a process did to key 0 from one time to another.
struct by {
    std::uint32_t process;
    std::int64_t invoked;
    std::int64_t responded;

    key_operation make(action what, cell argument, cell result, cell expected = {}) const
    {
        return {0, process, what, false, argument, expected, result, invoked, responded};
    }
    key_operation reads(cell told) const { return make(action::read, {}, told); }
    key_operation finds(bool there) const { return make(action::contains, {}, there ? 1 : 0); }
    key_operation writes(cell v) const { return make(action::write, v, {}); }
    key_operation erases(bool was) const { return make(action::erase, {}, was ? 1 : 0); }
    key_operation pops(cell told) const { return make(action::pop, {}, told); }
    key_operation defaults(cell v, cell told) const { return make(action::set_default, v, told); }
    key_operation adds(cell v, cell told) const { return make(action::increment, v, told); }
    key_operation adds_unseen(cell v) const { return make(action::add, v, {}); }
    key_operation swaps(cell v, cell told) const { return make(action::exchange, v, told); }
    key_operation exchanges(cell from, cell to, bool told) const
    {
        return make(action::compare_exchange, to, told ? 1 : 0, from);
    }
};

key_operation unknown(key_operation o, std::int64_t not_after = never)
{
    o.unknown = true;
    o.result = {};
    o.responded = not_after;
    return o;
}

key_operation of_key(std::uint32_t key, key_operation o)
{
    o.key = key;
    return o;
}

verdict judge(const history& h)
{
    return check_linearizability(h).what;
}

bool mentions(const judgement& j, std::string_view text)
{
    return j.words.find(text) != j.words.npos;
}

} // namespace

BOOST_TEST_DONT_PRINT_LOG_VALUE(zproc::test::judgement::verdict)

BOOST_AUTO_TEST_SUITE(linearizability)

BOOST_AUTO_TEST_CASE(check_accepts_what_happens_one_after_the_other)
{
    const history all{
        by{1, 0, 1}.reads(nothing),
        by{2, 2, 3}.finds(false),
        by{1, 4, 5}.erases(false),
        by{2, 6, 7}.writes(5),
        by{1, 8, 9}.reads(5),
        by{2, 10, 11}.finds(true),
        by{1, 12, 13}.adds(2, 7),
        by{2, 14, 15}.defaults(1, 7),
        by{1, 16, 17}.swaps(8, 7),
        by{2, 18, 19}.exchanges(7, 9, false),
        by{1, 20, 21}.exchanges(8, 9, true),
        by{2, 22, 23}.pops(9),
        by{1, 24, 25}.pops(nothing),
        by{2, 26, 27}.defaults(1, 1),
        by{1, 28, 29}.exchanges(1, nothing, true),
        by{2, 30, 31}.exchanges(nothing, 3, true),
        by{1, 32, 33}.erases(true),
        by{2, 33, 34}.adds_unseen(3),
        by{2, 34, 35}.adds(4, 7),
        by{1, 36, 37}.swaps(nothing, 7),
        by{2, 38, 39}.reads(nothing),
    };
    BOOST_TEST(judge(all) == verdict::linearizable);
    BOOST_TEST(judge({}) == verdict::linearizable);
    // Each answer matters: another one is rejected.
    for (std::size_t i = 0; i != all.size(); ++i) {
        if (all[i].what == action::write || all[i].what == action::add)
            continue;
        BOOST_TEST_CONTEXT(in_words(all[i]))
        {
            auto bad = all;
            bad[i].result = bad[i].result == 100 ? 101 : 100;
            BOOST_TEST(judge(bad) == verdict::violated);
        }
    }
}

BOOST_AUTO_TEST_CASE(check_accepts_any_order_of_what_overlaps)
{
    BOOST_TEST(judge({by{1, 0, 10}.writes(1), by{2, 0, 10}.writes(2), by{3, 11, 12}.reads(1)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({by{1, 0, 10}.writes(1), by{2, 0, 10}.writes(2), by{3, 11, 12}.reads(2)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({by{1, 0, 10}.writes(1), by{2, 1, 2}.reads(1), by{3, 3, 4}.reads(1)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({by{1, 0, 10}.adds(1, 2), by{2, 0, 10}.adds(1, 1), by{3, 5, 6}.reads(1)}) ==
               verdict::linearizable);
}

BOOST_AUTO_TEST_CASE(check_takes_what_touches_in_time_to_overlap)
{
    BOOST_TEST(judge({by{1, 0, 5}.writes(1), by{2, 5, 6}.reads(nothing)}) == verdict::linearizable);
    BOOST_TEST(judge({by{1, 0, 5}.writes(1), by{2, 6, 6}.reads(nothing)}) == verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_rejects_a_stale_read)
{
    const auto result = check_linearizability(
        history{by{1, 0, 1000}.writes(1), by{1, 2000, 3000}.writes(2), by{2, 4000, 5000}.reads(1)});
    BOOST_TEST(result.what == verdict::violated);
    BOOST_TEST(mentions(result, "process 2 read 1"));
    BOOST_TEST(mentions(result, "The key was 2"));
}

BOOST_AUTO_TEST_CASE(check_rejects_a_lost_write)
{
    BOOST_TEST(judge({by{1, 0, 1}.writes(1), by{2, 2, 3}.writes(2), by{3, 4, 5}.adds(1, 2)}) ==
               verdict::violated);
    BOOST_TEST(judge({by{1, 0, 1}.writes(1), by{2, 2, 3}.erases(true), by{3, 4, 5}.finds(true)}) ==
               verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_rejects_what_was_applied_twice)
{
    BOOST_TEST(judge({by{1, 0, 1}.adds(1, 1), by{2, 2, 3}.adds(1, 3)}) == verdict::violated);
    BOOST_TEST(judge({by{1, 0, 1}.adds(1, 1), by{2, 2, 3}.reads(2)}) == verdict::violated);
    // One write again after another one.
    BOOST_TEST(judge({by{1, 0, 1}.writes(1), by{2, 2, 3}.writes(2), by{2, 4, 5}.reads(2),
                      by{2, 6, 7}.reads(1)}) == verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_rejects_reads_that_go_back)
{
    BOOST_TEST(judge({by{1, 0, 10}.writes(1), by{2, 1, 2}.reads(1), by{3, 3, 4}.reads(nothing)}) ==
               verdict::violated);
    // Two see two writes in different orders.
    BOOST_TEST(judge({by{1, 0, 20}.writes(1), by{2, 0, 20}.writes(2), by{3, 1, 2}.reads(1),
                      by{3, 5, 6}.reads(2), by{4, 7, 8}.reads(1)}) == verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_rejects_a_read_from_the_future)
{
    BOOST_TEST(judge({by{1, 0, 1}.reads(1), by{2, 2, 3}.writes(1)}) == verdict::violated);
    BOOST_TEST(judge({by{1, 0, 3}.reads(1), by{2, 2, 5}.writes(1)}) == verdict::linearizable);
}

BOOST_AUTO_TEST_CASE(check_rejects_an_exchange_that_lies)
{
    BOOST_TEST(judge({by{1, 0, 1}.writes(1), by{2, 2, 3}.exchanges(1, 2, false)}) ==
               verdict::violated);
    BOOST_TEST(judge({by{1, 0, 1}.writes(1), by{2, 2, 3}.exchanges(7, 2, true)}) ==
               verdict::violated);
    // Only one of two can have had it.
    BOOST_TEST(judge({by{1, 0, 9}.exchanges(nothing, 1, true),
                      by{2, 0, 9}.exchanges(nothing, 2, true)}) == verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_lets_unknown_operations_happen_or_not)
{
    const auto perhaps = unknown(by{1, 0, 0}.writes(1));
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.reads(1), by{2, 7, 8}.reads(1)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.reads(nothing), by{2, 7, 8}.reads(nothing)}) ==
               verdict::linearizable);
    // Late, long after it was asked for.
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.reads(nothing), by{2, 7, 8}.reads(1)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.writes(2), by{2, 7, 8}.reads(1)}) ==
               verdict::linearizable);
    // But once, and not before it was asked for.
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.reads(1), by{2, 7, 8}.writes(2),
                      by{2, 9, 10}.reads(1)}) == verdict::violated);
    BOOST_TEST(judge({unknown(by{1, 7, 0}.writes(1)), by{2, 5, 6}.reads(1)}) == verdict::violated);
    BOOST_TEST(judge({unknown(by{1, 0, 0}.adds(1, {})), by{2, 5, 6}.adds(1, 2),
                      by{2, 7, 8}.adds(1, 3)}) == verdict::linearizable);
    BOOST_TEST(judge({unknown(by{1, 0, 0}.adds(1, {})), by{2, 5, 6}.adds(1, 3)}) ==
               verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_lets_unknown_operations_happen_only_until_their_time_is_up)
{
    const auto perhaps = unknown(by{1, 0, 0}.writes(1), 10);
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.writes(2), by{2, 20, 21}.reads(1)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({perhaps, by{2, 5, 6}.writes(2), by{2, 20, 21}.reads(2)}) ==
               verdict::linearizable);
    BOOST_TEST(judge({perhaps, by{2, 11, 12}.reads(nothing), by{2, 20, 21}.reads(1)}) ==
               verdict::violated);
}

BOOST_AUTO_TEST_CASE(check_looks_at_each_key_alone)
{
    const history good{by{1, 0, 1}.writes(1), of_key(1, by{1, 2, 3}.reads(nothing)),
                       of_key(1, by{2, 4, 5}.writes(2)), by{2, 6, 7}.reads(1)};
    BOOST_TEST(judge(good) == verdict::linearizable);
    auto bad = good;
    bad.push_back(of_key(1, by{1, 8, 9}.reads(1)));
    const auto result = check_linearizability(bad);
    BOOST_TEST(result.what == verdict::violated);
    BOOST_TEST(mentions(result, "key 1:"));
}

BOOST_AUTO_TEST_CASE(check_shows_a_window_without_what_is_needless)
{
    history h;
    for (std::int64_t i = 0; i != 100; ++i)
        h.push_back(by{1, 2 * i, 2 * i + 1}.writes(i));
    h.push_back(by{2, 1000, 2000}.writes(500));
    h.push_back(by{3, 1001, 1002}.reads(99));
    h.push_back(by{4, 1003, 1004}.finds(true));
    h.push_back(by{3, 1005, 1006}.reads(98));
    const auto result = check_linearizability(h);
    BOOST_TEST(result.what == verdict::violated);
    BOOST_TEST(mentions(result, "process 3 read 98"));
    BOOST_TEST(mentions(result, "The key was 99; then"));
    BOOST_TEST(mentions(result, "process 2 wrote 500"));
    BOOST_TEST(!mentions(result, "read 99"));
    BOOST_TEST(!mentions(result, "process 4"));
    BOOST_TEST(!mentions(result, "wrote 97"));
}

BOOST_AUTO_TEST_CASE(check_is_undecided_beyond_its_limits)
{
    history h;
    for (std::uint32_t i = 0; i != 20; ++i)
        h.push_back(by{i, 0, 100}.writes(i));
    const auto result = check_linearizability(h, 1000);
    BOOST_TEST(result.what == verdict::undecided);
    BOOST_TEST(!result.good());
    BOOST_TEST(mentions(result, "more steps than 1000"));

    h.clear();
    for (std::uint32_t i = 0; i != 65; ++i)
        h.push_back(by{i, 0, 100}.reads(nothing));
    BOOST_TEST(judge(h) == verdict::undecided);
    BOOST_TEST(judge({by{1, 5, 4}.reads(nothing)}) == verdict::undecided);
    BOOST_TEST(judge({by{1, 5, never}.reads(nothing)}) == verdict::undecided);
}

BOOST_AUTO_TEST_CASE(check_costs_as_much_as_a_history_is_long)
{
    // Eight at a time, for ever: without quiescent points and memory this would never end.
    history h;
    for (std::int64_t i = 0; i != 20'000; ++i)
        h.push_back(by{static_cast<std::uint32_t>(i % 8), 10 * i, 10 * i + 75}.adds(1, i + 1));
    const auto result = check_linearizability(h);
    BOOST_TEST(result.what == verdict::linearizable);
    BOOST_TEST(result.steps < h.size() * 100);
    h[15'000].result = 3;
    BOOST_TEST(judge(h) == verdict::violated);
}

BOOST_AUTO_TEST_CASE(overlap_counts_what_meets_another_process_at_a_key)
{
    const auto count = [](const history& h) { return overlap_of(h).overlapping; };
    BOOST_TEST(overlap_of({}).share() == 0);
    BOOST_TEST(count({by{1, 0, 5}.reads(1), by{2, 4, 9}.reads(1), by{3, 9, 10}.reads(1)}) == 2u);
    BOOST_TEST(count({by{1, 0, 5}.reads(1), of_key(1, by{2, 4, 9}.reads(1))}) == 0u);
    BOOST_TEST(count({by{1, 0, 5}.reads(1), by{1, 4, 9}.reads(1)}) == 0u);
    // Through others of the same process.
    BOOST_TEST(count({by{1, 0, 100}.reads(1), by{2, 10, 11}.reads(1), by{2, 12, 13}.reads(1),
                      by{1, 20, 21}.reads(1)}) == 3u);
    const auto some = overlap_of(history{by{1, 0, 5}.reads(1), by{2, 4, 6}.reads(1),
                                         by{3, 7, 8}.reads(1), unknown(by{4, 0, 0}.writes(1))});
    BOOST_TEST(some.operations == 3u);
    BOOST_TEST(some.share() == 2.0 / 3, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_SUITE_END()
