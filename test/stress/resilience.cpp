// Everything that processes do, over and over: nests that end in every way, a thousand children at
// once, ten thousand one after the other. What guardian, supervisor and root hold is looked at from
// outside: no descriptor, no zombie and no memory may be left.
//
//     resilience [--full]

#include "stress/resilience/parts.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"
#include "support/usage.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <optional>
#include <utility>

namespace {

using namespace zproc::test;
using namespace zproc::test::resilience;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr unsigned slowness = 5;
#else
constexpr unsigned slowness = 1;
#endif

constexpr std::int64_t most_growth = 512 << 10;
constexpr auto longest_cleanup = std::chrono::seconds(3) * slowness;

/// Compares what is held with what was held at the first look.
class flat {
public:
    bool operator()(const look& now, unsigned pause)
    {
        last_ = now;
        if (pause == 0) {
            // Something may be under way still: two looks have to be the same.
            const auto before = std::exchange(first_, now);
            return before && now.children == before->children && same(now.root, before->root) &&
                   same(now.supervisor, before->supervisor) && same(now.guardian, before->guardian);
        }
        return same(now.root, first_->root) && same(now.supervisor, first_->supervisor) &&
               same(now.guardian, first_->guardian) && now.children == first_->children;
    }

    void print() const
    {
        if (!first_)
            return;
        std::printf("  children of the supervisor: %zu, then %zu\n", first_->children,
                    last_.children);
        print("root", first_->root, last_.root);
        print("supervisor", first_->supervisor, last_.supervisor);
        print("guardian", first_->guardian, last_.guardian);
    }

private:
    static bool same(const holding& now, const holding& first)
    {
        // What is told last about a process, the root reads when it has something to do again:
        // until then it may hold that one's pidfd, or not.
        return now.descriptors <= first.descriptors + 1 && now.zombies == first.zombies &&
               (!measurable || now.alone - first.alone < most_growth);
    }

    static void print(const char* who, const holding& first, const holding& last)
    {
        std::printf("  %-10s %zu descriptors, then %zu; %zu zombies, then %zu; alone %s, then %s; "
                    "RSS %s, then %s\n",
                    who, first.descriptors, last.descriptors, first.zombies, last.zombies,
                    in_mebibytes(first.alone).c_str(), in_mebibytes(last.alone).c_str(),
                    in_mebibytes(first.resident).c_str(), in_mebibytes(last.resident).c_str());
    }

    std::optional<look> first_;
    look last_;
};

bool report(const char* what, unsigned rounds, bool well, double seconds)
{
    std::printf("%s: %u, %.1f s%s\n", what, rounds, seconds, well ? "" : "  FAILED");
    std::fflush(stdout);
    return well;
}

/// Runs one that has to hold at the end what it held at its first pause.
bool run_flat(const char* what, observed_program::main_function main, const plan& p)
{
    flat compared;
    const auto begun = monotonic_now();
    observed_program program(main, p,
                             [&](const look& now, unsigned pause) { return compared(now, pause); });
    const bool well = program.run();
    report(what, p.rounds, well, static_cast<double>(monotonic_now() - begun) / 1e9);
    compared.print();
    std::fflush(stdout);
    return well;
}

bool run_crowd(unsigned count, bool killed)
{
    flat compared;
    std::size_t most = 0;
    observed_program* running = nullptr;
    const auto begun = monotonic_now();
    observed_program program(&crowd_main, {count}, [&](const look& now, unsigned pause) {
        if (pause % 2 == 1)
            return compared(now, pause / 2);
        most = std::max(most, now.children);
        if (now.children < count + 1) // with the state process
            return false;
        if (killed)
            running->kill_root();
        else
            running->release(count);
        return true;
    });
    running = &program;
    bool well = program.run() && most == count + 1;
    if (killed)
        well = well && program.cleanup() < longest_cleanup;
    report(killed ? "children at once, and the root is killed" : "children at once", count, well,
           static_cast<double>(monotonic_now() - begun) / 1e9);
    if (killed)
        std::printf("  nothing was left after %lld ms\n",
                    static_cast<long long>(program.cleanup().count()));
    else
        compared.print();
    std::fflush(stdout);
    return well;
}

/// A leak must be noticed.
bool leaks_are_noticed()
{
    bool all = true;
    for (const auto injected : {fault::descriptor, fault::zombie, fault::memory}) {
        if (injected == fault::memory && !measurable)
            continue;
        flat compared;
        bool noticed = false;
        // At every pause but the first, the first look counts: what has leaked stays.
        observed_program program(&row_main, {500, injected}, [&](const look& now, unsigned pause) {
            const bool well = compared(now, pause);
            noticed = noticed || (!well && pause != 0);
            return well || pause != 0;
        });
        program.run();
        if (!noticed) {
            std::printf("resilience: the injected leak %d is NOT noticed\n",
                        static_cast<int>(injected));
            all = false;
        }
    }
    return all;
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = new (map_shared(sizeof(shared_page))) shared_page();
    const bool noticed = leaks_are_noticed();
    std::printf("resilience: leaks are %snoticed\n", noticed ? "" : "NOT ");
    std::fflush(stdout);

    const auto scale = [&](unsigned full, unsigned small) { return given.full ? full : small; };
    bool well = noticed;
    well = run_flat("nests, five deep, ended in four ways", &nests_main, {scale(1000, 24)}) && well;
    well = run_flat("processes waited for", &waits_main, {scale(250, 25)}) && well;
    well = run_flat("servers started", &servers_main, {scale(100, 5)}) && well;
    well = run_flat("events seen live, and buffered", &watchers_main, {100}) && well;
    well = run_crowd(scale(1000, 60), false) && well;
    well = run_crowd(scale(1000, 60), true) && well;
    well = run_flat("spawns in a row", &row_main, {scale(10'000, 500)}) && well;
    std::printf("resilience: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
