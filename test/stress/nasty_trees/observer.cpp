#include "stress/nasty_trees/observer.hpp"

#include "descriptor.hpp"
#include "stress/nasty_trees/model.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace zproc::test::nasty {

namespace {

constexpr auto between_looks = std::chrono::milliseconds(5);

/// Looks in a row at which there has to be nobody: who forks and exits may slip through one.
constexpr int looks = 3;

bool carries_argument_mark(pid_t pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str().find('\0' + argument_mark() + '\0') != std::string::npos;
}

} // namespace

observer::observer()
{
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    get_orphans(true);
}

void observer::get_orphans(bool yes)
{
    ::prctl(PR_SET_CHILD_SUBREAPER, yes ? 1 : 0);
}

std::vector<process_entry> observer::everyone() const
{
    auto found = own_processes();
    for (auto& each : all_processes())
        if (each.pid != ::getpid() && !is_among(found, each) && carries_argument_mark(each.pid))
            found.push_back(std::move(each));
    return found;
}

bool observer::collect()
{
    for (;;) {
        int status = 0;
        const auto pid = ::waitpid(-1, &status, WNOHANG | __WALL);
        if (pid == 0)
            return true;
        if (pid < 0)
            return errno != ECHILD;
        statuses_.emplace_back(pid, status);
    }
}

int observer::status_of(pid_t pid)
{
    collect();
    for (const auto& [whose, status] : statuses_)
        if (whose == pid)
            return status;
    return -1;
}

void observer::wait_for_a_death(clock::time_point until)
{
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    const auto left = std::max<clock::duration>(until - clock::now(), clock::duration(0));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{
        seconds.count(),
        std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
    ::sigtimedwait(&child, nullptr, &time);
}

std::vector<process_entry> observer::wait_for_nobody(clock::time_point until)
{
    while (collect() && clock::now() < until)
        wait_for_a_death(until);
    // With the orphans coming to us, this look finds only what the kernel has told already.
    return wait_for_nobody_but([](const process_entry&) { return false; }, until);
}

std::vector<process_entry>
observer::wait_for_nobody_but(const std::function<bool(const process_entry&)>& may_stay,
                              clock::time_point until)
{
    for (int clean = 0; clean != looks;) {
        const bool any = collect();
        auto found = everyone();
        std::erase_if(found, may_stay);
        if (found.empty() && !any)
            return {};
        if (found.empty()) {
            ++clean;
            continue;
        }
        clean = 0;
        if (clock::now() >= until)
            return found;
        // Somebody else's children tell us nothing when they die: watch one of those alive.
        const auto alive = std::ranges::find_if_not(found, &process_entry::zombie);
        const auto soon = std::min(until, clock::now() + between_looks);
        if (alive == found.end())
            wait_for_a_death(soon);
        else
            wait_for_end(alive->pid, static_cast<int>(between_looks.count()));
    }
    return {};
}

void observer::remove(const std::vector<process_entry>& those)
{
    std::vector<descriptor> held;
    for (const auto& each : those)
        held.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, each.pid, 0)));
    // Held: from here on a number means nobody else, if it still means him.
    const auto now = everyone();
    for (std::size_t i = 0; i != those.size(); ++i)
        if (held[i] && is_among(now, those[i]))
            ::syscall(SYS_pidfd_send_signal, held[i].get(), SIGKILL, nullptr, 0);
}

bool is_among(const std::vector<process_entry>& all, const process_entry& one)
{
    return std::ranges::any_of(all, [&](const auto& each) { return each.same(one); });
}

std::string text_of(const std::vector<process_entry>& processes)
{
    std::string text;
    for (const auto& each : processes)
        text += (text.empty() ? "" : ", ") + std::to_string(each.pid) + " (" + each.name + ", " +
                each.state + ", child of " + std::to_string(each.parent) + ')';
    return text;
}

} // namespace zproc::test::nasty
