#include "supervisor/reaper.hpp"

#include "supervisor/walk.hpp"

#include <cerrno>
#include <cstddef>
#include <unordered_set>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// Whether it will have to be reaped by us. Not so is who died while a parent that ignores SIGCHLD
/// was still its own, and who came to us only on its way out: it is seen for a moment, vanishes by
/// itself, and its number may be another's then.
bool is_to_be_reaped(pid_t child)
{
    siginfo_t unused{};
    return ::waitid(P_PID, static_cast<id_t>(child), &unused,
                    WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 ||
           errno != ECHILD;
}

/// A chain of processes that fork and exit can outrun us; what it leaves is found next time.
constexpr int looks = 16;

std::chrono::microseconds since(const timeval& t)
{
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
}

exit_report report(int status, const rusage& usage)
{
    exit_report r;
    r.signalled = WIFSIGNALED(status);
    r.number = r.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    r.core = r.signalled && WCOREDUMP(status);
    r.user_time = since(usage.ru_utime);
    r.system_time = since(usage.ru_stime);
    r.max_resident_kib = usage.ru_maxrss;
    r.minor_faults = usage.ru_minflt;
    r.major_faults = usage.ru_majflt;
    r.voluntary_switches = usage.ru_nvcsw;
    r.involuntary_switches = usage.ru_nivcsw;
    return r;
}

bool reap_into(std::vector<reaped_process>& dead)
{
    const auto before = dead.size();
    for (;;) {
        int status = 0;
        rusage usage{};
        const auto pid = ::wait4(-1, &status, WNOHANG | __WALL, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return dead.size() != before;
        dead.push_back({pid, report(status, usage)});
    }
}

} // namespace

harvest reap(const std::function<bool(pid_t)>& known, bool look, const life_sign& alive)
{
    harvest result;
    if (!reap_into(result.dead) && !look)
        return result;
    // Someone may die between reaping and looking, and what it left would be put down to the
    // others. Who is to be reaped by us is reparented and becomes reapable in one step: so if
    // nobody more is found dead after the look, all orphans seen come from those we have.
    std::unordered_set<pid_t> dead;
    for (int i = 0; i != looks; ++i) {
        alive();
        result.orphans.clear();
        const auto before = static_cast<std::ptrdiff_t>(result.dead.size());
        for (auto at = result.dead.begin() + static_cast<std::ptrdiff_t>(dead.size());
             at != result.dead.end(); ++at)
            dead.insert(at->pid);
        bool all = true;
        for (const auto pid : children_of(::getpid(), &all))
            // A pid of someone reaped just now may already be in use again, by an orphan.
            if ((dead.contains(pid) || !known(pid)) && is_to_be_reaped(pid))
                result.orphans.push_back(pid);
        result.look_again = reap_into(result.dead);
        if (!result.look_again) {
            result.look_again = !all;
            break;
        }
        // Adopting a dead one would mean waiting for it for ever.
        std::unordered_set<pid_t> since;
        for (auto at = result.dead.begin() + before; at != result.dead.end(); ++at)
            since.insert(at->pid);
        std::erase_if(result.orphans, [&](pid_t orphan) { return since.contains(orphan); });
    }
    return result;
}

} // namespace zproc::supervision
