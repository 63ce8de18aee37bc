#include "supervisor/reaper.hpp"

#include "supervisor/walk.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

harvest reap(const std::function<bool(pid_t)>& known, bool look)
{
    harvest result;
    if (!reap_into(result.dead) && !look)
        return result;
    // Someone may die between reaping and looking, and what it left would be put down to the
    // others. A process is reparented and becomes reapable in one step: so if nobody more is
    // found dead after the look, then all orphans seen come from those we have.
    for (int i = 0; i != looks; ++i) {
        result.orphans.clear();
        const auto before = result.dead.size();
        for (const auto pid : children_of(::getpid())) {
            // A pid of someone reaped just now may already be in use again, by an orphan.
            const auto reaped = std::any_of(result.dead.begin(), result.dead.end(),
                                            [&](const auto& each) { return each.pid == pid; });
            if (reaped || !known(pid))
                result.orphans.push_back(pid);
        }
        result.look_again = reap_into(result.dead);
        if (!result.look_again)
            break;
        // Adopting a dead one would mean waiting for it for ever.
        std::erase_if(result.orphans, [&](pid_t orphan) {
            return std::any_of(result.dead.begin() + static_cast<std::ptrdiff_t>(before),
                               result.dead.end(),
                               [&](const auto& each) { return each.pid == orphan; });
        });
    }
    return result;
}

} // namespace zproc::supervision
