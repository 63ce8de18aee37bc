#include "client/connection.hpp"
#include "io_executor.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace zproc::client {

namespace {

constexpr std::size_t read_size = 64 * 1024;

bool is_pushed(protocol::operation code)
{
    return code == protocol::operation::stream_begun || code == protocol::operation::stream_piece;
}

/// Whether an answer begins with what comes next: a large one takes its time.
bool brings_answer(const protocol::frame_parser& in)
{
    const auto header = in.header();
    if (!header)
        return false;
    const auto low = std::to_integer<unsigned>((*header)[protocol::operation_at]);
    const auto high = std::to_integer<unsigned>((*header)[protocol::operation_at + 1]);
    return !is_pushed(static_cast<protocol::operation>(low | high << 8));
}

} // namespace

// Writing ---------------------------------------------------------------------------------------

void connection::schedule_turn()
{
    if (!in_turn_ && inbox_.expect_turn())
        send_for_turn();
}

/// At once, within what asks: so nobody's predicate may run there, and no connection be made.
void connection::turn_of_calls()
{
    asio::dispatch(settings_.strand, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || !self->loop_)
            return;
        std::vector<inbox::entry> entered = std::exchange(self->fetched_, {});
        if (self->state_ == state::ready && self->inbox_.take_calls(entered))
            return self->turn_with(std::move(entered));
        self->fetched_ = std::move(entered);
        self->send_for_turn();
    });
}

/// After an answer.
void connection::follow(bool at_once)
{
    if (!at_once) {
        if (inbox_.expect_turn())
            send_for_turn();
        return;
    }
    asio::dispatch(settings_.strand, [weak = weak_from_this()] {
        if (const auto self = weak.lock(); self && self->loop_)
            self->turn();
    });
}

/// By way of the loop, not of the strand: that is given up between what is posted to it, and has its
/// next turn behind all that was posted to the loop.
void connection::send_for_turn()
{
    post_to(settings_.io, [weak = weak_from_this()] {
        if (const auto self = weak.lock(); self && self->loop_)
            asio::dispatch(self->settings_.strand, [self] { self->turn(); });
    });
}

/// Everything that was asked since the last one goes out at once.
void connection::turn()
{
    turn_with(take(inbox::visit::turn));
}

void connection::turn_with(std::vector<inbox::entry> entered)
{
    {
        struct scope {
            connection& of;
            explicit scope(connection& c) : of(c) { of.in_turn_ = true; }
            ~scope() { of.in_turn_ = of.rests_in_turn_ = false; }
        };
        const scope within(*this);
        begin(std::move(entered));
    }
    if (loop_)
        flush();
    if (loop_ && on_turned)
        on_turned();
}

void connection::flush()
{
    if (state_ != state::ready || writing_)
        return rest();
    if (calls_.anything_to_write() && has_ended())
        return broken();
    if (calls_.anything_to_write() && descriptor_ < 0)
        for (auto& large : calls_.write(out_, server_.limits.request_bytes, now()))
            large->done(errc::too_large, {});
    if (expecting_descriptors_ > 0 && reading_plainly_ && !tls_)
        loop_->socket
            .cancel(); // comes back to arm_read, which receives with descriptors from now on
    send_some();
    if (wanted())
        arm_read();
    rest();
}

/// An idle client over TCP does not read: its connection may have ended long ago, and what is written
/// to it now could not be told from what was lost on its way.
bool connection::has_ended() const
{
    if (reading_ || !where_.is_tcp())
        return false;
    char byte = 0;
    const auto count =
        ::recv(loop_->socket.native_handle(), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

void connection::attach_descriptor(int number, std::size_t offset)
{
    ++expecting_descriptors_;
    if (number < 0 || where_.is_tcp()) // it is refused there
        return;
    descriptor_ = number;
    descriptor_at_ = offset;
}

/// With TLS: what is to be said becomes what goes out. False when nothing may be said any more.
bool connection::seal()
{
    if (!tls_->established())
        return true; // the handshake goes first
    const auto ping = std::exchange(ping_end_, 0);
    if (!tls_->seal(protocol::bytes_view(out_).first(ping)))
        return false;
    if (ping != 0)
        ping_ends_at_ = given_ - sent_ + tls_->output().size();
    if (!tls_->seal(protocol::bytes_view(out_).subspan(ping)))
        return false;
    out_.clear();
    return true;
}

/// Sends what the kernel takes. That the server is gone is for the reading side to find: what it
/// said before is still to be read.
void connection::send_some()
{
    if (tls_ && !seal())
        return not_agreed();
    auto& out = tls_ ? tls_->output() : out_;
    if (!tls_ && ping_end_ != 0)
        ping_ends_at_ = given_ - sent_ + std::exchange(ping_end_, 0);
    while (sent_ < out.size()) {
        iovec piece{out.data() + sent_, out.size() - sent_};
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
        const ssize_t n =
            ::sendmsg(loop_->socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            if (message.msg_control)
                descriptor_ = -1;
            sent_ += static_cast<std::size_t>(n);
            given_ += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            writing_ = true;
            loop_->socket.async_wait(
                asio::socket_base::wait_write,
                asio::bind_executor(settings_.strand,
                                    [weak = weak_from_this(), life = life_](error_code ec) {
                                        const auto self = weak.lock();
                                        if (!self || self->life_ != life || !self->writing_)
                                            return;
                                        self->writing_ = false;
                                        // Cancelled by rest(), it may be wanted again already.
                                        if (ec && !self->wanted())
                                            return;
                                        self->send_some();
                                        self->flush();
                                    }));
            return;
        } else if (errno != EINTR) {
            descriptor_ = -1;
            break;
        }
    }
    out.clear();
    sent_ = 0;
}

// Reading ---------------------------------------------------------------------------------------

void connection::arm_read()
{
    watch_pulse();
    if (reading_ || in_frames_ || (state_ != state::ready && state_ != state::greeting))
        return;
    reading_ = true;
    reading_plainly_ = expecting_descriptors_ == 0 || tls_;
    auto completion = [weak = weak_from_this(), life = life_,
                       strand = settings_.strand](error_code ec, std::size_t bytes) mutable {
        detail::visit(strand, [weak = std::move(weak), life, ec, bytes] {
            if (const auto self = weak.lock(); self && self->life_ == life)
                self->has_read(ec, bytes);
        });
    };
    if (tls_) {
        sealed_.resize(read_size);
        loop_->socket.async_read_some(asio::buffer(sealed_), std::move(completion));
    } else if (reading_plainly_) {
        const auto room = room_ = in_.prepare(read_size);
        loop_->socket.async_read_some(asio::buffer(room.data(), room.size()),
                                      std::move(completion));
    } else {
        loop_->socket.async_wait(
            asio::socket_base::wait_read,
            [completion = std::move(completion)](error_code ec) mutable { completion(ec, 0); });
    }
}

void connection::has_read(error_code ec, std::size_t bytes)
{
    reading_ = false;
    if (!ec && !reading_plainly_)
        bytes = receive_with_descriptors(ec);
    if (ec == asio::error::operation_aborted || ec == asio::error::would_block) {
        if (wanted())
            arm_read();
    } else if (ec) {
        broken(); // what it has said so far may have been the beginning of a greeting
    } else if (tls_) {
        received_sealed(bytes);
    } else {
        received(bytes);
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
            received_.push_back(above_standard(descriptor(number)));
        }
    }
    if (n == 0)
        ec = asio::error::eof;
    return static_cast<std::size_t>(n);
}

void connection::received_sealed(std::size_t bytes)
{
    const auto life = life_;
    const auto come = protocol::bytes_view(sealed_).first(bytes);
    if (!std::exchange(sealed_before_, true) && refused_plainly(come))
        return;
    tls_->received(come);
    if (!writing_)
        send_some(); // what the handshake says, and then what has waited for its end
    while (life_ == life && !tls_->error()) {
        room_ = in_.prepare(read_size);
        const auto plain = tls_->open(room_);
        if (plain == 0)
            break;
        received(plain);
    }
    if (life_ != life)
        return;
    if (tls_->error())
        return not_agreed();
    if (wanted())
        arm_read();
    rest();
}

/// A server that lets nobody in does not begin with TLS. Nobody has signed what it says, so it is
/// heard only where that keeps one from nothing but waiting.
bool connection::refused_plainly(protocol::bytes_view said)
{
    protocol::frame_parser first(protocol::max_hello_bytes);
    const auto room = first.prepare(said.size());
    std::ranges::copy(said, room.begin());
    first.commit(said.size());
    protocol::frame f;
    if (first.next(f) != protocol::frame_parser::found || f.code != protocol::operation::hello)
        return false;
    if (f.error() == errc::too_busy)
        broken();
    else if (f.error() == errc::peer_throttled)
        fail(f.error(), protocol::error_text(f.body));
    else
        return false;
    return true;
}

/// Of a connection that is in use, it is that which is damaged, or ended.
void connection::not_agreed()
{
    if (state_ == state::ready)
        return broken();
    const auto text = "TLS with " + protocol::to_string(where_) + ": " + tls_->text();
    fail(errc::tls_failed, text);
}

void connection::received(std::size_t bytes)
{
    if (state_ == state::greeting && in_.buffered() == 0)
        if (const auto ec = protocol::check_first_reply(room_.first(bytes)))
            return fail(ec);
    in_.commit(bytes);
    if (pulse_watched_)
        pulse_.heard(now());
    const auto life = life_;
    bool answered = false;
    if (!handle_frames(answered))
        return fail(greeted_before_ ? in_.error() : error_code(errc::not_a_zproc_server));
    heard_ = heard_ || brings_answer(in_);
    if (life_ == life && on_read)
        on_read();
    if (life_ == life && wanted() && !tls_) // with TLS there may be more at hand
        arm_read();
    if (answered)
        expect_more();
    if (calls_.anything_to_write() && state_ == state::ready) // a fence or the window held it back
        schedule_turn();
    rest();
}

/// All that are complete. False: they are none of ours.
bool connection::handle_frames(bool& answered)
{
    const busy here; // a user's function may be called to read a value
    struct scope {
        connection& of;
        explicit scope(connection& c) : of(c) { of.in_frames_ = true; }
        ~scope() { of.in_frames_ = false; }
    };
    const scope within(*this);
    const auto life = life_;
    protocol::frame f;
    while (life_ == life) {
        const auto found = in_.next(f);
        if (found != protocol::frame_parser::found)
            return found == protocol::frame_parser::incomplete;
        answered = handle(f) || answered;
    }
    return true;
}

/// Who was answered, or woken, may ask for more: then there is a turn, and until then nothing is disarmed.
void connection::expect_more()
{
    if (state_ != state::ready)
        return;
    rests_in_turn_ = true;
    auto* const here = detail::strand_visit::gathering();
    if (here == nullptr ||
        !here->be_followed_by(std::shared_ptr<follower>(shared_from_this(), this)))
        schedule_turn();
}

/// True when somebody was answered, who may ask for more.
bool connection::handle(const protocol::frame& f)
{
    if (state_ == state::greeting) {
        welcome(f);
        return false;
    }
    if (is_pushed(f.code)) { // says nothing of whether requests are answered
        if (on_pushed)
            on_pushed(f);
        return false;
    }
    heard_ = true;
    if (f.code == protocol::operation::attach && expecting_descriptors_ > 0) {
        --expecting_descriptors_;
        // Each good one brings as many, and answers come in order. Those of one that was given up
        // are closed.
        const auto count =
            f.status != 0 ? 0 : std::min(received_.size(), protocol::attach_descriptors);
        const auto end = received_.begin() + static_cast<std::ptrdiff_t>(count);
        of_reply_.assign(std::make_move_iterator(received_.begin()), std::make_move_iterator(end));
        received_.erase(received_.begin(), end);
    }
    const auto what = calls_.reply(f.correlation);
    if (what)
        what->done(f.error(), f.body);
    of_reply_.clear();
    return what != nullptr;
}

} // namespace zproc::client
