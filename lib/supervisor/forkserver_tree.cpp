#include "supervisor/forkserver.hpp"
#include "supervisor/last_words.hpp"
#include "supervisor/walk.hpp"

#include <algorithm>
#include <string>

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

// What the supervisor does about deaths, stops and timers.

namespace zproc::supervision {
namespace {

using std::chrono::milliseconds;

/// Between two looks at a subtree that is being killed: longer and longer, for there may be some
/// who cannot be.
constexpr milliseconds next_look{5};
constexpr milliseconds longest_look{1000};

/// The longest grace that is not taken for a mistake; keeps deadlines away from overflow.
constexpr milliseconds longest_grace = std::chrono::hours(24 * 365);

std::string how_it_ended(const exit_report& exit)
{
    if (!exit.signalled)
        return "exited with code " + std::to_string(exit.number);
    const char* const name = ::sigabbrev_np(exit.number);
    return "was ended by " +
           (name != nullptr ? std::string("SIG") + name : std::to_string(exit.number));
}

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
    const auto known = [&](pid_t pid) { return by_pid_.contains(pid) || spared_.contains(pid); };
    const auto found = reap(known, look_again_, alive_);
    look_again_ = found.look_again;
    std::vector<std::pair<member_id, exit_report>> dead;
    std::vector<member_id> bereaved;
    for (const auto& each : found.dead)
        if (const auto it = by_pid_.find(each.pid); it != by_pid_.end()) {
            dead.emplace_back(it->second, each.exit);
            bereaved.push_back(it->second);
            members_.at(it->second).pid = -1; // may be another's from now on
            by_pid_.erase(it);
        } else {
            spared_.erase(each.pid);
        }
    // Without any, the orphans are of processes that died before they could be adopted
    // themselves: they belong to those who left these.
    if (!bereaved.empty())
        note_bereavement(std::move(bereaved));
    for (const auto pid : found.orphans) {
        show_life();
        adopt(pid);
    }
    for (const auto& [who, exit] : dead) {
        show_life();
        died(who, exit);
    }
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

/// What it wrote before it died still counts, but starts nothing.
void forkserver::read_last_words(member_id from)
{
    auto& socket = members_.at(from).socket;
    while (socket.is_open()) {
        auto packet = receiver_.receive(socket.socket());
        if (packet.what != received_packet::outcome::got)
            return;
        const auto said = decode(packet.bytes);
        if (said && (std::holds_alternative<message::keep>(*said) ||
                     std::holds_alternative<message::drop>(*said) ||
                     std::holds_alternative<message::threw>(*said)))
            handle(from, std::move(packet));
    }
}

void forkserver::died(member_id who, const exit_report& exit)
{
    settle_launch(who);
    read_last_words(who);
    auto& m = members_.at(who);
    m.socket.close();
    m.pid = -1;
    m.last_exit = exit;

    const auto delay = m.history.end(now(), exit, std::exchange(m.verdict, std::nullopt));
    if (!delay || step(m.state, child_event::lapsed).action != child_action::rest)
        return feed(who, child_event::died);
    feed(who, child_event::lapsed, *delay);
    if (*delay == milliseconds(0))
        feed(who, child_event::due);
}

/// There will not be another run.
void forkserver::over(member_id who)
{
    disarm(who);
    const auto& m = members_.at(who);
    const bool failed = (m.last_exit.signalled || m.last_exit.number != 0) && !m.asked;
    services_.erase(who);
    if (!m.orphan) {
        tell(m.owner, message::exited{who, m.last_exit, m.attempt, m.cause});
        using state = message::report::state;
        record(who, failed ? state::failed : state::down);
    }
    if (failed && !m.links.empty())
        fell(who);
    unlink(who);
    stop_bereaved(who);
    follow(tree_.ended(who));
}

/// It may not be killed, and those who wait for its end have waited long enough.
void forkserver::spare(member_id who)
{
    auto& m = members_.at(who);
    const auto process = number_and_name(m.pid);
    say_left(process);
    settle_launch(who);
    m.socket.close();
    by_pid_.erase(m.pid);
    spared_.insert(std::exchange(m.pid, -1));
    m.last_exit = {};
    m.last_exit.signalled = true; // of all that was tried, the last
    m.last_exit.number = SIGKILL;
    m.cause = "process " + process + " may not be killed by this user, and runs on";
    feed(who, child_event::spared);
}

/// Those that are linked with it fall, too.
void forkserver::fell(member_id who)
{
    const auto& m = members_.at(who);
    const auto cause = "linked with process '" + m.name + "' (pid " + std::to_string(m.outside) +
                       "), which " + how_it_ended(m.last_exit) +
                       (m.cause.empty() ? std::string() : ": " + m.cause);
    for (const auto each : std::set(m.links)) {
        if (each == tree::root) {
            // The guardian can see it from everywhere.
            ::send(setup_.guardian_socket.get(), &sign_for_root, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (const auto found = members_.find(each);
                   found != members_.end() && tree_.alive(each)) {
            if (found->second.cause.empty())
                found->second.cause = cause;
            stop(each);
        }
    }
}

void forkserver::unlink(member_id who)
{
    for (const auto each : std::exchange(members_.at(who).links, {}))
        if (const auto found = members_.find(each); found != members_.end())
            found->second.links.erase(who);
}

/// A line of the table of processes, for all who keep it.
void forkserver::record(member_id who, message::report::state now)
{
    const auto& m = members_.at(who);
    if (services_.empty() || m.orphan)
        return;
    message::report line;
    line.child = who;
    line.now = now;
    line.name = m.name;
    line.pid = m.outside;
    line.owner = m.owner;
    if (const auto owner = members_.find(m.owner); owner != members_.end())
        line.owner_pid = m.owner == tree::root ? setup_.surroundings.root : owner->second.outside;
    line.attempt = m.attempt;
    line.service = tree_.is_service(who);
    line.exit = m.last_exit;
    line.cause = m.cause;
    for (const auto each : services_) {
        members_.at(each).records->add(line);
        send_records(each);
    }
}

void forkserver::send_records(member_id service)
{
    while (const auto* line = members_.at(service).records->next())
        tell(service, *line);
}

void forkserver::announce(member_id who, message::progress::phase now,
                          std::vector<descriptor> beside, milliseconds delay)
{
    const auto& m = members_.at(who);
    if (m.orphan || m.launch)
        return;
    const auto pid = m.pid > 0 ? number_for(m.owner, m) : -1;
    tell(m.owner, message::progress{who, now, m.attempt, pid, m.last_exit, delay},
         std::move(beside));
    using state = message::report::state;
    switch (now) {
    case message::progress::phase::up: return record(who, state::up);
    case message::progress::phase::ready: return record(who, state::ready);
    case message::progress::phase::stopping: return record(who, state::stopping);
    case message::progress::phase::backoff: return record(who, state::backoff);
    }
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

void forkserver::feed(member_id who, child_event event, milliseconds time)
{
    const auto found = members_.find(who);
    if (found == members_.end() || who == tree::root)
        return;
    auto& m = found->second;
    const auto deadline = now() + std::min(time, longest_grace);
    const auto then = step(m.state, event);
    m.state = then.next;
    m.asked = m.asked || event == child_event::stop;
    switch (then.action) {
    case child_action::none: break;
    case child_action::terminate:
        if (m.pid > 0)
            signal_tree(m.pid, {SIGTERM, SIGCONT}, alive_);
        arm(who, deadline);
        announce(who, message::progress::phase::stopping);
        break;
    case child_action::hasten:
        if (deadline < m.deadline)
            arm(who, deadline);
        break;
    case child_action::kill:
        if (m.pid > 0 && m.refusal.tried(now(), !kill_tree(m.pid, alive_)))
            return spare(who);
        m.look = std::clamp(m.look * 2, next_look, longest_look);
        arm(who, now() + m.look);
        break;
    case child_action::rest:
        stop_bereaved(who);
        announce(who, message::progress::phase::backoff, {}, time);
        arm(who, deadline);
        break;
    case child_action::start_anew: start_anew(who); break;
    case child_action::bury: over(who); break;
    case child_action::farewell:
        if (!m.orphan)
            tell(m.owner, message::gone{who, leaving_});
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
    // The end of one may be the farewell of others.
    for (const auto each : tree_.to_stop(who))
        if (const auto found = members_.find(each); found != members_.end())
            feed(each, child_event::stop, grace.value_or(found->second.grace));
}

void forkserver::stop_bereaved(member_id who)
{
    // Those who have been asked already keep the time they were given.
    for (const auto each : tree_.to_stop(who))
        if (const auto found = members_.find(each);
            found != members_.end() && (found->second.state == child_state::running ||
                                        found->second.state == child_state::resting))
            feed(each, child_event::stop, found->second.grace);
}

void forkserver::tell(member_id whom, const any_message& m, std::vector<descriptor> beside)
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
        show_life();
        const auto who = timers_.begin()->second;
        disarm(who);
        feed(who, child_event::due);
    }
}

} // namespace zproc::supervision
