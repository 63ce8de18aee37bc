// Grows trees of every nasty kind below a program, lets every death happen that the table in
// doc/supervision.md knows, and looks from outside who is left.
//
//     nasty_trees [--full | --times N] [--seed S] [--tree PART] [--death PART] [--isolation LEVEL]
//
// Without arguments, a few deaths of every tree, with the levels of isolation that are possible in
// turn; with --full, all deaths twenty times each, and five times with each higher level.

#include "stress/nasty_trees/round.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/prepare.hpp"
#include "support/sandbox.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

using namespace zproc::test;
using namespace zproc::test::nasty;
using zproc::isolation_level;
using zproc::supervision::name_of;

constexpr unsigned deaths = death_names.size();

struct arguments {
    unsigned times = 0; ///< 0: the short form
    unsigned seed = 0;
    std::string_view tree;
    std::string_view death;
    std::string_view isolation;
};

arguments parse(int argc, char** argv)
{
    arguments given;
    given.seed = static_cast<unsigned>(clock::now().time_since_epoch().count());
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const char* const next = i + 1 < argc ? argv[i + 1] : "";
        if (name == "--full") {
            given.times = 20;
            continue;
        }
        ++i;
        if (name == "--times")
            given.times = static_cast<unsigned>(std::atoi(next));
        else if (name == "--seed")
            given.seed = static_cast<unsigned>(std::atoi(next));
        else if (name == "--tree")
            given.tree = next;
        else if (name == "--death")
            given.death = next;
        else if (name == "--isolation")
            given.isolation = next;
        else
            std::fprintf(stderr,
                         "%s [--full | --times N] [--seed S] [--tree PART] [--death PART] "
                         "[--isolation LEVEL]\n",
                         argv[0]),
                std::exit(2);
    }
    if (given.times == 0 && (!given.tree.empty() || !given.death.empty()))
        given.times = 1;
    return given;
}

/// The harness is worth something only if it sees what escapes.
bool faults_are_noticed(observer& from_outside)
{
    struct expectation {
        fault injected;
        death when;
        bool escapes;
        const char* name;
    };
    constexpr expectation all[] = {
        {fault::daemon_beside, death::root_returns, true, "a daemon beside the supervisor"},
        {fault::daemon_beside, death::child_killed, true, "the same, seen when a child dies"},
        {fault::unheard_daemon, death::root_killed, true, "one that only its environment tells"},
        {fault::changed_daemon, death::root_killed, true, "one that has changed itself"},
        {fault::dead_sibling, death::child_returns, false, "a sibling that died"},
    };
    bool well = true;
    for (const auto& each : all) {
        const auto result =
            run_round(from_outside, trees[0], each.when, isolation_level::standard, each.injected);
        if (result.objections.empty() || (result.escapes != 0) != each.escapes) {
            std::printf("nasty_trees: NOT noticed: %s\n", each.name);
            well = false;
        }
    }
    return well;
}

struct tally {
    unsigned rounds = 0;
    std::size_t escapes = 0;
    unsigned objections = 0;
    std::chrono::milliseconds longest{0};
};

/// The levels that are possible here.
std::vector<isolation_level> levels(observer& from_outside)
{
    std::vector<isolation_level> possible{isolation_level::standard};
    for (const auto each : {isolation_level::cgroup, isolation_level::pid_namespace}) {
        const auto pid = ::fork();
        if (pid == 0)
            ::_exit(zproc::supervision::prepare(each) ? 1 : 0);
        from_outside.wait_for_nobody(clock::now() + limit);
        if (from_outside.status_of(pid) == 0)
            possible.push_back(each);
        else
            std::printf("nasty_trees: isolation '%s' is not possible here\n", name_of(each));
    }
    from_outside.forget_statuses();
    return possible;
}

bool is_admitted(death d, isolation_level isolation)
{
    return d == death::both_killed && isolation == isolation_level::standard;
}

tally repeat(observer& from_outside, const tree_kind& kind, death d, isolation_level isolation,
             unsigned times)
{
    tally all;
    for (unsigned i = 0; i != times; ++i) {
        auto result = run_round(from_outside, kind, d, isolation);
        if (result.cleanup >= limit)
            result.objections.push_back("the cleanup took too long");
        ++all.rounds;
        all.escapes += result.escapes;
        all.longest = std::max(all.longest, result.cleanup);
        all.objections += !result.objections.empty();
        for (const auto& each : result.objections)
            std::printf("  %s\n", each.c_str());
        std::fflush(stdout);
    }
    std::printf("%-30s %-25s %-13s %2u rounds, %2zu escapes, longest cleanup %4lld ms%s\n",
                kind.name, death_names[static_cast<std::size_t>(d)], name_of(isolation), all.rounds,
                all.escapes, static_cast<long long>(all.longest.count()),
                all.objections != 0         ? "  FAILED"
                : is_admitted(d, isolation) ? "  (admitted)"
                : d == death::state_killed  ? "  (a successor; nobody may die)"
                                            : "");
    std::fflush(stdout);
    return all;
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = parse(argc, argv);
    page = new (map_shared(sizeof(shared_page))) shared_page();
    observer from_outside;
    std::printf("nasty_trees: seed %u\n", given.seed);
    std::fflush(stdout);

    bool well = true;
    if (given.tree.empty() && given.death.empty()) {
        well = faults_are_noticed(from_outside);
        std::printf("nasty_trees: what escapes is %snoticed\n", well ? "" : "NOT ");
    }
    tally all;
    std::size_t admitted = 0;
    const auto possible = levels(from_outside);
    const auto run = [&](unsigned t, unsigned d, isolation_level level, unsigned times) {
        if (!std::string_view(name_of(level)).starts_with(given.isolation))
            return;
        const auto which = static_cast<death>(d);
        const auto one = repeat(from_outside, trees[t], which, level, times);
        all.rounds += one.rounds;
        all.objections += one.objections;
        (is_admitted(which, level) ? admitted : all.escapes) += one.escapes;
        all.longest = std::max(all.longest, one.longest);
    };
    for (unsigned t = 0; t != trees.size(); ++t)
        for (unsigned d = 0; d != deaths; ++d) {
            const auto chosen = d + t + given.seed;
            if (std::string_view(trees[t].name).find(given.tree) == std::string_view::npos ||
                std::string_view(death_names[d]).find(given.death) == std::string_view::npos)
                continue;
            // In the short form, each tree has a fourth of the deaths.
            if (given.times == 0 && chosen % 4 == 0)
                run(t, d, possible[chosen / 4 % possible.size()], 1);
            if (given.times != 0)
                for (const auto level : possible)
                    run(t, d, level,
                        level == isolation_level::standard ? given.times
                                                           : std::max(1u, given.times / 4));
        }
    std::printf("nasty_trees: %u rounds, %zu escapes, %u objections, longest cleanup %lld ms; "
                "%zu escaped when supervisor and guardian died at once, as admitted\n",
                all.rounds, all.escapes, all.objections,
                static_cast<long long>(all.longest.count()), admitted);
    well = well && all.objections == 0 && all.escapes == 0;
    std::printf("nasty_trees: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
