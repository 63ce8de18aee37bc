#include "supervisor/launch.hpp"

#include "supervisor/prepare.hpp"
#include "supervisor/reserve.hpp"
#include "supervisor/sanitized.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// What a child ends with when it could not be made what was asked for; 126 as a shell has it.
constexpr int cannot_set_up = 126;

bool is_crash(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
           number == SIGABRT || number == SIGTRAP;
}

void close_from_to(unsigned first, unsigned last) noexcept
{
    if (first <= last && ::syscall(SYS_close_range, first, last, 0u) != 0)
        for (unsigned each = first; each <= std::min(last, 65'536u); ++each)
            ::close(static_cast<int>(each));
}

bool take_standard_descriptors(const std::vector<descriptor>& sent) noexcept
{
    // The sent ones are all above 2, because the supervisor has its own 0 to 2 open.
    for (int number = 0; number != 3; ++number)
        if (::dup2(sent[static_cast<std::size_t>(number)].get(), number) < 0)
            return false;
    return true;
}

bool apply_surroundings(const message::spawn& asked) noexcept
{
    if (asked.environment) {
        ::clearenv();
        for (const auto& each : *asked.environment)
            // The strings live as long as this process: nothing of the plan is ever destroyed.
            ::putenv(const_cast<char*>(each.c_str()));
    }
    if (asked.file_mask)
        ::umask(static_cast<mode_t>(*asked.file_mask));
    return !asked.directory || ::chdir(asked.directory->c_str()) == 0;
}

void apply_limits(const std::vector<std::uint64_t>& limits) noexcept
{
    for (std::size_t i = 0; i + 2 < limits.size(); i += 3) {
        const rlimit wanted{limits[i + 1], limits[i + 2]};
        ::setrlimit(static_cast<__rlimit_resource_t>(limits[i]), &wanted);
    }
}

/// Says why to who waits for a command to run.
[[noreturn]] void give_up(int status, int error) noexcept
{
    if (status >= 0)
        static_cast<void>(!::write(status, &error, sizeof error));
    ::_exit(cannot_set_up);
}

[[noreturn]] void run_command(const std::vector<std::string>& command, int status) noexcept
{
    std::vector<char*> arguments;
    for (const auto& each : command)
        arguments.push_back(const_cast<char*>(each.c_str()));
    arguments.push_back(nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(arguments.front(), arguments.data());
    give_up(status, errno);
}

} // namespace

void reset_signal_handlers() noexcept
{
    struct sigaction fresh{};
    fresh.sa_handler = SIG_DFL;
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (sanitized && is_crash(number))
            continue;
        struct sigaction old{};
        if (number == SIGHUP && ::sigaction(number, nullptr, &old) == 0 &&
            old.sa_handler == SIG_IGN)
            continue;
        ::sigaction(number, &fresh, nullptr);
    }
}

void close_all_but(std::vector<int> kept) noexcept
{
    std::sort(kept.begin(), kept.end());
    unsigned first = 3;
    for (const auto each : kept) {
        if (each < 3)
            continue;
        const auto number = static_cast<unsigned>(each);
        if (number > first)
            close_from_to(first, number - 1);
        first = std::max(first, number + 1);
    }
    close_from_to(first, std::numeric_limits<unsigned>::max());
    forget_reserve();
}

void run_child(const launch_plan& plan, const launch_surroundings& surroundings,
               const launch_run& run) noexcept
{
    // A parent that died before the first line is not reported by the signal.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != surroundings.supervisor)
        ::_exit(cannot_set_up);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::setrlimit(RLIMIT_NOFILE, &surroundings.open_files);

    child_start start;
    start.id = run.id;
    start.attempt = run.attempt;
    start.control = run.control;
    start.kept = run.kept;
    start.history = run.history;
    start.name = plan.spawn.name;
    start.payload = plan.spawn.payload;
    start.runtime_directory = surroundings.runtime_directory;

    std::vector<int> open{run.control};
    if (run.status >= 0)
        open.push_back(run.status);
    for (std::size_t i = 3; i < plan.descriptors.size(); ++i)
        start.descriptors.push_back(plan.descriptors[i].get());
    open.insert(open.end(), start.descriptors.begin(), start.descriptors.end());
    for (const auto& each : start.kept)
        open.push_back(each.number);

    if (!take_standard_descriptors(plan.descriptors))
        ::_exit(cannot_set_up);
    close_all_but(std::move(open));
    if (!start.name.empty())
        ::prctl(PR_SET_NAME, start.name.c_str(), 0, 0, 0);
    if (!apply_surroundings(plan.spawn))
        give_up(run.status, errno);
    apply_limits(plan.spawn.limits);
    if (plan.spawn.command)
        run_command(*plan.spawn.command, run.status);

    become_child(start, surroundings.supervisor, surroundings.isolation);
    const auto run_entry = reinterpret_cast<entry>(static_cast<std::uintptr_t>(plan.spawn.entry));

    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::_exit(run_entry(start));
}

} // namespace zproc::supervision
