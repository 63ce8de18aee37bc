#include "supervisor/channel.hpp"
#include "supervisor/forkserver.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/pidfd.hpp"

#include <cerrno>
#include <random>
#include <string>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// How the supervisor forks a run of a process.

namespace zproc::supervision {
namespace {

using std::chrono::milliseconds;

/// When there is nothing to run a process again with.
constexpr milliseconds next_try{200};
constexpr unsigned most_failed_starts = 150;

/// In a plan: behind the three standard ones.
constexpr std::size_t first_own = 3;

} // namespace

void forkserver::start_anew(member_id who)
{
    auto& m = members_.at(who);
    // A run that could not begin is none: what was missing may be there later.
    const auto give_up = [&](int error) {
        --m.attempt;
        if (++m.failed_starts < most_failed_starts)
            return feed(who, child_event::lapsed, next_try);
        m.cause = "it could not be run again: " + std::string(::strerror(error));
        feed(who, child_event::died);
    };
    ++m.attempt;
    m.is_ready = false;
    std::vector<descriptor> beside(1);
    if (!m.plan.spawn.service && !m.plan.spawn.command) {
        // What it has to say must not mix with what is left of the run before it.
        error_code ec;
        auto channel = make_channel(ec);
        if (ec)
            return give_up(ec.value());
        m.plan.descriptors[first_own] = std::move(channel.process);
        beside.push_back(std::move(channel.owner));
    }
    if (const auto error = fork_run(who, beside.front()))
        return give_up(error);
    m.failed_starts = 0;
    if (m.records)
        m.records->begin_anew();
    announce(who, message::progress::phase::up, std::move(beside));
}

bool forkserver::is_in_namespace() const
{
    return setup_.surroundings.isolation == isolation_level::pid_namespace;
}

/// Where its children are, their parent has to be, too: when the last process of a group ends whose
/// parent is in another group of the session, and one in it is stopped, the kernel sends SIGHUP to
/// all of them, the root included. So there must not be such a process.
void forkserver::join_group_of_root()
{
    if (is_in_namespace()) // where the root has no number
        return;
    const auto group = ::getpgid(setup_.surroundings.root);
    if (group > 0 && group != own_group_) {
        ::setpgid(0, group); // fails where the root has a session of its own; no harm
        own_group_ = ::getpgrp();
    }
}

int forkserver::fork_run(member_id who, descriptor& pidfd, int status)
{
    auto& m = members_.at(who);
    auto sockets = make_packet_pair();
    if (!sockets.first)
        return errno;

    if (!m.socket.open(std::move(sockets.first), events_.get(), who))
        return errno;
    join_group_of_root();
    m.history.begin(now(), std::generate_canonical<double, 32>(chance_));
    const auto pid = ::fork();
    const auto fail = [&](int error) {
        m.socket.close();
        return error;
    };
    if (pid < 0)
        return fail(errno);
    if (pid == 0) {
        launch_run run{who, m.attempt, sockets.second.get(), {}, &m.history, status};
        for (const auto& [name, number] : m.kept)
            run.kept.push_back({name, number.get()});
        run_child(m.plan, setup_.surroundings, run);
    }
    // Nobody reaps but we, so the pid is still its own; its socket has been watched since before it
    // existed, so that nobody is there of whom nothing would be heard.
    pidfd = open_pidfd(pid);
    const auto outside = !pidfd ? -1 : is_in_namespace() ? number_in_proc(pidfd.get()) : pid;
    if (outside <= 0) {
        // Nobody could be told of it, for want of a descriptor.
        const auto error = errno ? errno : EMFILE;
        ::kill(pid, SIGKILL);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
        look_again_ = true; // it may have forked, and its end is not found any more
        return fail(error);
    }
    m.pid = pid;
    m.last_pid = pid;
    m.outside = outside;
    by_pid_[pid] = who;
    return 0;
}

} // namespace zproc::supervision
