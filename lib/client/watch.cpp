#include "client/watch.hpp"

#include "value/msgpack.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <limits>
#include <set>
#include <utility>

namespace zproc::client {

namespace {

constexpr msgpack::limits any_size{64, std::numeric_limits<std::size_t>::max()};

} // namespace

/// What the watched keys are now, on the heels of the registration: a condition is first tested
/// against it, at its revision.
struct watch::present_call final : call {
    std::weak_ptr<watch> owner;

    explicit present_call(std::weak_ptr<watch> w) : call(false), owner(std::move(w)) {}

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        const auto self = owner.lock();
        if (!self)
            protocol::write_request(out, correlation, protocol::ping_request{});
        else if (self->machine_.wants_everything())
            protocol::write_request(out, correlation,
                                    protocol::snapshot_request{self->name_space_});
        else
            protocol::write_request(out, correlation,
                                    protocol::read_request{self->name_space_, self->interest()});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        const auto self = owner.lock();
        if (!self || self->begun_)
            return;
        std::uint64_t revision = 0;
        std::vector<protocol::present> items;
        if (!ec && self->machine_.wants_everything()) {
            protocol::snapshot_reply reply;
            ec = protocol::decode(body, reply);
            revision = reply.revision;
            items = std::move(reply.items);
        } else if (!ec) {
            protocol::read_reply reply;
            ec = protocol::decode(body, reply);
            revision = reply.revision;
            items = std::move(reply.items);
        }
        dict present;
        for (const auto& each : items) {
            value v;
            if (!each.value)
                continue;
            if (!ec)
                ec = msgpack::decode(*each.value, v, any_size);
            present.insert_or_assign(each.key, std::move(v));
        }
        if (ec)
            return self->failed(ec);
        self->begin(revision, present, true);
        self->pump();
    }
};

watch::watch(surroundings around, std::string name_space, watch_fsm machine)
    : around_(std::move(around)), name_space_(std::move(name_space)), machine_(std::move(machine))
{
}

watch::~watch() = default;

void watch::start()
{
    if (id_ == 0 && !ended_)
        id_ = around_.feed->add(shared_from_this());
}

std::unique_ptr<detail::pending_event> watch::loop_gone()
{
    gone_ = true;
    reader_.reset();
    ring_.reset();
    timer_.reset();
    around_ = {};
    return std::move(pending_);
}

// The handle's side: any thread -----------------------------------------------------------------

void watch::next(std::unique_ptr<detail::pending_event> p)
{
    if (gone_)
        return p->complete({}, errc::context_gone, std::nullopt);
    const auto operation = ++operations_;
    if (auto slot = p->cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this(), operation](asio::cancellation_type) {
            const auto self = weak.lock();
            if (!self || self->gone_)
                return;
            asio::dispatch(self->around_.strand, [weak, operation] {
                if (const auto alive = weak.lock())
                    alive->drop_operation(operation);
            });
        });
    asio::dispatch(around_.strand,
                   [self = shared_from_this(), p = std::move(p), operation]() mutable {
                       self->take(std::move(p), operation);
                   });
}

void watch::go_live()
{
    if (!gone_)
        asio::dispatch(around_.strand, [self = shared_from_this()] { self->seek_live(); });
}

void watch::cancel()
{
    if (gone_)
        return;
    asio::dispatch(around_.strand, [self = shared_from_this()] {
        self->ended_ = true;
        self->ready_.reset();
        self->around_.feed->remove(self->id_);
        if (self->pending_)
            self->complete({}, std::nullopt);
    });
}

void watch::abandon() noexcept
{
    if (gone_)
        return;
    asio::dispatch(around_.strand, [self = shared_from_this()] {
        self->ended_ = true;
        self->around_.feed->remove(self->id_);
        if (self->pending_)
            self->complete(asio::error::operation_aborted, std::nullopt);
    });
}

// On the strand ---------------------------------------------------------------------------------

void watch::take(std::unique_ptr<detail::pending_event> p, std::uint64_t operation)
{
    if (pending_)
        return p->complete(around_.io, asio::error::already_started, std::nullopt);
    pending_ = std::move(p);
    pending_operation_ = operation;
    if (machine_.options().live)
        seek_live();
    if (failure_)
        return complete(std::exchange(failure_, {}), std::nullopt);
    if (const auto ec = around_.server->condemned(); ec && !ended_ && !ready_)
        return complete(ec, std::nullopt);
    start();
    pump();
    if (pending_)
        wait();
}

void watch::drop_operation(std::uint64_t operation)
{
    if (pending_ && pending_operation_ == operation)
        complete(asio::error::operation_aborted, std::nullopt);
}

void watch::wait()
{
    if (!holding_) {
        holding_ = true;
        around_.feed->hold();
    }
    if (!pending_ || !machine_.options().timeout)
        return;
    timer_operation_ = pending_operation_;
    timer_.emplace(around_.strand);
    timer_->expires_after(
        std::chrono::duration_cast<asio::steady_timer::duration>(*machine_.options().timeout));
    timer_->async_wait([weak = weak_from_this(), operation = pending_operation_](error_code ec) {
        const auto self = weak.lock();
        if (self && !ec && self->pending_ && self->pending_operation_ == operation)
            self->complete(asio::error::timed_out, std::nullopt);
    });
}

void watch::complete(error_code ec, std::optional<event> e)
{
    missed_ = machine_.missed();
    auto p = std::move(pending_);
    if (std::exchange(timer_operation_, 0) == pending_operation_)
        timer_.reset();
    if (std::exchange(holding_, false))
        around_.feed->release();
    p->complete(around_.io, ec, std::move(e));
}

std::vector<std::string_view> watch::interest() const
{
    if (machine_.wants_everything())
        return {};
    return {machine_.keys().begin(), machine_.keys().end()};
}

void watch::registering(std::uint64_t id)
{
    id_ = id;
    if (!begun_ && machine_.is_condition() && machine_.options().since.is_now())
        around_.server->submit(std::make_unique<present_call>(weak_from_this()));
}

void watch::registered(const protocol::watch_reply& present)
{
    if (!registered_)
        registered_ = present;
    machine_.set_session(around_.server->session());
    pump();
}

void watch::failed(error_code ec)
{
    if (!begun_) { // the registration failed: the next `next()` tries again
        around_.feed->remove(id_);
        id_ = 0;
        registered_.reset();
    }
    if (pending_)
        complete(ec, std::nullopt);
    else if (!ended_)
        failure_ = ec;
}

void watch::awake()
{
    pump();
}

// Reading ---------------------------------------------------------------------------------------

void watch::pump()
{
    if (!begun_)
        try_begin();
    const auto wanting = [this] {
        return begun_ && !ready_ && !ended_ && !failure_ && !machine_.finished();
    };
    while (wanting() && position() && wanting()) { // taking up a new ring may find a gap
        const auto before = reader_->where();
        read_one();
        if (!ready_ && reader_->where() == before)
            break;
    }
    if (!pending_)
        return;
    if (failure_) {
        complete(std::exchange(failure_, {}), std::nullopt);
    } else if (ready_) {
        machine_.delivered(*ready_);
        complete({}, std::exchange(ready_, std::nullopt));
    } else if (ended_ || machine_.finished()) {
        complete({}, std::nullopt);
    }
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
            begin(registered_->revision, {}, false);
        return;
    }
    if (!since.is_time() && !machine_.is_condition())
        return begin(since.revision(), {}, false);
    ring_ = around_.feed->current();
    if (!ring_)
        return;
    const auto revision =
        since.is_time() ? revision_before(since.time().time_since_epoch().count())
                        : since.revision();
    begin(revision, machine_.is_condition() ? base_at(revision) : dict{}, false);
    ring_.reset(); // position() takes it up
}

void watch::begin(std::uint64_t revision, const dict& present, bool test)
{
    begun_ = true;
    ready_ = machine_.begin(revision, present, test);
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
    if (!found) {
        failure_ = errc::state_lost;
        return;
    }
    reader_->seek(found->at);
    if (found->missed(seen))
        resume_at(found->revision != 0 ? found->revision - 1 : found->latest, 0);
}

void watch::read_one()
{
    switch (reader_->next_event(name_space_)) {
    case journal::read_result::got: {
        const auto& record = reader_->record();
        if (machine_.gap_before(record.revision)) {
            const auto at = record.at;
            resume_at(record.revision - 1, record.time);
            reader_->seek(at);
            break;
        }
        ready_ = machine_.feed(record, [this](journal::value_place place, auto& out) {
            return reader_->fetch(place, out);
        });
        break;
    }
    case journal::read_result::none:
        break;
    case journal::read_result::lapped:
        locate();
        break;
    case journal::read_result::damaged:
        failure_ = errc::state_lost;
        break;
    }
}

void watch::resume_at(std::uint64_t revision, std::int64_t time)
{
    auto e = machine_.resume(revision, time, base_at(revision));
    if (machine_.options().on_gap == gap::fail)
        failure_ = errc::journal_overrun;
    else
        ready_ = std::move(e);
}

/// The revision of the last event not after `time`.
std::uint64_t watch::revision_before(std::int64_t time) const
{
    auto reader = ring_->reader();
    std::uint64_t last = registered_->revision;
    for (auto result = reader.next_event(name_space_); result != journal::read_result::none;
         result = reader.next_event(name_space_)) {
        if (result == journal::read_result::damaged)
            break;
        if (result == journal::read_result::got && reader.record().time > time)
            return reader.record().revision - 1;
    }
    return last;
}

/// The watched keys as they were at a revision, from one scan of the ring: the first thing it says
/// of a key after that revision says what it was before. Where that is gone, what it is now.
dict watch::base_at(std::uint64_t revision) const
{
    auto reader = ring_->reader();
    dict base;
    std::set<std::string, std::less<>> settled;
    std::vector<std::byte> fetched;
    const auto put = [&](std::string_view key, std::span<const std::byte> bytes) {
        value v;
        if (!msgpack::decode(bytes, v, any_size))
            base.insert_or_assign(key, std::move(v));
    };
    for (;;) {
        const auto result = reader.next();
        if (result == journal::read_result::none || result == journal::read_result::damaged)
            return base;
        if (result == journal::read_result::lapped) {
            base.clear();
            settled.clear();
            continue;
        }
        const auto& record = reader.record();
        if (record.name_space != name_space_)
            continue;
        for (const auto& each : record.changes) {
            if (!machine_.wants(each.key) || settled.contains(each.key))
                continue;
            if (record.revision <= revision) {
                if (each.after)
                    put(each.key, *each.after);
                else
                    base.erase(each.key);
                continue;
            }
            settled.emplace(each.key);
            if (base.contains(each.key) || !record.is_event())
                continue;
            if (each.before == journal::before_kind::inlined)
                put(each.key, each.before_bytes);
            else if (each.before != journal::before_kind::absent)
                put(each.key, reader.fetch(each.before_at, fetched) ? std::span<const std::byte>(fetched)
                              : each.after ? *each.after
                                           : std::span<const std::byte>());
        }
    }
}

/// Passes everything there is, unseen.
void watch::seek_live()
{
    ready_.reset();
    while (begun_ && !failure_ && position()) {
        const auto before = reader_->where();
        read_one();
        ready_.reset();
        if (reader_->where() == before)
            break;
    }
}

} // namespace zproc::client
