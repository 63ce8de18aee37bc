#include "client/connection.hpp"

#include "protocol/messages.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <utility>

#include <unistd.h>

namespace zproc::client {

namespace {

constexpr std::chrono::nanoseconds first_pause = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds longest_pause = std::chrono::milliseconds(100);

/// How many strands of connections this thread is on.
thread_local unsigned busy_here = 0;

} // namespace

struct connection::heartbeat_call final : call {
    connection& owner; // of its calls, so it is there

    explicit heartbeat_call(connection& c) : call(false), owner(c) {}
    bool is_urgent() const noexcept override { return true; }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::ping_request{});
        owner.ping_end_ = out.size();
    }
    void done(error_code, protocol::bytes_view) override {}
};

connection::connection(settings s)
    : settings_(std::move(s)),
      mark_(std::make_shared<const fork_mark>()),
      loop_(std::make_unique<loop_objects>(settings_.io, settings_.strand)),
      jitter_(static_cast<unsigned>(::getpid()) ^ static_cast<unsigned>(now())),
      in_(protocol::max_reply_bytes)
{
}

connection::~connection()
{
    drop_loop_objects();
}

/// To destroy them in a fork would take the socket out of the epoll set that it shares with the
/// process it was forked from.
void connection::drop_loop_objects()
{
    if (is_here())
        loop_.reset();
    else
        static_cast<void>(loop_.release());
}

multiplexer::time connection::now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Of a call that is made now: as late as there is a time, where the limit says so.
multiplexer::time connection::deadline() const
{
    const auto made = now();
    return made + std::min(settings_.request_timeout.count(),
                           std::numeric_limits<multiplexer::time>::max() - made);
}

connection::busy::busy() noexcept
{
    ++busy_here;
}

connection::busy::~busy()
{
    --busy_here;
}

// Calls -----------------------------------------------------------------------------------------

void connection::enter(std::unique_ptr<call> what, std::shared_ptr<multiplexer::ticket> ticket)
{
    switch (inbox_.put({std::move(what), std::move(ticket)})) {
    case inbox::errand::none: return;
    case inbox::errand::send:
        // What somebody asks who was answered is written at once.
        return busy_here == 0 && detail::strand_visit::precedes(*this) ? turn_of_calls()
                                                                       : send_for_turn();
    case inbox::errand::hurry:
        if (busy_here == 0)
            turn_of_calls();
    }
}

void connection::enter_task(std::unique_ptr<inbox::task> other)
{
    if (inbox_.put({.other = std::move(other)}) == inbox::errand::none)
        return;
    auto fetch = [self = shared_from_this()] { self->fetch(inbox::visit::fetch); };
    if (busy_here != 0)
        asio::post(settings_.strand, std::move(fetch));
    else
        asio::dispatch(settings_.strand, std::move(fetch));
}

/// Begins with what was entered so far.
void connection::fetch(inbox::visit as)
{
    begin(take(as));
}

std::vector<inbox::entry> connection::take(inbox::visit as)
{
    std::vector<inbox::entry> entered = std::exchange(fetched_, {});
    inbox_.take(entered, as);
    return entered;
}

void connection::begin(std::vector<inbox::entry> entered)
{
    const busy here;
    constexpr std::size_t most_room = 4096;
    std::size_t begun = 0;
    auto limit = entered.empty() ? 0 : deadline(); // of calls that are made together
    try {
        while (begun != entered.size()) {
            auto& each = entered[begun++];
            if (each.other) {
                each.other->run();
                limit = deadline(); // it may have taken its time
                continue;
            }
            const auto t = submit(std::move(each.what), limit);
            if (each.ticket)
                *each.ticket = t;
        }
    } catch (...) { // of a user's handler or executor: the others are none the worse
        inbox_.put_back(std::span(entered).subspan(begun));
        if (inbox_.expect_turn())
            send_for_turn();
        throw;
    }
    entered.clear();
    if (entered.capacity() <= most_room)
        fetched_ = std::move(entered); // its room
}

multiplexer::ticket connection::submit(std::unique_ptr<call> what)
{
    return submit(std::move(what), deadline());
}

multiplexer::ticket connection::submit(std::unique_ptr<call> what, multiplexer::time limit)
{
    if (!is_here()) {
        what->done(errc::wrong_process, {});
        return 0;
    }
    if (condemned_) {
        what->done(condemned_, {});
        return 0;
    }
    const auto t = calls_.add(what, limit);
    if (t == 0) {
        what->done(errc::too_busy, {});
        return 0;
    }
    arm_deadline();
    if (state_ == state::ready)
        schedule_turn();
    else if (state_ == state::idle)
        start();
    return t;
}

void connection::cancel(multiplexer::ticket t, bool terminal)
{
    const auto standing = calls_.of(t);
    if (standing == multiplexer::standing::unknown)
        return;
    const bool written = standing == multiplexer::standing::written;
    if (written && !terminal)
        return;
    auto what = calls_.abandon(t);
    error_code ec = asio::error::operation_aborted;
    if (written && what->is_mutation())
        ec = errc::outcome_unknown;
    what->done(ec, {});
    rest();
}

void connection::hold_back(std::uint64_t turn, multiplexer::time until)
{
    calls_.hold_back(turn, until);
    if (deadline_armed_)
        loop_->deadline.cancel(); // it is armed anew, for the nearest
}

void connection::let_go(std::uint64_t turn)
{
    calls_.let_go(turn);
    if (state_ == state::ready && calls_.anything_to_write())
        schedule_turn();
}

void connection::hold()
{
    if (condemned_ || holders_++ > 0)
        return;
    if (state_ == state::idle)
        start();
    else if (state_ == state::ready)
        arm_read();
}

void connection::release()
{
    if (holders_ > 0)
        --holders_;
    expect_more();
    rest();
}

void connection::condemn(error_code ec)
{
    condemned_ = ec;
    fail(ec);
}

void connection::shutdown()
{
    condemned_ = errc::context_gone;
    on_ready = nullptr;
    on_failed = nullptr;
    on_turned = nullptr;
    on_pushed = nullptr;
    on_read = nullptr;
    ++life_;
    state_ = state::idle;
    drop_loop_objects();
    settings_ = {};
    received_.clear();
    // Handlers go uncalled. They may hold the last handles of this very connection.
    const auto self = shared_from_this();
    std::vector<inbox::entry> entered;
    inbox_.take(entered, inbox::visit::turn);
    const auto dropped = calls_.drain();
}

/// Disarms what only served a call or a holder that is gone.
void connection::rest()
{
    if (wanted() || rests_in_turn_)
        return;
    if (deadline_armed_)
        loop_->deadline.cancel();
    if (state_ == state::ready) {
        if (reading_)
            loop_->socket.cancel();
        if (pulse_watched_)
            loop_->pulse.cancel();
    } else if (state_ == state::pausing) {
        loop_->pause.cancel();
        state_ = state::idle;
    } else if (state_ == state::connecting || state_ == state::greeting) {
        close();
        loop_->pause.cancel();
        state_ = state::idle;
    }
}

void connection::arm_deadline()
{
    if (deadline_armed_ || calls_.empty())
        return;
    deadline_armed_ = true;
    loop_->deadline.expires_at(
        asio::steady_timer::time_point(std::chrono::nanoseconds(calls_.next_deadline())));
    loop_->deadline.async_wait([weak = weak_from_this()](error_code) {
        const auto self = weak.lock();
        if (!self)
            return;
        self->deadline_armed_ = false;
        self->be_patient();
        for (auto& late : self->calls_.expire(self->now())) {
            error_code ec = asio::error::timed_out;
            if (!self->greeted_before_)
                ec = errc::server_silent;
            if (late.written && late.what->is_mutation())
                ec = errc::outcome_unknown;
            late.what->done(ec, {});
        }
        // What was held back for somebody's turn is not any more, when that was its end.
        if (self->state_ == state::ready && self->calls_.anything_to_write())
            self->schedule_turn();
        self->arm_deadline();
        self->rest();
    });
}

/// What has to wait for others may wait on, as long as there is a sign of life in between.
void connection::be_patient()
{
    if (state_ != state::ready || !heard_ || !calls_.postpone(now(), deadline()))
        return;
    heard_ = false;
    ask_for_life();
}

void connection::ask_for_life()
{
    ping_ends_at_ = std::numeric_limits<std::uint64_t>::max(); // until it is written
    submit(std::make_unique<heartbeat_call>(*this));
}

// The end of a connection -----------------------------------------------------------------------

void connection::broken()
{
    if (state_ == state::ready)
        broken_since_ = now();
    close();
    calls_.disconnected();
    if (!wanted()) {
        state_ = state::idle;
        return;
    }
    if (now() - broken_since_ > settings_.reconnect_limit.count())
        return fail(greeted_before_ ? errc::connection_lost : errc::server_silent);
    pause();
}

/// Exponential backoff, with jitter, so that a thousand clients do not come back at once.
void connection::pause()
{
    state_ = state::pausing;
    next_pause_ = std::max(next_pause_, first_pause);
    std::uniform_real_distribution<double> spread(0.5, 1.0);
    const std::chrono::duration<double, std::nano> wait(static_cast<double>(next_pause_.count()) *
                                                        spread(jitter_));
    next_pause_ = std::min(next_pause_ * 2, longest_pause);
    loop_->pause.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(wait));
    loop_->pause.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (self && !ec && self->state_ == state::pausing)
            self->connect();
    });
}

/// `text` goes where a server's text goes: to the diagnostics of what was asked.
void connection::fail(error_code ec, std::string_view text)
{
    protocol::buffer said;
    protocol::write_error(said, 0, protocol::operation::hello, ec, text);
    const auto body = protocol::bytes_view(said).subspan(protocol::header_bytes);
    close();
    state_ = state::idle;
    loop_->pause.cancel();
    calls_.disconnected();
    for (auto& each : calls_.drain()) {
        if (each.written && each.what->is_mutation())
            each.what->done(errc::outcome_unknown, {});
        else
            each.what->done(ec, body);
    }
    if (on_failed)
        on_failed(ec);
    rest();
}

void connection::close()
{
    ++life_;
    error_code ignored;
    loop_->socket.close(ignored);
    loop_->pulse.cancel();
    pulse_watched_ = false;
    tls_.reset();
    sealed_before_ = false;
    ping_end_ = 0;
    out_.clear();
    sent_ = 0;
    given_ = 0;
    descriptor_ = -1;
    in_ = protocol::frame_parser(protocol::max_reply_bytes);
    reading_ = false;
    writing_ = false;
    expecting_descriptors_ = 0;
    received_.clear();
}

} // namespace zproc::client
