#include "supervisor/reaper.hpp"

#include "supervisor/walk.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace zproc::supervision {
namespace {

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

harvest reap(const std::function<bool(pid_t)>& known)
{
    harvest result;
    if (!reap_into(result.dead))
        return result;
    // Someone may die between reaping and looking, and what it left would be put down to the
    // others. A process is reparented and becomes reapable in one step: so if nobody more is
    // found dead after the look, then all orphans seen come from those we have.
    for (int look = 0; look != looks; ++look) {
        result.orphans.clear();
        for (const auto pid : children_of(::getpid())) {
            // A pid of someone reaped just now may already be in use again, by an orphan.
            const auto reaped = std::any_of(result.dead.begin(), result.dead.end(),
                                            [&](const auto& each) { return each.pid == pid; });
            if (reaped || !known(pid))
                result.orphans.push_back(pid);
        }
        if (!reap_into(result.dead))
            break;
    }
    return result;
}

} // namespace zproc::supervision
