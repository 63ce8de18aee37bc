#include "server/clocks.hpp"
#include "server/host.hpp"
#include "tcp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/// Who comes in.
namespace zproc::serving {

namespace {

/// An address of IPv4 as IPv6 has it; of IPv6 the network.
throttle::peer peer_of(const sockaddr_storage& address)
{
    throttle::peer out{};
    if (address.ss_family == AF_INET6) {
        const auto& ip = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
        std::memcpy(out.data(), &ip, IN6_IS_ADDR_V4MAPPED(&ip) ? sizeof ip : sizeof ip / 2);
    } else {
        const auto& ip = reinterpret_cast<const sockaddr_in&>(address).sin_addr;
        out[10] = out[11] = std::byte{0xff};
        std::memcpy(out.data() + 12, &ip, sizeof ip);
    }
    return out;
}

/// While it waited to be let in.
bool has_left(int socket)
{
    char byte = 0;
    const auto count = ::recv(socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN);
}

bool has_unread(int socket)
{
    int bytes = 0;
    return ::ioctl(socket, FIONREAD, &bytes) == 0 && bytes > 0;
}

bool is_own_user(int socket)
{
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.uid == ::geteuid();
}

} // namespace

error_code host::listen(descriptor socket)
{
    const auto where = tcp::bound_to(socket.get());
    const bool remote = where.size != 0;
    if (remote && !knows_clients() && !tcp::is_loopback(where))
        return errc::bad_secret;
    if (remote && !options_.tls.empty() && !tls_) {
        error_code ec;
        std::string text;
        tls_ = tls::terms::make(tls::role::server, options_.tls, ec, text);
        if (ec)
            return ec;
    }
    listeners_.push_back({std::move(socket), remote, false});
    return poll(listeners_.size() - 1);
}

/// Those who come over TCP: each has to show who it is.
bool host::knows_clients() const
{
    return !options_.secret.empty() || !options_.tls.authorities.empty();
}

error_code host::poll(std::size_t which)
{
    auto& door = listeners_[which];
    if (std::exchange(door.polled, true))
        return {};
    if (door.remote && !porch_) {
        porch_ = descriptor(::epoll_create1(EPOLL_CLOEXEC));
        if (const auto ec = poll(porch_.get(), porch_tag, poll_); ec.failed())
            return ec;
        porch_open_ = true;
    }
    return poll(door.socket.get(), first_listener_tag + which, door.remote ? porch_ : poll_);
}

error_code host::poll(int file, std::uint64_t tag, const descriptor& where) const
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (::epoll_ctl(where.get(), EPOLL_CTL_ADD, file, &event) != 0)
        return {errno, boost::system::system_category()};
    return {};
}

const descriptor& host::waited_for_on(const connection& c) const
{
    return c.from() && !c.machine().greeted() ? porch_ : poll_;
}

/// Those who are known go first: what strangers take is limited, whatever they do. What they have
/// no time for any more is reported again.
void host::attend_strangers()
{
    constexpr int few = 8; // at once, or the others wait for too long
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(porch_.get(), events.data(), static_cast<int>(events.size()), 0);
    auto begun = read_clock(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < count && porch_open_; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 >= first_listener_tag)
            accept(event.data.u64 - first_listener_tag, few);
        else
            serve(static_cast<seat>(event.data.u64), event.events);
        const auto ended = read_clock(CLOCK_THREAD_CPUTIME_ID);
        porch_time_.spent(ended - std::exchange(begun, ended));
        admit_strangers();
    }
}

/// Looks at the porch while they may have time.
void host::admit_strangers()
{
    const bool may = porch_time_.may(read_clock(CLOCK_MONOTONIC));
    if (may == porch_open_)
        return;
    porch_open_ = may;
    epoll_event event{};
    event.events = may ? std::uint32_t{EPOLLIN} : 0u;
    event.data.u64 = porch_tag;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, porch_.get(), &event);
}

void host::accept(std::size_t which, int most)
{
    auto& door = listeners_[which];
    for (int i = 0; i != most; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        descriptor socket(::accept4(door.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            // Out of descriptors: those who wait, wait until somebody leaves.
            if ((errno == EMFILE || errno == ENFILE) && seated_ != 0) {
                ::epoll_ctl((door.remote ? porch_ : poll_).get(), EPOLL_CTL_DEL, door.socket.get(),
                            nullptr);
                door.polled = false;
                deaf_ = true;
            }
            return;
        }
        std::optional<throttle::peer> from;
        if (door.remote) {
            if (has_left(socket.get()))
                continue;
            from = peer_of(peer);
        }
        if (may_enter(door, socket.get(), from))
            take_seat(std::move(socket), from);
    }
}

bool host::may_enter(const listener& door, int socket, const std::optional<throttle::peer>& from)
{
    if (!door.remote && !is_own_user(socket)) {
        refuse(socket, errc::peer_not_permitted,
               "this state belongs to another user: only processes of that user may connect");
        return false;
    }
    if (from && !throttle_.admits(*from, ticks_)) {
        refuse(socket, errc::peer_throttled,
               "too many attempts to connect came from this address and failed: wait a minute");
        return false;
    }
    if (from)
        make_room_for_strangers();
    if (seated_ >= options_.connections) {
        refuse(socket, errc::too_busy, "this state has as many clients as it takes");
        return false;
    }
    return true;
}

/// To show that one knows the secret takes milliseconds, or a few round trips: who comes in crowds
/// and does not makes room. A crowd from one address keeps nobody else out, and is throttled soon;
/// for who comes from one as well, or when each stranger has another, it is a race.
void host::make_room_for_strangers()
{
    if (strangers_.size() < options_.strangers)
        return;
    const auto chosen = strangers_.first_to_go();
    if (!chosen)
        return;
    const auto& c = *seats_[chosen->who];
    if (!tls_) // in the middle of its handshake that would be nothing to a client
        refuse(c.socket(), errc::too_busy,
               "too many are being let in at this moment: come back at once");
    if (!chosen->alone) // who comes alone is not to blame for the others
        dawdled(c);
    drop(chosen->who);
}

void host::take_seat(descriptor socket, const std::optional<throttle::peer>& from)
{
    seat who = static_cast<seat>(seats_.size());
    if (free_.empty()) {
        seats_.emplace_back();
        marked_.push_back(false);
    } else {
        who = free_.back();
        free_.pop_back();
    }
    if (from) {
        tcp::set_options(socket.get());
        strangers_.come(who, *from);
    }
    seats_[who] = std::make_unique<connection>(std::move(socket), hall_, who, ticks_, from,
                                               from ? tls_ : nullptr);
    ++seated_;
    timing_ = true;
    auto& c = *seats_[who];
    c.polled = EPOLLIN;
    if (poll(c.socket(), who, waited_for_on(c)).failed())
        drop(who);
}

/// No stranger any more, and whoever else comes from there is as good as new.
bool host::came_in(connection& c, seat who)
{
    if (!c.from())
        return true;
    strangers_.leave(who);
    throttle_.succeeded(*c.from());
    ::epoll_ctl(porch_.get(), EPOLL_CTL_DEL, c.socket(), nullptr);
    c.polled = EPOLLIN;
    return !poll(c.socket(), who, poll_).failed();
}

/// It had its time, or kept a place that others need. Where anybody may come, nobody is throttled;
/// nor is who has said something that was not listened to yet.
void host::dawdled(const connection& c)
{
    if (c.from() && knows_clients() && !c.turned_away() && !has_unread(c.socket()))
        throttle_.dawdled(*c.from(), ticks_);
}

/// A connection goes: was it one that should not have come?
void host::leave(const connection& c, seat who)
{
    if (!c.from())
        return;
    strangers_.leave(who);
    if (knows_clients() && c.turned_away())
        throttle_.failed(*c.from(), ticks_);
}

void host::refuse(int socket, error_code ec, std::string_view text)
{
    protocol::buffer out;
    protocol::write_error(out, 0, protocol::operation::hello, ec, text);
    (void)!::send(socket, out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace zproc::serving
