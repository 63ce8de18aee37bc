#include "client/connection.hpp"

#include "process_number.hpp"
#include "protocol/messages.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace zproc::client {

namespace {

constexpr std::chrono::seconds greeting_limit(5);
constexpr std::chrono::nanoseconds first_pause = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds longest_pause = std::chrono::milliseconds(100);

/// What a failed first connect says of the address; no error when it is worth another try.
error_code nobody_there(const error_code& ec)
{
    namespace system = boost::system::errc;
    if (ec == system::connection_refused || ec == system::no_such_file_or_directory ||
        ec == system::not_a_directory)
        return errc::server_absent;
    if (ec == system::permission_denied)
        return errc::peer_not_permitted;
    if (ec == system::wrong_protocol_type)
        return errc::not_a_zproc_server;
    return {};
}

struct heartbeat_call final : call {
    heartbeat_call() : call(false) {}
    bool is_urgent() const noexcept override { return true; }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::ping_request{});
    }
    void done(error_code, protocol::bytes_view) override {}
};

} // namespace

connection::connection(settings s)
    : settings_(std::move(s)),
      mark_(std::make_shared<const fork_mark>()),
      loop_(std::make_unique<loop_objects>(settings_.strand)),
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

// Calls -----------------------------------------------------------------------------------------

multiplexer::ticket connection::submit(std::unique_ptr<call> what)
{
    if (!is_here()) {
        what->done(errc::wrong_process, {});
        return 0;
    }
    if (condemned_) {
        what->done(condemned_, {});
        return 0;
    }
    const auto t = calls_.add(what, deadline());
    if (t == 0) {
        what->done(errc::too_busy, {});
        return 0;
    }
    arm_deadline();
    if (state_ == state::ready)
        schedule_flush();
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
        schedule_flush();
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
    on_pushed = nullptr;
    on_read = nullptr;
    ++life_;
    state_ = state::idle;
    drop_loop_objects();
    settings_ = {};
    received_.clear();
    // Handlers go uncalled. They may hold the last handles of this very connection.
    const auto self = shared_from_this();
    const auto dropped = calls_.drain();
}

/// Disarms what only served a call or a holder that is gone.
void connection::rest()
{
    if (wanted())
        return;
    if (deadline_armed_)
        loop_->deadline.cancel();
    if (state_ == state::ready) {
        if (reading_)
            loop_->socket.cancel();
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
            self->schedule_flush();
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
    submit(std::make_unique<heartbeat_call>());
}

// Connecting ------------------------------------------------------------------------------------

void connection::start()
{
    state_ = state::locating;
    broken_since_ = now();
    next_pause_ = first_pause;
    settings_.locate([weak = weak_from_this()](error_code ec, std::string path) {
        const auto self = weak.lock();
        if (!self || self->state_ != state::locating)
            return;
        if (ec)
            return self->fail(ec);
        self->path_ = std::move(path);
        self->connect(self->path_);
    });
}

void connection::connect(const std::string& path)
{
    asio::local::stream_protocol::endpoint to;
    try {
        to.path(path);
    } catch (const system_error&) {
        return fail(errc::bad_address);
    }
    state_ = state::connecting;
    ++life_;
    const asio::generic::stream_protocol local(AF_UNIX, 0);
    auto socket = above_standard(descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    if (!socket)
        return fail(error_code(errno, boost::system::system_category()));
    error_code ec;
    loop_->socket.assign(local, socket.get(), ec);
    if (ec)
        return fail(ec);
    socket.release();
    loop_->socket.non_blocking(true, ec);
    loop_->socket.async_connect(to, [weak = weak_from_this(), life = life_](error_code failed) {
        const auto self = weak.lock();
        if (!self || self->life_ != life || self->state_ != state::connecting)
            return;
        if (!failed)
            return self->greet();
        if (const auto why = nobody_there(failed); why && !self->greeted_before_)
            return self->fail(why);
        self->broken();
    });
}

void connection::greet()
{
    state_ = state::greeting;
    protocol::client_hello hello;
    hello.pid = static_cast<std::uint32_t>(own_number());
    hello.name = std::string_view(settings_.name).substr(0, protocol::max_peer_name_bytes);
    if (greeted_before_) {
        hello.session = server_.session;
        hello.instance = server_.instance;
        hello.acknowledged = calls_.acknowledged();
    }
    out_.clear();
    sent_ = 0;
    protocol::write_hello(out_, 0, hello);
    send_some();
    arm_read();
    loop_->pause.expires_after(greeting_limit);
    loop_->pause.async_wait([weak = weak_from_this(), life = life_](error_code ec) {
        const auto self = weak.lock();
        if (self && !ec && self->life_ == life && self->state_ == state::greeting)
            self->broken();
    });
}

void connection::welcome(const protocol::frame& first)
{
    protocol::server_hello hello;
    std::string text;
    if (const auto ec = protocol::read_welcome(first, hello, text)) {
        if (ec == errc::too_busy)
            return broken();
        return fail(ec);
    }
    hello.build_id = {};
    const bool lost = greeted_before_ && !hello.resumed;
    server_ = hello;
    greeted_before_ = true;
    state_ = state::ready;
    loop_->pause.cancel();
    next_pause_ = first_pause;
    if (lost)
        for (auto& each : calls_.session_lost())
            each->done(errc::outcome_unknown, {});
    if (on_ready)
        on_ready();
    schedule_flush();
}

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
    std::uniform_real_distribution<double> spread(0.5, 1.0);
    const std::chrono::duration<double, std::nano> wait(static_cast<double>(next_pause_.count()) *
                                                        spread(jitter_));
    next_pause_ = std::min(next_pause_ * 2, longest_pause);
    loop_->pause.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(wait));
    loop_->pause.async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (self && !ec && self->state_ == state::pausing)
            self->connect(self->path_);
    });
}

void connection::fail(error_code ec)
{
    close();
    state_ = state::idle;
    loop_->pause.cancel();
    calls_.disconnected();
    for (auto& each : calls_.drain())
        each.what->done(
            each.written && each.what->is_mutation() ? make_error_code(errc::outcome_unknown) : ec,
            {});
    if (on_failed)
        on_failed(ec);
    rest();
}

void connection::close()
{
    ++life_;
    error_code ignored;
    loop_->socket.close(ignored);
    out_.clear();
    sent_ = 0;
    descriptor_ = -1;
    in_ = protocol::frame_parser(protocol::max_reply_bytes);
    reading_ = false;
    writing_ = false;
    expecting_descriptors_ = 0;
    received_.clear();
}

} // namespace zproc::client
