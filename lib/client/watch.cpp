#include "client/watch.hpp"

#include "value/decode.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace zproc::client {

/// What the watched keys are now, on the heels of the registration: a condition is first tested
/// against it, at its revision.
struct watch::present_call final : call {
    std::weak_ptr<watch> owner;
    std::int64_t written = 0;

    explicit present_call(std::weak_ptr<watch> w) : call(false), owner(std::move(w)) {}

    bool is_fence() const noexcept override { return true; }

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        const auto self = owner.lock();
        written = wall_now(); // before anything that it will see as a change
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
        if (!self || self->begun_ || self->ended_)
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
                ec = decode_any(*each.value, v);
            present.insert_or_assign(each.key, std::move(v));
        }
        if (ec && self->id_ == 0)
            return; // the registration has failed, and said so
        if (ec)
            return self->failed(ec);
        self->begin(revision, present, true, written);
        self->pump();
    }
};

std::int64_t watch::wall_now()
{
    using namespace std::chrono;
    return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

watch::watch(surroundings around, std::string name_space, watch_fsm machine)
    : around_(std::move(around)),
      mark_(around_.server->mark()),
      name_space_(std::move(name_space)),
      machine_(std::move(machine)),
      fetch_([this](journal::value_place place, auto& out) { return reader_->fetch(place, out); })
{
}

watch::~watch() = default;

void watch::start()
{
    if (id_ == 0 && !ended_)
        around_.feed->add(shared_from_this()); // entered() says its id
}

/// Nothing can be done: the loop is gone, or this is a fork of the process that has it.
bool watch::is_idle() const noexcept
{
    return gone_ || !mark_->is_set();
}

std::unique_ptr<detail::pending_event> watch::loop_gone()
{
    gone_ = true;
    reader_.reset();
    ring_.reset();
    timer_.reset();
    hold_timer_.reset();
    around_ = {};
    return std::move(pending_);
}

// The handle's side: any thread -----------------------------------------------------------------

void watch::next(std::unique_ptr<detail::pending_event> p)
{
    if (gone_)
        return p->complete({}, errc::context_gone);
    if (is_idle())
        return p->complete(around_.io, errc::wrong_process);
    const auto operation = ++operations_;
    p->source = weak_from_this();
    if (auto slot = p->cancellation_slot(); slot.is_connected()) {
        const auto cancelled = std::make_shared<std::atomic<bool>>(false);
        p->cancelled = cancelled;
        slot.assign([weak = weak_from_this(), operation, cancelled](asio::cancellation_type type) {
            if (type == asio::cancellation_type::none)
                return;
            *cancelled = true;
            const auto self = weak.lock();
            if (!self || self->is_idle())
                return;
            self->around_.server->enter([weak, operation] {
                if (const auto alive = weak.lock())
                    alive->drop_operation(operation);
            });
        });
    }
    around_.server->enter([self = shared_from_this(), p = std::move(p), operation]() mutable {
        self->take(std::move(p), operation);
    });
}

void watch::give_back(event&& e)
{
    if (!is_idle())
        around_.server->enter([self = shared_from_this(), e = std::move(e)]() mutable {
            self->take_back(std::move(e));
        });
}

void watch::go_live()
{
    if (!is_idle())
        around_.server->enter([self = shared_from_this()] {
            self->seek_live();
            self->pump();
        });
}

void watch::cancel()
{
    if (is_idle())
        return;
    around_.server->enter([self = shared_from_this()] {
        self->ended_ = true;
        self->ready_.reset();
        self->returned_.clear();
        self->failure_ = {};
        self->around_.feed->remove(self->id_);
        if (self->pending_)
            self->complete({});
    });
}

void watch::abandon() noexcept
{
    if (is_idle())
        return;
    around_.server->enter([self = shared_from_this()] {
        self->ended_ = true;
        self->around_.feed->remove(self->id_);
        if (self->pending_)
            self->complete(asio::error::operation_aborted);
    });
}

// On the strand ---------------------------------------------------------------------------------

void watch::take(std::unique_ptr<detail::pending_event> p, std::uint64_t operation)
{
    if (pending_)
        return p->complete(around_.io, asio::error::already_started);
    pending_ = std::move(p);
    pending_operation_ = operation;
    told_ = false;
    if (ended_)
        return complete({});
    if (failure_ && returned_.empty())
        return complete(std::exchange(failure_, {}));
    // What is in the ring already is there also when nothing will come any more.
    const auto condemned = around_.server->condemned();
    if (!condemned)
        start();
    if (machine_.options().live)
        seek_live();
    pump();
    if (pending_ && condemned)
        complete(condemned);
    else if (pending_)
        wait();
}

/// Several may come back, and in any order.
void watch::take_back(event&& e)
{
    if (ended_)
        return;
    machine_.not_delivered(e);
    const auto after = std::find_if(returned_.begin(), returned_.end(), [&](const event& other) {
        return other.revision > e.revision;
    });
    returned_.insert(after, std::move(e));
    pump();
}

void watch::drop_operation(std::uint64_t operation)
{
    if (pending_ && pending_operation_ == operation)
        complete(asio::error::operation_aborted);
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
            self->complete(asio::error::timed_out);
    });
}

/// Comes back when the event that is held back is due.
void watch::wait_for_hold()
{
    const auto due = machine_.due();
    if (!due || (hold_timer_ && hold_due_ == *due))
        return;
    hold_due_ = *due;
    hold_timer_.emplace(around_.strand);
    const auto left = std::clamp(std::chrono::nanoseconds(*due - wall_now()),
                                 std::chrono::nanoseconds(0), *machine_.options().held_for);
    hold_timer_->expires_after(std::chrono::ceil<asio::steady_timer::duration>(left));
    hold_timer_->async_wait([weak = weak_from_this(), due = *due](error_code ec) {
        const auto self = weak.lock();
        if (!self || ec || self->gone_ || !self->hold_timer_ || self->hold_due_ != due)
            return;
        self->hold_timer_.reset();
        self->ripe_at_ = due; // though the wall clock may have been set back meanwhile
        self->pump();
    });
}

/// With what the operation has taken.
void watch::complete(error_code ec)
{
    missed_ = machine_.missed();
    auto p = std::move(pending_);
    if (std::exchange(timer_operation_, 0) == pending_operation_)
        timer_.reset();
    hold_timer_.reset();
    // Behind the handler, which is likely to wait again: what is armed then may stay.
    struct release {
        watch& of;
        ~release()
        {
            if (std::exchange(of.holding_, false))
                of.around_.feed->release();
        }
    };
    const release afterwards{*this};
    p->complete(around_.io, ec);
}

std::vector<std::string_view> watch::interest() const
{
    if (machine_.wants_everything())
        return {};
    return {machine_.keys().begin(), machine_.keys().end()};
}

void watch::registering()
{
    if (!begun_ && machine_.is_condition() && machine_.options().since.is_now())
        around_.server->submit(std::make_unique<present_call>(weak_from_this()));
}

void watch::registered(const protocol::watch_reply& present)
{
    if (!registered_)
        registered_ = present;
    const auto& instance = around_.server->server().instance;
    if (!instance_)
        instance_ = instance;
    else if (*instance_ != instance)
        lose();
    machine_.set_session(around_.server->session());
    if (failure_ != errc::journal_overrun)
        failure_ = {};
    pump();
}

void watch::failed(error_code ec)
{
    if (!begun_) { // the registration failed: the next `next()` tries again
        around_.feed->remove(std::exchange(id_, 0));
        registered_.reset();
        instance_.reset();
    } else if (around_.server->condemned()) {
        pump(); // `take` says it when there is no more to read
    }
    if (pending_) {
        told_ = true;
        complete(ec);
    } else if (!ended_ && !lost_ && !told_ && !around_.server->condemned() &&
               failure_ != errc::journal_overrun) {
        failure_ = ec;
    }
}

/// Another state answers at this address, or its ring is damaged: what this was to read is gone.
void watch::lose()
{
    lost_ = true;
}

void watch::awake()
{
    pump();
}

} // namespace zproc::client
