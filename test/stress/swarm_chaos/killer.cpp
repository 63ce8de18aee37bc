#include "stress/swarm_chaos/parts.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::test::chaos {

namespace {

pid_t root = 0;

std::vector<process_entry> workers()
{
    auto all = descendants(root);
    std::erase_if(all, [](const auto& each) { return each.name != worker_name || each.zombie(); });
    return all;
}

/// Whoever has the number by then, nobody else is killed.
bool kill_safely(const process_entry& which)
{
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, which.pid, 0));
    if (handle < 0)
        return false;
    const auto now = workers();
    const bool same = std::ranges::any_of(now, [&](const auto& each) { return each.same(which); });
    const bool done = same && ::syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0) == 0;
    ::close(handle);
    return done;
}

std::string first_line_of(pid_t pid, const char* what)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + what);
    std::string text;
    std::getline(in, text);
    return text;
}

void explain()
{
    std::fprintf(stderr, "swarm_chaos: no sign of life for %u s while %s, after %llu results\n",
                 round_plan.patience, page->stage.load(),
                 static_cast<unsigned long long>(page->done));
    auto all = descendants(root);
    std::erase_if(all, [](const auto& each) { return each.pid == ::getpid(); });
    for (const auto& each : all)
        std::fprintf(stderr, "  %d, child of %d: %s, %c, in %s (%s), %zu descriptors\n", each.pid,
                     each.parent, each.name.c_str(), each.state,
                     first_line_of(each.pid, "wchan").c_str(),
                     first_line_of(each.pid, "syscall").c_str(), open_descriptors(each.pid));
}

class killer {
public:
    /// Never the last one: with nobody up, some starts that fail end everything, as they should.
    void step()
    {
        const auto all = workers();
        std::vector<process_entry> born;
        for (const auto& each : all)
            if (std::ranges::none_of(seen_, [&](const auto& old) { return old.same(each); }))
                born.push_back(each);
        seen_ = all;
        if (all.size() < 2)
            return;
        const bool at_birth = !born.empty() && !was_at_birth_ && random_() % 4 == 0;
        const auto& from = at_birth ? born : all;
        if (!kill_safely(from[random_() % from.size()]))
            return;
        was_at_birth_ = at_birth;
        ++page->kills;
        page->at_birth += at_birth;
    }

    void pause() { ::usleep(static_cast<unsigned>(random_() % 12'000)); }

private:
    std::mt19937 random_{round_plan.seed};
    std::vector<process_entry> seen_;
    bool was_at_birth_ = false;
};

} // namespace

int kill_and_watch()
{
    root = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    killer killing;
    std::uint64_t last = 0;
    const char* stage = nullptr;
    auto alive = monotonic_now();
    for (;;) {
        if (const auto now = page->done.load(); now != last || page->stage != stage) {
            last = now;
            stage = page->stage;
            alive = monotonic_now();
        } else if (monotonic_now() - alive > round_plan.patience * std::int64_t{1'000'000'000}) {
            page->hung = true;
            if (round_plan.injected == fault::none)
                explain();
            ::kill(root, SIGKILL);
            return 1;
        }
        killing.pause();
        if (page->go)
            killing.step();
    }
}

} // namespace zproc::test::chaos
