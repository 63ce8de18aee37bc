#include "support/linearizability.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

using namespace zproc::test;

namespace {

using history = std::vector<key_operation>;

struct load {
    unsigned processes;
    unsigned each;
    std::int64_t values;
    unsigned unknown_in_a_hundred = 0;
    bool only_reads_and_writes = false;
};

key_operation any_operation(std::mt19937& random, const load& l)
{
    constexpr action all[] = {action::read,  action::read,        action::contains,
                              action::write, action::write,       action::erase,
                              action::pop,   action::set_default, action::increment,
                              action::add,   action::exchange,    action::compare_exchange};
    key_operation o;
    o.what = all[random() % (l.only_reads_and_writes ? 5 : std::size(all))];
    const auto value = [&] { return cell(static_cast<std::int64_t>(random()) % l.values); };
    o.argument =
        o.what == action::increment || o.what == action::add ? cell(1 + random() % 2) : value();
    o.expected = random() % 4 == 0 ? cell() : value();
    return o;
}

/// What processes see of one register that answers each at some moment between invocation and
/// response: linearizable by construction. Some never get their answers.
history simulated(std::mt19937& random, const load& l)
{
    struct happening {
        std::pair<std::int64_t, std::size_t> order; ///< of two at one moment, the first made
        key_operation what;
    };
    std::vector<happening> all;
    for (std::uint32_t p = 0; p != l.processes; ++p) {
        std::int64_t now = random() % 20;
        for (unsigned i = 0; i != l.each; ++i) {
            auto o = any_operation(random, l);
            o.process = p;
            o.invoked = now += random() % 30;
            const std::int64_t moment = now += random() % 20;
            o.responded = now += random() % 20;
            if (random() % 100 < l.unknown_in_a_hundred) {
                o.unknown = true;
                if (random() % 2 == 0)
                    o.responded = never;
            }
            all.push_back({{moment, all.size()}, o});
        }
    }
    std::ranges::sort(all, {}, &happening::order);
    history out;
    cell reg;
    for (auto& [order, o] : all) {
        if (o.unknown) {
            if (random() % 2 == 0)
                reg = effect_of(o, reg).after;
        } else {
            const auto [after, told] = effect_of(o, reg);
            reg = after;
            o.result = told;
        }
        out.push_back(o);
    }
    std::shuffle(out.begin(), out.end(), random);
    return out;
}

bool tells_a_value(action what)
{
    return what == action::read || what == action::pop || what == action::set_default ||
           what == action::increment || what == action::exchange;
}

/// One that was told something is told something else.
bool falsify(std::mt19937& random, history& h, std::int64_t values)
{
    for (int i = 0; i != 100; ++i) {
        auto& o = h[random() % h.size()];
        if (o.unknown || o.what == action::write || o.what == action::add)
            continue;
        const auto before = o.result;
        if (!tells_a_value(o.what))
            o.result = 1 - *o.result;
        else
            o.result =
                random() % 4 == 0 ? cell() : cell(static_cast<std::int64_t>(random()) % values);
        if (o.result != before)
            return true;
    }
    return false;
}

/// Every order of every choice of the unknown ones, by definition.
bool any_order_explains(const history& h)
{
    for (unsigned chosen = 0; chosen != 1u << h.size(); ++chosen) {
        history some;
        bool whole = true;
        for (std::size_t i = 0; i != h.size(); ++i) {
            if ((chosen & (1u << i)) != 0)
                some.push_back(h[i]);
            else
                whole = whole && h[i].unknown;
        }
        if (!whole)
            continue;
        std::vector<std::size_t> order(some.size());
        std::iota(order.begin(), order.end(), 0u);
        do {
            cell now;
            bool fits = true;
            for (std::size_t i = 0; i != order.size() && fits; ++i) {
                const auto& o = some[order[i]];
                for (std::size_t j = i + 1; j != order.size(); ++j)
                    fits = fits && some[order[j]].responded >= o.invoked;
                const auto [after, told] = effect_of(o, now);
                fits = fits && (o.unknown || told == o.result);
                now = after;
            }
            if (fits)
                return true;
        } while (std::ranges::next_permutation(order).found);
    }
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(linearizability_of_random_histories)

BOOST_AUTO_TEST_CASE(check_accepts_what_a_register_has_answered)
{
    for (unsigned seed = 0; seed != 200; ++seed) {
        std::mt19937 random(seed);
        const auto h = simulated(random, {2 + seed % 7, 100, 1000, seed % 3});
        const auto result = check_linearizability(h);
        BOOST_TEST(result.good(), "seed " << seed << ": " << result.words);
    }
}

BOOST_AUTO_TEST_CASE(check_rejects_a_value_that_never_was)
{
    for (unsigned seed = 0; seed != 200; ++seed) {
        std::mt19937 random(seed);
        auto h = simulated(random, {2 + seed % 5, 60, 1000});
        key_operation* o = nullptr;
        while (!o || !tells_a_value(o->what))
            o = &h[random() % h.size()];
        o->result = 1'000'000;
        BOOST_TEST((check_linearizability(h).what == judgement::verdict::violated),
                   "seed " << seed);
    }
}

BOOST_AUTO_TEST_CASE(check_rejects_nearly_every_answer_that_another_moment_would_have_given)
{
    unsigned rejected = 0;
    constexpr unsigned all = 300;
    for (unsigned seed = 0; seed != all; ++seed) {
        std::mt19937 random(seed);
        auto h = simulated(random, {2 + seed % 3, 60, 1000});
        key_operation* o = nullptr;
        const key_operation* other = nullptr;
        while (!o || o->what != action::read || other->what != action::read ||
               o->result == other->result) {
            o = &h[random() % h.size()];
            other = &h[random() % h.size()];
        }
        o->result = other->result;
        const auto what = check_linearizability(h).what;
        BOOST_TEST((what != judgement::verdict::undecided));
        rejected += what == judgement::verdict::violated;
    }
    BOOST_TEST(rejected >= all * 17 / 20);
    BOOST_TEST_MESSAGE(rejected << " of " << all << " falsified histories were rejected");
}

BOOST_AUTO_TEST_CASE(check_agrees_with_trying_every_order)
{
    unsigned accepted = 0;
    unsigned rejected = 0;
    for (unsigned seed = 0; seed != 6000; ++seed) {
        std::mt19937 random(seed);
        const unsigned processes = seed % 5 == 0 ? 6 : 2 + seed % 2;
        auto h = simulated(random, {processes, 6 / processes, 3, 20, seed % 3 == 0});
        if (seed % 4 != 0)
            falsify(random, h, 4);
        const bool expected = any_order_explains(h);
        const auto result = check_linearizability(h);
        BOOST_TEST(result.good() == expected, "seed " << seed << ": " << result.words);
        ++(expected ? accepted : rejected);
    }
    // Both ways were tried.
    BOOST_TEST(accepted >= 1000u);
    BOOST_TEST(rejected >= 1000u);
}

BOOST_AUTO_TEST_CASE(overlap_agrees_with_looking_at_every_pair)
{
    for (unsigned seed = 0; seed != 100; ++seed) {
        std::mt19937 random(seed);
        auto h = simulated(random, {1 + seed % 4, 20, 10});
        for (auto& each : h)
            each.key = random() % 2;
        std::size_t expected = 0;
        for (const auto& a : h)
            expected += std::ranges::any_of(h, [&](const key_operation& b) {
                return a.key == b.key && a.process != b.process && a.invoked < b.responded &&
                       b.invoked < a.responded;
            });
        BOOST_TEST(overlap_of(h).overlapping == expected, "seed " << seed);
    }
}

BOOST_AUTO_TEST_SUITE_END()
