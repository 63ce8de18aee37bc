// Watchers with all kinds of options, and all kinds of ways to await them, against writers at full
// speed. What each of them is given is compared with what is in the ring, as a recorder reads it
// there: every event that its options ask for, once, in order, and nothing else. Those that are
// lapped are told exactly how much they have missed, and what their keys were then.
//
//     watchers [--full] [--seed S] [--round R] [--seconds N]

#include "stress/watchers/actors.hpp"
#include "stress/watchers/check.hpp"
#include "stress/watchers/specs.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace zproc::test::watching;

constexpr std::size_t most_entries = 1'500'000; // of each log

asio::awaitable<void> until(asio::steady_timer& timer, auto condition)
{
    while (!condition()) {
        timer.expires_after(std::chrono::milliseconds(1));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

/// Two transactions on every key, so that whatever a watcher asks for, it sees the last one: the
/// flag is wanted, and was not before.
asio::awaitable<void> end_namespace(state s, space where, std::uint32_t first, std::uint32_t end)
{
    const auto now = co_await s.snapshot();
    page->last[static_cast<unsigned>(where)] = now.revision() + 2;
    for (const std::int64_t round : {1, 2}) {
        dict all;
        for (auto key = first; key != end; ++key)
            all.insert_or_assign(name_of(key), key == flag_key    ? (round == 1 ? 0 : wanted_flag)
                                               : key == large_key ? value(large_text(-round))
                                                                  : value(-round));
        co_await s.update(all);
    }
}

asio::awaitable<void> conduct(context ctx)
{
    auto state = ctx.state(space_names[0]);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    auto recorder = co_await ctx.spawn(&record_truth);
    co_await until(timer, [] { return page->recording != 0 || page->stop; });
    std::vector<process<>> writing;
    for (unsigned i = 0; i != writers; ++i)
        writing.push_back(co_await ctx.spawn(&write_at_full_speed, static_cast<int>(i)));
    std::vector<process<>> following;
    for (unsigned i = 0; i != specs().size(); ++i)
        if ((round_plan.watchers >> i & 1) != 0)
            following.push_back(co_await ctx.spawn(&follow_watcher, static_cast<int>(i)));
    co_await until(timer, [&] { return page->watching == following.size() || page->stop.load(); });

    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(round_plan.milliseconds);
    co_await until(timer, [&] { return page->stop || std::chrono::steady_clock::now() >= end; });
    page->stop = true;
    for (auto& each : writing)
        co_await each.result();
    co_await until(timer, [] { return page->own_writes == 0; });
    co_await end_namespace(state.with_namespace(space_names[1]), space::second, second_keys,
                           second_keys + 4);
    co_await end_namespace(state, space::main, 0, large_key + 1);
    page->over = true;
    for (auto& each : following)
        co_await each.result();
    co_await recorder.result();
}

int round_main()
{
    return run(&conduct, context_options().journal_size(round_plan.ring));
}

/// Runs a round; the number of objections.
std::size_t run_round(const plan& what, verdict& out)
{
    round_plan = what;
    new (page) shared_page();
    for (auto& each : truth)
        each.clear();
    for (auto& each : seen)
        each.clear();
    notes.front().clear();
    if (run_as_program(&round_main) != 0)
        objection("the round did not end well");
    out = judge_round();
    return notes.front().size();
}

void print_notes()
{
    for (const auto& each : notes.front().entries())
        std::fprintf(stderr, "watchers: %s\n", each.content);
}

plan plan_of(unsigned round, const stress_arguments& given)
{
    plan p;
    p.seed = given.seed + round;
    p.milliseconds = given.seconds != 0 ? given.seconds * 1000 : given.full ? 5000 : 800;
    switch (round % 3) {
    case 0: // small: who is slow is lapped
        p.ring = 256 << 10;
        break;
    case 1: // ever larger rings
        p.ring = 256 << 10;
        p.growing = true;
        break;
    case 2: // large: who is fast is not
        p.ring = 8 << 20;
        break;
    }
    return p;
}

constexpr unsigned rounds_to_notice = 10;

/// The comparison is worth something only if it notices what is wrong.
bool faults_are_noticed(unsigned seed)
{
    struct injection {
        fault what;
        const char* name;
        std::uint64_t watchers;
        bool lapped;
    };
    constexpr std::uint64_t everything = 1 << 0;
    constexpr std::uint64_t slowly = 1 << 16;
    constexpr injection all[] = {
        {fault::dropped, "a dropped event", everything, false},
        {fault::duplicated, "a duplicated event", everything, false},
        {fault::reordered, "a reordered event", everything, false},
        {fault::needless_resync, "a needless resync", everything, false},
        {fault::wrong_missed, "a wrong number of missed revisions", slowly, true},
        {fault::wrong_value, "a wrong value in a resync", slowly, true},
    };
    bool well = true;
    for (const auto& each : all) {
        bool noticed = false;
        // Chance decides whether a round shows it: on a slow machine one may pass without.
        for (unsigned round = 0; round != rounds_to_notice && !noticed; ++round) {
            plan p;
            p.seed = seed + round;
            p.milliseconds = 100u << std::min(round, 4u);
            p.ring = each.lapped ? 256 << 10 : 16 << 20;
            p.watchers = each.watchers;
            p.injected = each.what;
            verdict ignored;
            run_round(p, ignored);
            const auto said = notes.front().entries();
            const auto* who = specs()[each.lapped ? 16 : 0].name;
            noticed = !said.empty() && said.front().view().starts_with(who);
        }
        if (!noticed) {
            std::fprintf(stderr, "watchers: %s was not noticed\n", each.name);
            print_notes();
            well = false;
        }
    }
    return well;
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = static_cast<shared_page*>(map_shared(sizeof(shared_page)));
    for (unsigned i = 0; i != spaces; ++i)
        truth.emplace_back(most_entries);
    for (unsigned i = 0; i != specs().size(); ++i)
        seen.emplace_back(most_entries);
    notes.emplace_back(200);

    bool well = given.only >= 0 || faults_are_noticed(given.seed);
    std::printf("watchers: seed %u, %zu watchers%s\n", given.seed, specs().size(),
                given.only >= 0 ? ""
                : well          ? ", injected faults are noticed"
                                : ", injected faults are NOT noticed");
    std::size_t resyncs = 0;
    std::size_t overruns = 0;
    std::uint64_t rings = 0;
    const unsigned rounds = given.only >= 0 ? 1 : given.full ? 24 : 2;
    for (unsigned i = 0; i != rounds; ++i) {
        const unsigned round = given.only >= 0 ? static_cast<unsigned>(given.only) : i;
        verdict v;
        const bool held = run_round(plan_of(round, given), v) == 0;
        unsigned long long interrupted = 0;
        for (const auto& each : page->interrupted)
            interrupted += each;
        std::printf("round %u: %zu transactions, %zu events given, %zu resyncs and %zu overruns "
                    "that missed %llu revisions, %llu awaits interrupted, %llu rings, writers "
                    "waited %llu times for the recorder%s\n",
                    round, v.transactions, v.events, v.resyncs, v.overruns,
                    static_cast<unsigned long long>(v.missed), interrupted,
                    static_cast<unsigned long long>(page->rings + 1),
                    static_cast<unsigned long long>(page->pauses), held ? "" : "  FAILED");
        std::fflush(stdout);
        print_notes();
        resyncs += v.resyncs;
        overruns += v.overruns;
        rings += page->rings;
        well = well && held;
    }
    if (given.full && (resyncs == 0 || overruns == 0 || rings == 0)) {
        std::fprintf(stderr, "watchers: nobody was lapped, or no ring was replaced\n");
        well = false;
    }
    sandbox::leave();
    return well ? 0 : 1;
}
