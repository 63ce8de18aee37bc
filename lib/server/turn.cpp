#include "server/clocks.hpp"
#include "server/host.hpp"

#include <algorithm>

#include <sys/epoll.h>

/// The second half of a turn: publish, write, wake, and what time brings.
namespace zproc::serving {

namespace {

constexpr std::int64_t second = 1'000'000'000;

} // namespace

/// Nothing leaves this process before what it tells of is published.
void host::end_turn()
{
    // Sessions that were resumed elsewhere: nothing of theirs is handled any more, and what is
    // written to them is lost anyway. Some are gone by now, and others have taken their seats.
    for (const auto who : std::exchange(hall_.displaced, {}))
        if (seats_[who] && seats_[who]->machine().displaced())
            drop(who);
    if (hall_.data->pending())
        hall_.data->publish();
    const auto handled = std::exchange(handled_, 0);
    const bool somebody = hall_.who.many() || !hall_.who.woken().empty();
    if (!somebody || wake_pace_.turn_ends(handled) || far_ahead(hall_.data->ring().head()))
        wake(); // first: they have further to go than who is answered
    stream();
    for (std::size_t i = 0; i != busy_.size(); ++i) {
        const auto who = busy_[i];
        marked_[who] = false;
        if (seats_[who])
            flush(who);
    }
    busy_.clear();
    feed_the_starved();
    if (hall_.data->pending()) { // that somebody has gone
        hall_.data->publish();
        wake();
    }
    rings_.retire();
}

void host::stream()
{
    for (const auto who : hall_.streams)
        if (seats_[who]->machine().stream())
            mark(who);
}

void host::flush(seat who)
{
    auto& c = *seats_[who];
    if (c.has_output() && !c.write(rings_, ticks_))
        return drop(who);
    auto& machine = c.machine();
    if (machine.closing() && !c.has_output())
        return drop(who);
    if (machine.starved() && !c.has_output())
        starved_.push_back(who); // others have to read first
    else if (machine.streams_more() ||
             (machine.unhandled() && !machine.starved() && !machine.congested()))
        again_.push_back(who);
    timing_ = timing_ || c.stuck_since() != 0;
    watch(c, who);
}

/// A client that does not read is not read from; it is written to when it takes something.
void host::watch(connection& c, seat who)
{
    auto& machine = c.machine();
    std::uint32_t wanted = c.has_output() ? std::uint32_t{EPOLLOUT} : 0u;
    if (machine.takes_input())
        wanted |= EPOLLIN;
    if (wanted == c.polled)
        return;
    epoll_event event{};
    event.events = c.polled = wanted;
    event.data.u64 = who;
    ::epoll_ctl(waited_for_on(c).get(), EPOLL_CTL_MOD, c.socket(), &event);
}

/// Of what everybody was last woken for; well before half a lap, whatever one request more writes.
bool host::far_ahead(journal::position at) const
{
    return at - broadcast_at_ >= hall_.data->ring().capacity() / 4;
}

/// One turn, even one read, can bring more than a ring holds: who sleeps is woken on the way.
void host::keep_pace()
{
    if (!far_ahead(hall_.data->ring().written()))
        return;
    hall_.data->publish();
    stream();
    wake();
}

void host::wake()
{
    wake_pace_.woken();
    const auto& ring = hall_.data->ring();
    const bool replaced = rings_.take_replaced();
    // A watcher that nothing concerns must not be lapped in its sleep.
    if (replaced || far_ahead(ring.head()) || hall_.who.many()) {
        signal_eventfd(rings_.wake_file());
        broadcast_at_ = ring.head();
    } else {
        for (const auto who : hall_.who.woken())
            if (who < seats_.size() && seats_[who] && seats_[who]->wake_file() >= 0)
                signal_eventfd(seats_[who]->wake_file());
    }
    hall_.who.reset();
}

/// Of atomic functions: turns that are over end, who waited for them goes on, others' begin.
void host::pass_turns()
{
    for (;;) {
        look_at_lease_clock(); // each time: what the last one brought may have taken long
        const auto due = hall_.turns.next(hall_.lease_clock);
        if (!due)
            return;
        auto& machine = seats_[due->where]->machine();
        if (due->begun)
            machine.turn_begins(*due->begun, wall_);
        else
            machine.resume(wall_);
        mark(due->where);
    }
}

/// Who waited because of what others did not read goes on when that is less.
void host::feed_the_starved()
{
    if (starved_.empty() || hall_.waiting >= hall_.most_waiting)
        return;
    again_.insert(again_.end(), starved_.begin(), starved_.end());
    starved_.clear();
}

/// How long to wait at most: while somebody's time is running, a second at a time; not beyond the end
/// of a lease, to the next millisecond; nor beyond the end of a session whose client has gone.
int host::patience(int milliseconds)
{
    if (!again_.empty() || wake_pace_.puts_off())
        return 0;
    const auto at_most = [&](std::int64_t limit) {
        if (milliseconds < 0 || milliseconds > limit)
            milliseconds = static_cast<int>(limit);
    };
    if (timing_)
        at_most(1000);
    if (const auto since = hall_.sessions.longest_away()) {
        const auto left =
            std::max(options_.session_expiry - (ticks_ - *since), minded_at_ + second / 2 - ticks_);
        at_most(std::clamp(left, std::int64_t{0}, 3600 * second) / 1'000'000 + 1);
    }
    if (porch_ && !porch_open_)
        at_most(porch_time_.wait(read_clock(CLOCK_MONOTONIC)) / 1'000'000 + 1);
    if (!hall_.turns.idle()) {
        look_at_lease_clock();
        const auto due = hall_.turns.next_deadline();
        at_most(due <= hall_.lease_clock ? 0 : (due - hall_.lease_clock + 999'999) / 1'000'000);
    }
    return milliseconds;
}

void host::mind_the_time()
{
    const auto away = hall_.sessions.longest_away();
    const bool expired = away && ticks_ - *away >= options_.session_expiry;
    if ((!timing_ && !expired) || ticks_ - minded_at_ < second / 2)
        return;
    minded_at_ = ticks_;
    timing_ = false;
    for (seat who = 0; who != seats_.size(); ++who) {
        if (!seats_[who] || seats_[who]->stuck_since() == 0)
            continue;
        const bool greeted = seats_[who]->machine().greeted();
        const auto limit = greeted ? options_.read_within : options_.hello_within;
        if (ticks_ - seats_[who]->stuck_since() < limit) {
            timing_ = true;
            continue;
        }
        if (!greeted)
            dawdled(*seats_[who]);
        drop(who);
    }
    error_code full;
    for (const auto session : hall_.sessions.expire(ticks_, options_.session_expiry)) {
        if (!full.failed())
            full = hall_.data->close_session(session, wall_);
        if (full.failed()) // on disk or in the ring; it is due again at once
            hall_.sessions.away(session, ticks_ - options_.session_expiry);
        keep_pace();
    }
    retry_records();
    timing_ = timing_ || !waiting_records_.empty();
    end_turn();
}

} // namespace zproc::serving
