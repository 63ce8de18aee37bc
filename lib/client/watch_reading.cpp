#include "client/watch.hpp"
#include "store/past.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace zproc::client {

namespace {

constexpr auto everything = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t most_reserved = 1024; // events

} // namespace

/// How far the namespace was when everything up to then was to be skipped, where the ring could
/// not tell at once: what came later is not to be skipped with it.
struct watch::mark_call final : call {
    std::weak_ptr<watch> owner;

    explicit mark_call(std::weak_ptr<watch> w) : call(false), owner(std::move(w)) {}

    bool is_fence() const noexcept override { return true; }

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        if (const auto self = owner.lock())
            protocol::write_request(out, correlation,
                                    protocol::read_request{self->name_space_, {}});
        else
            protocol::write_request(out, correlation, protocol::ping_request{});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        const auto self = owner.lock();
        if (!self)
            return;
        --self->marks_;
        protocol::read_reply reply;
        if (!ec && !protocol::decode(body, reply))
            self->machine_.skip_to(reply.revision);
        self->pump();
    }
};

bool watch::wants_more() const noexcept
{
    return begun_ && marks_ == 0 && returned_.empty() && !ready_ && !ended_ && !lost_ &&
           !failure_ && !machine_.finished();
}

void watch::read_ahead()
{
    while (wants_more() && position() && wants_more()) { // taking up a new ring may find a gap
        const auto before = reader_->where();
        event next;
        if (read_one(next))
            ready_ = std::move(next);
        if (!ready_ && reader_->where() == before) {
            ripen();
            break;
        }
    }
}

/// Room for what may be at hand, to judge by the record before: moving events costs as much as
/// making them.
void watch::make_room()
{
    const auto size = reader_->record().size;
    const auto head = reader_->head();
    if (size == 0 || head <= reader_->where())
        return;
    auto& taken = pending_->taken;
    taken.reserve(taken.size() +
                  std::min<std::size_t>({pending_->most - taken.size(), most_reserved,
                                         (head - reader_->where()) / size + 1}));
}

bool watch::has_enough() const noexcept
{
    return pending_->taken.size() >= pending_->most;
}

/// What comes next without further ado is read to where it is taken.
void watch::read_through()
{
    if (!wants_more() || !position() || !wants_more() || !pending_) // it may have failed meanwhile
        return;
    make_room();
    auto& taken = pending_->taken;
    struct last_one {
        std::vector<event>& of;
        bool is_event = false;
        ~last_one()
        {
            if (!is_event)
                of.pop_back();
        }
    };
    /// Made in place; one that a vector makes by itself would be zeroed first, as a whole.
    struct blank {
        operator event() const // NOLINT(google-explicit-constructor)
        {
            event one;
            return one;
        }
    };
    const auto add_one = [&taken] { taken.emplace_back(blank()); };
    add_one();
    last_one last{taken};
    for (;;) {
        const auto before = reader_->where();
        last.is_event = read_one(taken.back());
        if (last.is_event)
            machine_.delivered(taken.back());
        if (reader_->where() == before || (last.is_event && has_enough()) || !wants_more())
            return;
        if (last.is_event) {
            add_one();
            last.is_event = false;
        }
    }
}

/// One event that was ready, to who waits; false when there is none.
bool watch::hand_over()
{
    auto& taken = pending_->taken;
    if (!returned_.empty()) {
        taken.push_back(std::move(returned_.front()));
        returned_.pop_front();
    } else if (ready_ && !failure_) {
        taken.push_back(std::move(*ready_));
        ready_.reset();
    } else {
        return false;
    }
    machine_.delivered(taken.back());
    return true;
}

void watch::pump()
{
    const connection::busy here;
    if (!begun_ && !lost_)
        try_begin();
    if (!pending_)
        return read_ahead();
    // Taking up another ring may fail, and that completes it.
    while (pending_ && !has_enough()) {
        read_through();
        if (!pending_ || has_enough())
            break;
        read_ahead(); // what takes more
        if (!pending_ || !hand_over())
            break;
    }
    if (!pending_)
        return;
    if (!pending_->taken.empty()) {
        complete_taken();
    } else if (failure_) {
        complete(std::exchange(failure_, {}));
    } else if (ended_ || machine_.finished()) {
        complete({});
    } else if (lost_) {
        complete(errc::state_lost);
    } else {
        wait_for_hold();
    }
}

void watch::complete_taken()
{
    auto& taken = pending_->taken;
    if (taken.capacity() / 4 > taken.size() + 8) // room was made for much that was passed
        taken.shrink_to_fit();
    complete({});
}

/// Everything there is has been read: what was held back until now has held so long.
void watch::ripen()
{
    if (machine_.due())
        ready_ = machine_.ripen(std::max(wall_now(), ripe_at_));
}

/// A watch begins when it knows the revision after which, and a condition also what its keys were
/// then. The present of a condition comes by `present_call`; the past is in the ring.
void watch::try_begin()
{
    if (!registered_ || ended_)
        return;
    const auto& since = machine_.options().since;
    if (since.is_now()) {
        if (!machine_.is_condition())
            begin(registered_->revision, {}, false, 0);
        return;
    }
    if (!since.is_time() && !machine_.is_condition())
        return begin(since.revision(), {}, false, 0);
    ring_ = around_.feed->current();
    if (!ring_)
        return;
    const auto revision = since.is_time() ? revision_before(since.time().time_since_epoch().count())
                                          : since.revision();
    const auto base = machine_.is_condition() ? base_as_of(revision) : store::moment();
    begin(revision, base.content, machine_.tests_at_since(), base.time);
    ring_.reset(); // position() takes it up
}

void watch::begin(std::uint64_t revision, const dict& present, bool test, std::int64_t time)
{
    const connection::busy here;
    begun_ = true;
    ready_ = machine_.begin(revision, present, test, wall_now(), time);
}

/// Makes the reader one of the present ring, where the machine has come to. False: not yet.
bool watch::position()
{
    auto now = around_.feed->current();
    if (!now)
        return false;
    if (now == ring_)
        return true;
    const auto previous = std::exchange(ring_, std::move(now));
    const auto old_place = reader_ ? std::optional(reader_->where()) : std::nullopt;
    reader_.emplace(ring_->reader());
    if (instance_ && *instance_ != reader_->header().instance) {
        lose(); // another state answers at this address: its past is not ours
        return true;
    }
    const auto& moved = reader_->header().moved;
    if (previous && old_place && moved.previous_epoch == previous->epoch()) {
        if (const auto here = moved(*old_place)) {
            reader_->seek(*here);
            return true;
        }
    }
    if (registered_ && machine_.revision() == registered_->revision &&
        ring_->epoch() == registered_->epoch)
        reader_->seek(registered_->head);
    else
        locate();
    return true;
}

/// Finds the first record after what was seen; says so when some are gone.
void watch::locate()
{
    const auto seen = machine_.revision();
    const auto found = reader_->find(name_space_, seen);
    if (!found)
        return lose();
    reader_->seek(found->at);
    if (found->missed(seen))
        resume_at(found->revision != 0 ? found->revision - 1 : found->latest);
}

/// False: it was none, or none that this watcher is told of.
bool watch::read_one(event& into)
{
    switch (reader_->next_event(name_space_)) {
    case journal::read_result::got: {
        const auto& record = reader_->record();
        if (!machine_.gap_before(record.revision))
            return machine_.feed(record, fetch_, into);
        const auto at = record.at;
        resume_at(record.revision - 1);
        reader_->seek(at);
        return false;
    }
    case journal::read_result::none: break;
    case journal::read_result::lapped: locate(); break;
    case journal::read_result::damaged: lose(); break;
    }
    return false;
}

void watch::resume_at(std::uint64_t revision)
{
    auto from = base_as_of(revision);
    auto e = machine_.resume(from.as_of, from.time, std::move(from.content));
    if (e && machine_.options().on_gap == gap::fail)
        failure_ = errc::journal_overrun;
    else
        ready_ = std::move(e);
}

/// The revision of the last event not after `time`. Where that is gone, an earlier one that is
/// known: what is missing is noticed then, and told.
std::uint64_t watch::revision_before(std::int64_t time) const
{
    const auto point = store::point_at(ring_->reader(), name_space_, time);
    return point.certain ? point.revision : point.known;
}

store::moment watch::base_as_of(std::uint64_t revision) const
{
    return store::moment_at(ring_->reader(), name_space_, revision,
                            [this](std::string_view key) { return machine_.wants(key); });
}

/// Passes everything there is, unseen; only the present of a condition stays. Where the ring is
/// still to come, or may be behind, the server says how much there is.
void watch::seek_live()
{
    if (ended_ || lost_)
        return;
    const connection::busy here;
    const auto old = [](const event& e) { return e.kind != event_kind::present; };
    std::erase_if(returned_, old);
    auto present = ready_ && !old(*ready_) ? std::move(ready_) : std::nullopt;
    bool done = false;
    machine_.skip_to(everything);
    while (begun_ && marks_ == 0 && !failure_ && !done && position() && !lost_) {
        const auto before = reader_->where();
        event passed;
        read_one(passed);
        done = reader_->where() == before;
    }
    machine_.skip_to(machine_.revision());
    ready_ = std::move(present);
    if ((done && !around_.feed->is_behind()) || failure_ || lost_)
        return;
    ++marks_;
    around_.server->submit(std::make_unique<mark_call>(weak_from_this()));
}

} // namespace zproc::client
