// Swarms whose workers are killed at random moments, with items that bring down whoever has them:
// every result is right, in its place, and there once; poison fails alone; nothing hangs, and nothing
// is left: no process, no descriptor, no memory.
//
//     swarm_chaos [--full] [--seed S] [--round R]

#include "stress/swarm_chaos/parts.hpp"
#include "support/processes.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"
#include "support/usage.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <new>
#include <ranges>
#include <string>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::chaos {

void object(const std::string& what)
{
    // The first ones tell enough.
    if (++page->objections <= 10 && round_plan.injected == fault::none)
        std::fprintf(stderr, "swarm_chaos: %s: %s\n", page->stage.load(), what.c_str());
}

namespace {

constexpr std::size_t workers = 4;

struct work {
    const char* name;
    asio::awaitable<void> (*run)(context, swarm);
    bool remote = false;
};

constexpr work all_work[] = {
    {"mapping numbers", &map_all},
    {"mapping texts", &map_texts},
    {"streaming", &stream_all},
    {"taking as completed", &take_as_completed},
    {"finding poison", &find_poison},
    {"doing several at once", &do_several_at_once},
    {"streaming, and memory stays flat", &stay_flat},
    {"mapping texts, with a machine that vanishes", &map_texts, true},
    {"streaming, with a machine that vanishes", &stream_all, true},
    {"finding poison, with a machine that vanishes", &find_poison, true},
    {"doing several at once, with a machine that vanishes", &do_several_at_once, true},
};

// By row.
constexpr kind kinds[] = {kind::map,    kind::texts,   kind::lazy,      kind::completed,
                          kind::poison, kind::several, kind::streaming, kind::texts,
                          kind::lazy,   kind::poison,  kind::several};
static_assert(std::size(kinds) == std::size(all_work));

/// What this process has of swarms.
struct holdings {
    std::size_t descriptors = 0;
    std::size_t files_in_memory = 0;
    std::size_t workers = 0;

    static holdings look()
    {
        holdings now;
        now.descriptors = open_descriptors(::getpid());
        std::ifstream maps("/proc/self/maps");
        for (std::string text; std::getline(maps, text);)
            now.files_in_memory += text.find("memfd:") != text.npos;
        now.workers = static_cast<std::size_t>(
            std::ranges::count(own_processes(), std::string(worker_name), &process_entry::name));
        return now;
    }
    bool within(const holdings& other) const
    {
        // What is told last about a process is read when there is something to do again: its pidfd
        // may be open until then.
        return descriptors <= other.descriptors + 1 && files_in_memory <= other.files_in_memory &&
               workers <= other.workers;
    }
};

/// Reports of crashes say nothing new here.
int keep_quiet()
{
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
    return 0;
}

asio::awaitable<void> with_a_swarm(context ctx, asio::awaitable<void> (*run)(context, swarm))
{
    swarm_options options;
    options.size(workers).name(worker_name).initialiser(keep_quiet);
    if (round_plan.remote)
        options.size(workers / 2).listen("tcp://127.0.0.1:0").silence(std::chrono::seconds(1));
    auto of = co_await ctx.create_swarm(options);
    if (round_plan.remote) {
        const auto where = of.address();
        page->port = std::stoi(where.substr(where.rfind(':') + 1));
    }
    page->go = round_plan.killing;
    co_await run(ctx, of);
    page->go = false;
    page->port = 0;
    page->stage = "stopping";
    co_await of.stop(asio::use_awaitable);
}

asio::awaitable<void> do_little(context, swarm of)
{
    static_cast<void>(
        co_await of.map(right_result, std::views::iota(std::uint64_t{0}, std::uint64_t{10})));
}

asio::awaitable<int> conduct(context ctx)
{
    // What is made once, at the first use, is there from now on.
    const bool killing = std::exchange(round_plan.killing, false);
    co_await with_a_swarm(ctx, &do_little);
    round_plan.killing = killing;
    const auto before = holdings::look();
    const auto& what = all_work[round_plan.row];
    page->stage = what.name;
    co_await with_a_swarm(ctx, what.run);

    page->stage = "looking at what is left";
    asio::steady_timer timer(co_await asio::this_coro::executor);
    auto after = holdings::look();
    for (int i = 0; i != 300 && !after.within(before); ++i) {
        timer.expires_after(std::chrono::milliseconds(10));
        co_await timer.async_wait(asio::use_awaitable);
        after = holdings::look();
    }
    if (!after.within(before))
        object(std::to_string(after.descriptors) + " descriptors of " +
               std::to_string(before.descriptors) + ", " + std::to_string(after.files_in_memory) +
               " memory files of " + std::to_string(before.files_in_memory) + ", " +
               std::to_string(after.workers) + " workers are left");
    co_return page->objections == 0 ? 0 : 1;
}

int round_main()
{
    const pid_t killing = ::fork();
    if (killing == 0)
        ::_exit(kill_and_watch());
    pid_t lending = -1;
    if (round_plan.remote)
        lending = ::fork();
    if (lending == 0)
        ::_exit(lend_and_vanish());
    const int code = run(&conduct);
    page->closing = true;
    ::kill(killing, SIGKILL);
    ::waitpid(killing, nullptr, 0);
    if (lending > 0)
        ::waitpid(lending, nullptr, 0);
    return code;
}

/// True when nothing was objected to.
bool run_round(const plan& what)
{
    round_plan = what;
    new (page) shared_page();
    return run_as_program(&round_main, 3000) == 0;
}

/// The checks are worth something only if they fail when something is wrong.
bool faults_are_noticed(unsigned seed)
{
    struct injection {
        fault what;
        kind where;
        std::uint64_t items;
        const char* name;
    };
    constexpr injection all[] = {
        {fault::wrong_result, kind::map, 1000, "a wrong result"},
        {fault::wrong_result, kind::completed, 1000, "a wrong result as completed"},
        {fault::wrong_result, kind::poison, 1000, "a wrong result beside poison"},
        {fault::doubled_item, kind::lazy, 1000, "an item that comes twice"},
        {fault::hang, kind::map, 1000, "a hang"},
        {fault::descriptor, kind::streaming, 10'000, "a descriptor that is left"},
        {fault::memory, kind::streaming, 200'000, "memory that is left"},
    };
    bool well = true;
    for (const auto& each : all) {
        if (each.what == fault::memory && !measurable)
            continue;
        plan p;
        p.what = each.where;
        p.row = static_cast<std::size_t>(std::ranges::find(kinds, each.where) - kinds);
        p.seed = seed;
        p.items = each.items;
        p.killing = each.where != kind::streaming && each.what != fault::hang;
        p.injected = each.what;
        p.patience = each.what == fault::hang ? 3 : 60;
        const bool passed = run_round(p);
        if (!passed && (each.what == fault::hang ? page->hung.load() : page->objections != 0))
            continue;
        std::fprintf(stderr, "swarm_chaos: %s is not noticed\n", each.name);
        well = false;
    }
    return well;
}

plan plan_of(unsigned round, const stress_arguments& given)
{
    plan p;
    p.seed = given.seed + round;
    p.row = round % std::size(all_work);
    p.what = kinds[p.row];
    p.remote = all_work[p.row].remote;
    p.items = given.full ? 1'000'000 : 40'000;
    if (p.what == kind::poison || p.what == kind::several)
        p.items /= 5;
    if (p.remote)
        p.items *= 5;
    if (p.what == kind::streaming) {
        p.items = given.full ? 10'000'000 : 300'000;
        p.killing = false;
    }
    return p;
}

} // namespace

} // namespace zproc::test::chaos

int main(int argc, char** argv)
{
    using namespace zproc::test;
    using namespace zproc::test::chaos;
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = static_cast<shared_page*>(map_shared(sizeof(shared_page)));
    bool well = given.only >= 0 || faults_are_noticed(given.seed);
    std::printf("swarm_chaos: seed %u%s\n", given.seed,
                given.only >= 0 ? ""
                : well          ? ", injected faults are noticed"
                                : ", injected faults are NOT noticed");
    std::fflush(stdout);
    for (unsigned round = 0; round != std::size(all_work); ++round) {
        if (given.only >= 0 && static_cast<unsigned>(given.only) != round)
            continue;
        const auto begun = monotonic_now();
        const bool held = run_round(plan_of(round, given));
        std::printf("%s: %llu results, %u kills (%u at birth), %u machines lost, %.1f s%s\n",
                    all_work[round].name, static_cast<unsigned long long>(page->done),
                    page->kills.load(), page->at_birth.load(), page->losses.load(),
                    static_cast<double>(monotonic_now() - begun) / 1e9, held ? "" : "  FAILED");
        std::fflush(stdout);
        well = well && held;
    }
    std::printf("swarm_chaos: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
