// At least eight processes do everything there is to a few keys, and move money between a few
// accounts. What they were told must be linearizable, key by key; the sum of the accounts must
// always be the same, for everybody; events, revisions and time must agree.
//
//     consistency [--full] [--seed S] [--round R] [--seconds N]

#include "stress/consistency/check.hpp"
#include "stress/consistency/lane.hpp"
#include "stress/consistency/observers.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <new>

namespace {

using namespace zproc;
using namespace zproc::test;
using namespace zproc::test::consistency;

constexpr std::size_t most_entries = 600'000; // of each worker

asio::awaitable<void> work_in_lanes(context ctx, int process)
{
    std::vector<std::unique_ptr<lane>> lanes;
    const auto here = co_await asio::this_coro::executor;
    asio::steady_timer ended(here, asio::steady_timer::time_point::max());
    unsigned running = round_plan.lanes;
    for (unsigned i = 0; i != round_plan.lanes; ++i) {
        const auto worker = static_cast<unsigned>(process);
        lanes.push_back(std::make_unique<lane>(ctx, worker, worker * most_lanes + i));
        asio::co_spawn(here, work(*lanes.back()), [&](std::exception_ptr error) {
            if (error)
                objection(judge::running, "a lane ended by an exception");
            if (--running == 0)
                ended.cancel();
        });
    }
    error_code ignored;
    co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// The bank opens.
asio::awaitable<void> open_accounts(lane& root)
{
    std::vector<answer> told;
    dict all;
    for (std::uint32_t i = 0; i != accounts; ++i) {
        told.push_back({first_account + i, action::write, total / accounts});
        all.insert_or_assign(name_of(first_account + i), value(total / accounts));
    }
    const auto begun = monotonic_now();
    co_await root.bank.update(all);
    root.tell(begun, told);
}

/// That of the round's program, or one that comes to its server over TCP.
asio::awaitable<context> client_of(context own)
{
    if (!round_plan.over_tcp)
        co_return own;
    co_await own.ping();
    co_return context(own.get_executor(), context_options().address(own.addresses().front()));
}

asio::awaitable<void> conduct(context own)
{
    context ctx = co_await client_of(own);
    lane root(ctx, round_plan.workers, most_workers * most_lanes);
    co_await root.greet();
    co_await open_accounts(root);
    std::vector<process<>> observing;
    for (int where = 0; where != 3; ++where)
        observing.push_back(co_await ctx.spawn(&write_down, where));
    observing.push_back(co_await ctx.spawn(&watch_sums, false));
    observing.push_back(co_await ctx.spawn(&watch_sums, true));
    observing.push_back(co_await ctx.spawn(&await_wrong_sum));
    std::vector<process<>> working;
    for (unsigned i = 0; i != round_plan.workers; ++i)
        working.push_back(co_await ctx.spawn(&work_in_lanes, static_cast<int>(i)));

    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(round_plan.milliseconds);
    while (!page->stop && std::chrono::steady_clock::now() < end) {
        timer.expires_after(std::chrono::milliseconds(10));
        co_await timer.async_wait(asio::use_awaitable);
    }
    page->stop = true;
    for (auto& each : working)
        co_await each.result();
    // Everybody looks at everything once more.
    for (const auto& each : readers())
        co_await each.act(root);
    for (const auto& each : auditors())
        co_await each.act(root);
    for (const auto* name : space_names)
        co_await root.registers.with_namespace(name).set("end", true);
    for (auto& each : observing)
        co_await each.result();
}

int round_main()
{
    try {
        context_options options;
        options.journal_size(round_plan.ring);
        if (round_plan.over_tcp)
            options.listen("tcp://127.0.0.1:0");
        return run(&conduct, options);
    } catch (const std::exception& e) {
        objection(judge::running, e.what());
        return 1;
    }
}

/// Runs a round; a bit for each judge that objects.
unsigned run_round(const plan& what, verdicts& out)
{
    round_plan = what;
    new (page) shared_page();
    for (auto& each : histories)
        each.clear();
    for (auto& each : events)
        each.clear();
    notes.front().clear();
    if (run_as_program(&round_main) != 0)
        objection(judge::running, "the round did not end well");
    out = judge_round();
    unsigned bits = 0;
    for (const auto& each : notes.front().entries())
        bits |= 1u << static_cast<unsigned>(each.by);
    return bits;
}

void print_notes()
{
    std::size_t printed = 0;
    for (const auto& each : notes.front().entries())
        if (printed++ < 10)
            std::fprintf(stderr, "consistency: %s\n", each.text.content);
}

plan plan_of(unsigned round, const stress_arguments& given)
{
    plan p;
    p.seed = given.seed + round;
    p.milliseconds = given.seconds != 0 ? given.seconds * 1000 : given.full ? 12'000 : 3000;
    p.over_tcp = round / 4 % 2 == 1;
    switch (round % 4) {
    case 0: break;
    case 1: // as much as one key can take
        p.keys = 2;
        p.workers = 10;
        break;
    case 2: // everything is carried all the time
        p.ring = 128 << 10;
        break;
    case 3:
        p.workers = most_workers;
        p.lanes = 1;
        p.keys = 8;
        p.ring = 1 << 20;
        break;
    }
    return p;
}

constexpr unsigned rounds_to_notice = 20;

/// The judges are worth something only if they object when something is wrong, each in its way.
bool faults_are_noticed(unsigned seed)
{
    struct expectation {
        fault injected;
        judge by;
        const char* name;
    };
    constexpr expectation all[] = {
        {fault::stale_read, judge::answers, "a stale read"},
        {fault::lost_write, judge::answers, "a lost write"},
        {fault::double_apply, judge::answers, "a write that is applied twice"},
        {fault::torn_transfer, judge::sums, "a torn transfer"},
        {fault::torn_audit, judge::sums, "a torn audit"},
        {fault::wrong_revision, judge::journal, "a wrong revision"},
        {fault::swapped_events, judge::journal, "events in the wrong order"},
        {fault::early_answer, judge::journal, "an answer before its time"},
    };
    bool well = true;
    for (const auto& each : all) {
        // Chance decides whether a round shows it: on a loaded machine one may pass without.
        unsigned bits = 0;
        const auto noticed = [&] { return (bits & 1u << static_cast<unsigned>(each.by)) != 0; };
        for (unsigned round = 0; round != rounds_to_notice && !noticed(); ++round) {
            plan p;
            p.seed = seed + round;
            p.milliseconds = 300;
            p.injected = each.injected;
            verdicts ignored;
            bits = run_round(p, ignored);
        }
        if (!noticed()) {
            std::fprintf(stderr, "consistency: %s was not noticed (objections %#x)\n", each.name,
                         bits);
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
    for (unsigned i = 0; i != most_workers + 1; ++i)
        histories.emplace_back(most_entries);
    for (int i = 0; i != 3; ++i)
        events.emplace_back(most_workers * most_entries);
    notes.emplace_back(200);

    bool well = given.only >= 0 || faults_are_noticed(given.seed);
    std::printf("consistency: seed %u%s\n", given.seed,
                given.only >= 0 ? ""
                : well          ? ", injected faults are noticed"
                                : ", injected faults are NOT noticed");
    std::uint64_t operations = 0;
    overlap concurrent;
    const unsigned rounds = given.full ? 16 : 2;
    for (unsigned i = 0; i != rounds; ++i) {
        const unsigned chosen = given.full ? i : 4 * i; // the second one over TCP
        const unsigned round = given.only >= 0 ? static_cast<unsigned>(given.only) : chosen;
        const auto p = plan_of(round, given);
        verdicts v;
        const auto bits = run_round(p, v);
        operations += page->operations;
        concurrent.operations += v.concurrent.operations;
        concurrent.overlapping += v.concurrent.overlapping;
        std::printf("round %u%s: %llu operations (%llu unknown), %zu answers of single keys, "
                    "%.1f %% overlap; %zu events %s, %zu snapshots, %llu audits, %llu events "
                    "with the right sum, %llu resyncs%s\n",
                    round, p.over_tcp ? ", over TCP" : "",
                    static_cast<unsigned long long>(page->operations),
                    static_cast<unsigned long long>(page->unknown), v.answers,
                    100 * v.concurrent.share(), v.events,
                    page->lapped ? "NOT COMPARED: the observer was lapped" : "matched", v.snapshots,
                    static_cast<unsigned long long>(page->audits),
                    static_cast<unsigned long long>(page->observed),
                    static_cast<unsigned long long>(page->resyncs),
                    bits == 0 && !page->lapped ? "" : "  FAILED");
        std::fflush(stdout);
        print_notes();
        well = well && bits == 0 && !page->lapped;
    }
    const bool enough = operations >= (given.full ? 100'000u : 1000u) && concurrent.share() >= 0.05;
    std::printf("consistency: %llu operations checked, %.1f %% of those on one key overlap "
                "another process's%s\n",
                static_cast<unsigned long long>(operations), 100 * concurrent.share(),
                enough ? "" : ": NOT ENOUGH");
    sandbox::leave();
    return well && enough ? 0 : 1;
}
