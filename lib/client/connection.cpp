#include "client/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace zproc::client {

namespace {

constexpr std::size_t read_size = 64 * 1024;
constexpr std::chrono::seconds greeting_limit(5);
constexpr std::chrono::nanoseconds first_pause = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds longest_pause = std::chrono::milliseconds(100);

bool nobody_listens(const error_code& ec)
{
    return ec == asio::error::connection_refused || ec == boost::system::errc::no_such_file_or_directory;
}

} // namespace

owned_descriptor& owned_descriptor::operator=(owned_descriptor&& other) noexcept
{
    owned_descriptor old(std::exchange(number_, other.release()));
    return *this;
}

owned_descriptor::~owned_descriptor()
{
    if (number_ >= 0)
        ::close(number_);
}

int owned_descriptor::release() noexcept
{
    return std::exchange(number_, -1);
}

connection::connection(settings s)
    : settings_(std::move(s)), loop_(settings_.strand),
      jitter_(static_cast<unsigned>(::getpid()) ^ static_cast<unsigned>(now())),
      in_(protocol::max_reply_bytes)
{
}

connection::~connection() = default;

multiplexer::time connection::now() const
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Calls -----------------------------------------------------------------------------------------

multiplexer::ticket connection::submit(std::unique_ptr<call> what)
{
    if (condemned_) {
        what->done(condemned_, {});
        return 0;
    }
    const auto t = calls_.add(what, now() + settings_.request_timeout.count());
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
    ++life_;
    state_ = state::idle;
    loop_.reset();
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
        for (auto& late : self->calls_.expire(self->now())) {
            error_code ec = asio::error::timed_out;
            if (late.written && late.what->is_mutation())
                ec = errc::outcome_unknown;
            late.what->done(ec, {});
        }
        self->arm_deadline();
        self->rest();
    });
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
    error_code ec;
    loop_->socket.open(asio::generic::stream_protocol(AF_UNIX, 0), ec);
    if (ec)
        return fail(ec);
    loop_->socket.non_blocking(true, ec);
    loop_->socket.async_connect(to, [weak = weak_from_this(), life = life_](error_code failed) {
        const auto self = weak.lock();
        if (!self || self->life_ != life || self->state_ != state::connecting)
            return;
        if (!failed)
            return self->greet();
        if (nobody_listens(failed) && !self->greeted_before_)
            return self->fail(errc::server_absent);
        self->broken();
    });
}

void connection::greet()
{
    state_ = state::greeting;
    protocol::client_hello hello;
    if (greeted_before_) {
        hello.session = server_.session;
        hello.instance = server_.instance;
        hello.acknowledged = calls_.acknowledged();
    }
    out_.clear();
    sent_ = 0;
    protocol::write_hello(out_, 0, hello);
    if (!send_some())
        return;
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
        return fail(errc::connection_lost);
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
    loop_->pause.expires_after(
        std::chrono::duration_cast<asio::steady_timer::duration>(wait));
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
        each.what->done(each.written && each.what->is_mutation() ? make_error_code(errc::outcome_unknown)
                                                                  : ec,
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

// Writing ---------------------------------------------------------------------------------------

void connection::schedule_flush()
{
    if (flush_scheduled_ || writing_)
        return;
    flush_scheduled_ = true;
    asio::post(settings_.strand, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->flush_scheduled_ = false;
            self->flush();
        }
    });
}

void connection::flush()
{
    if (state_ != state::ready || writing_)
        return;
    if (calls_.anything_to_write() && descriptor_ < 0)
        calls_.write(out_);
    if (expecting_descriptors_ > 0 && reading_plainly_)
        loop_->socket.cancel(); // comes back to arm_read, which receives with descriptors from now on
    if (send_some() && wanted())
        arm_read();
}

void connection::attach_descriptor(int number, std::size_t offset)
{
    descriptor_ = number;
    descriptor_at_ = offset;
    ++expecting_descriptors_;
}

/// Sends what the kernel takes; false when the connection is broken.
bool connection::send_some()
{
    while (sent_ < out_.size()) {
        iovec piece{out_.data() + sent_, out_.size() - sent_};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        if (descriptor_ >= 0 && sent_ < descriptor_at_) {
            piece.iov_len = descriptor_at_ - sent_;
        } else if (descriptor_ >= 0) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(rights), &descriptor_, sizeof(int));
        }
        const ssize_t n = ::sendmsg(loop_->socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            if (message.msg_control)
                descriptor_ = -1;
            sent_ += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            writing_ = true;
            loop_->socket.async_wait(asio::socket_base::wait_write,
                               [weak = weak_from_this(), life = life_](error_code ec) {
                                   const auto self = weak.lock();
                                   if (!self || self->life_ != life || !self->writing_)
                                       return;
                                   self->writing_ = false;
                                   if (!ec && self->send_some())
                                       self->flush();
                               });
            return true;
        } else if (errno != EINTR) {
            broken();
            return false;
        }
    }
    out_.clear();
    sent_ = 0;
    return true;
}

// Reading ---------------------------------------------------------------------------------------

void connection::arm_read()
{
    if (reading_ || (state_ != state::ready && state_ != state::greeting))
        return;
    reading_ = true;
    reading_plainly_ = expecting_descriptors_ == 0;
    auto completion = [weak = weak_from_this(), life = life_](error_code ec, std::size_t bytes) {
        const auto self = weak.lock();
        if (!self || self->life_ != life)
            return;
        self->reading_ = false;
        if (!ec && !self->reading_plainly_)
            bytes = self->receive_with_descriptors(ec);
        if (ec == asio::error::operation_aborted || ec == asio::error::would_block) {
            if (self->wanted())
                self->arm_read();
        } else if (ec) {
            self->broken();
        } else {
            self->received(bytes);
        }
    };
    if (reading_plainly_) {
        const auto room = room_ = in_.prepare(read_size);
        loop_->socket.async_read_some(asio::buffer(room.data(), room.size()), std::move(completion));
    } else {
        loop_->socket.async_wait(asio::socket_base::wait_read,
                           [completion = std::move(completion)](error_code ec) mutable {
                               completion(ec, 0);
                           });
    }
}

std::size_t connection::receive_with_descriptors(error_code& ec)
{
    const auto room = room_ = in_.prepare(read_size);
    iovec piece{room.data(), room.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 16)> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n =
        ::recvmsg(loop_->socket.native_handle(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) {
        ec = errno == EINTR ? error_code(asio::error::would_block)
                            : error_code(errno, boost::system::system_category());
        return 0;
    }
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number;
            std::memcpy(&number, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            received_.emplace_back(number);
        }
    }
    if (n == 0)
        ec = asio::error::eof;
    return static_cast<std::size_t>(n);
}

void connection::received(std::size_t bytes)
{
    if (state_ == state::greeting && in_.buffered() == 0)
        if (const auto ec = protocol::check_first_reply(room_.first(bytes)))
            return fail(ec);
    in_.commit(bytes);
    const auto life = life_;
    protocol::frame f;
    while (life_ == life) {
        const auto found = in_.next(f);
        if (found == protocol::frame_parser::incomplete)
            break;
        if (found == protocol::frame_parser::failed)
            return fail(greeted_before_ ? in_.error() : error_code(errc::not_a_zproc_server));
        handle(f);
    }
    if (life_ == life && wanted())
        arm_read();
    rest();
}

void connection::handle(const protocol::frame& f)
{
    if (state_ == state::greeting)
        return welcome(f);
    if (f.code == protocol::operation::attach && expecting_descriptors_ > 0)
        --expecting_descriptors_;
    if (auto what = calls_.reply(f.correlation))
        what->done(f.error(), f.body);
}

} // namespace zproc::client
