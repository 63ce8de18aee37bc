#include "supervisor/forkserver.hpp"
#include "supervisor/walk.hpp"

#include <algorithm>
#include <cerrno>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// What the supervisor does about deaths, stops and timers.

namespace zproc::supervision {
namespace {

using std::chrono::milliseconds;

/// Between two looks at a subtree that is being killed.
constexpr milliseconds next_look{5};

/// The longest grace that is not taken for a mistake; keeps deadlines away from overflow.
constexpr milliseconds longest_grace = std::chrono::hours(24 * 365);

} // namespace

void forkserver::root_gone(std::optional<milliseconds> grace)
{
    // May come twice: the root asks politely and then dies. What ends sooner holds.
    stop_below(tree::root, grace);
    if (!leaving_) {
        leaving_ = true;
        follow(tree_.ended(tree::root));
    }
}

void forkserver::bury_the_dead()
{
    const auto found = reap([&](pid_t pid) { return by_pid_.contains(pid); }, look_again_);
    look_again_ = found.look_again;
    std::vector<std::pair<member_id, exit_report>> dead;
    std::vector<member_id> bereaved;
    for (const auto& each : found.dead)
        if (const auto known = by_pid_.find(each.pid); known != by_pid_.end()) {
            dead.emplace_back(known->second, each.exit);
            bereaved.push_back(known->second);
            by_pid_.erase(known);
        }
    // Without any, the orphans are of processes that died before they could be adopted
    // themselves: they belong to those who left these.
    if (!bereaved.empty())
        note_bereavement(std::move(bereaved));
    for (const auto pid : found.orphans)
        adopt(pid);
    for (const auto& [who, exit] : dead)
        died(who, exit);
}

void forkserver::note_bereavement(std::vector<member_id> dead)
{
    last_ = {};
    last_.stage = child_state::killing;
    for (const auto each : dead) {
        const auto& m = members_.at(each);
        last_.stage = std::min(last_.stage, m.state);
        last_.deadline = std::max(last_.deadline, m.deadline);
        last_.grace = m.grace;
    }
    last_.dead = std::move(dead);
}

void forkserver::adopt(pid_t orphan)
{
    const auto adopted = next_id_++;
    tree_.adopt(adopted, last_.dead);
    by_pid_[orphan] = adopted;
    auto& added = members_[adopted];
    added.pid = orphan;
    added.orphan = true;
    added.grace = last_.grace;
    // It is as far on the way out as those who left it: asked to end together with them, its time
    // is up when theirs is.
    if (last_.stage == child_state::running) {
        feed(adopted, child_event::stop, added.grace);
    } else {
        added.state = last_.stage;
        arm(adopted, last_.stage == child_state::ending ? last_.deadline : time_point(1));
    }
}

void forkserver::died(member_id who, const exit_report& exit)
{
    auto& m = members_.at(who);
    // What a service gave us before it died still counts.
    if (tree_.is_service(who))
        while (m.socket.is_open()) {
            auto packet = receiver_.receive(m.socket.socket());
            if (packet.what != received_packet::outcome::got)
                break;
            const auto kind = decode(packet.bytes);
            if (kind && (std::holds_alternative<message::keep>(*kind) ||
                         std::holds_alternative<message::drop>(*kind)))
                handle(who, std::move(packet));
        }
    m.socket.close();
    m.pid = -1;

    const bool failed = exit.signalled || exit.number != 0;
    const auto lapse = step(m.state, child_event::lapsed);
    if (tree_.is_service(who) && failed && lapse.action == child_action::start_anew &&
        m.history.permit(now())) {
        m.state = lapse.next;
        stop_bereaved(who);
        if (start_anew(who, exit))
            return;
    }

    if (!m.orphan)
        tell(m.owner, message::exited{who, exit, m.attempt});
    feed(who, child_event::died);
    stop_bereaved(who);
    follow(tree_.ended(who));
}

bool forkserver::start_anew(member_id who, const exit_report& exit)
{
    auto& m = members_.at(who);
    ++m.attempt;
    descriptor pidfd;
    if (fork_run(who, pidfd) != 0) {
        --m.attempt;
        return false;
    }
    tell(m.owner, message::restarted{who, exit, m.attempt, m.pid}, std::move(pidfd));
    return true;
}

void forkserver::follow(const tree::departure& departure)
{
    for (const auto each : departure.due)
        stop(each);
    for (const auto each : departure.gone) {
        if (each == tree::root)
            finished_ = true;
        else
            feed(each, child_event::cleared);
    }
}

void forkserver::feed(member_id who, child_event event, milliseconds grace)
{
    const auto found = members_.find(who);
    if (found == members_.end() || who == tree::root)
        return;
    auto& m = found->second;
    const auto deadline = now() + std::min(grace, longest_grace);
    const auto then = step(m.state, event);
    m.state = then.next;
    switch (then.action) {
    case child_action::none:
    case child_action::start_anew: // done by died(), which knows the status
        break;
    case child_action::terminate:
        signal_tree(m.pid, {SIGTERM, SIGCONT});
        arm(who, deadline);
        break;
    case child_action::hasten:
        if (deadline < m.deadline)
            arm(who, deadline);
        break;
    case child_action::kill:
        kill_tree(m.pid);
        arm(who, now() + next_look);
        break;
    case child_action::bury: disarm(who); break;
    case child_action::farewell:
        if (!m.orphan)
            tell(m.owner, message::gone{who});
        disarm(who);
        members_.erase(who);
        break;
    }
}

void forkserver::stop(member_id who, std::optional<milliseconds> grace)
{
    if (const auto found = members_.find(who); found != members_.end())
        feed(who, child_event::stop, grace.value_or(found->second.grace));
    stop_below(who, grace);
}

void forkserver::stop_below(member_id who, std::optional<milliseconds> grace)
{
    for (const auto each : tree_.to_stop(who))
        feed(each, child_event::stop, grace.value_or(members_.at(each).grace));
}

void forkserver::stop_bereaved(member_id who)
{
    // Those who have been asked already keep the time they were given.
    for (const auto each : tree_.to_stop(who))
        if (const auto& m = members_.at(each); m.state == child_state::running)
            feed(each, child_event::stop, m.grace);
}

int forkserver::fork_run(member_id who, descriptor& pidfd)
{
    auto& m = members_.at(who);
    auto sockets = make_packet_pair();
    if (!sockets.first)
        return errno;

    setup_.surroundings.group = ::getpgid(setup_.surroundings.root);
    const auto pid = ::fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        launch_run run{who, m.attempt, sockets.second.get(), {}};
        for (const auto& [name, number] : m.kept)
            run.kept.push_back({name, number.get()});
        run_child(m.plan, setup_.surroundings, run);
    }
    // Nobody reaps but we, so the pid is still its own.
    pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    m.pid = pid;
    by_pid_[pid] = who;
    m.socket.open(std::move(sockets.first), events_.get(), who);
    return 0;
}

void forkserver::tell(member_id whom, const any_message& m, descriptor beside)
{
    if (const auto found = members_.find(whom); found != members_.end())
        found->second.socket.send(m, std::move(beside));
}

void forkserver::arm(member_id who, time_point when)
{
    disarm(who);
    members_.at(who).deadline = when;
    timers_.insert({when, who});
}

void forkserver::disarm(member_id who)
{
    auto& m = members_.at(who);
    timers_.erase({m.deadline, who});
    m.deadline = time_point(0);
}

void forkserver::fire_timers()
{
    const auto due = now();
    while (!timers_.empty() && timers_.begin()->first <= due) {
        const auto who = timers_.begin()->second;
        disarm(who);
        feed(who, child_event::grace_over);
    }
}

} // namespace zproc::supervision
