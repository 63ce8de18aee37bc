#include "client/connection.hpp"
#include "process_number.hpp"
#include "tcp.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

/// From nothing to a session: where, which endpoint, and the handshake.
namespace zproc::client {

namespace {

/// Of a connect over a network, and of the handshake.
constexpr std::chrono::seconds greeting_limit(5);

/// What a failed first connect says of the address; no error when it is worth another try.
error_code nobody_there(const error_code& ec)
{
    namespace system = boost::system::errc;
    if (ec == system::connection_refused || ec == system::no_such_file_or_directory ||
        ec == system::not_a_directory || ec == system::host_unreachable ||
        ec == system::network_unreachable || ec == system::address_not_available ||
        ec == system::address_family_not_supported)
        return errc::server_absent;
    if (ec == system::permission_denied)
        return errc::peer_not_permitted;
    if (ec == system::wrong_protocol_type)
        return errc::not_a_zproc_server;
    return {};
}

/// Never the same again.
protocol::nonce fresh_nonce()
{
    protocol::nonce out{};
    // Never fails nor waits for so few once the system is up.
    (void)!::getrandom(out.data(), out.size(), 0);
    return out;
}

} // namespace

void connection::start()
{
    state_ = state::locating;
    broken_since_ = now();
    settings_.locate([weak = weak_from_this()](error_code ec, const protocol::address& where,
                                               const std::string& text) {
        const auto self = weak.lock();
        if (!self || self->state_ != state::locating)
            return;
        if (ec)
            return self->fail(ec, text);
        self->located(where);
    });
}

void connection::located(const protocol::address& where)
{
    where_ = where;
    endpoints_.clear();
    next_pause_ = {};
    if (!where.is_tcp()) {
        try {
            endpoints_.emplace_back(asio::local::stream_protocol::endpoint(where.path));
        } catch (const system_error&) {
            return fail(errc::bad_address);
        }
        return connect();
    }
    std::vector<tcp::endpoint> found;
    std::string text;
    if (const auto ec = tcp::resolve(where, found, text))
        return fail(ec, text);
    for (const auto& each : found)
        endpoints_.emplace_back(each.get(), each.size);
    connect();
}

void connection::connect()
{
    endpoint_ = 0;
    connect_to_endpoint();
}

void connection::connect_to_endpoint()
{
    const auto& to = endpoints_[endpoint_];
    state_ = state::connecting;
    ++life_;
    const int family = to.protocol().family();
    auto socket = above_standard(descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    if (!socket) {
        const error_code ec(errno, boost::system::system_category());
        // A system without IPv6 resolves addresses of it all the same.
        if (ec == boost::system::errc::address_family_not_supported)
            return not_connected(ec);
        return fail(ec);
    }
    if (where_.is_tcp()) {
        tcp::set_options(socket.get());
        limit_greeting();
    }
    error_code ec;
    loop_->socket.assign(asio::generic::stream_protocol(family, 0), socket.get(), ec);
    if (ec)
        return fail(ec);
    socket.release();
    loop_->socket.non_blocking(true, ec);
    auto connected = [weak = weak_from_this(), life = life_](error_code failed) {
        const auto self = weak.lock();
        if (!self || self->life_ != life || self->state_ != state::connecting)
            return;
        if (failed)
            return self->not_connected(failed);
        self->greet();
    };
    loop_->socket.async_connect(to, asio::bind_executor(settings_.strand, std::move(connected)));
}

/// The next endpoint, if there is one.
void connection::not_connected(error_code failed)
{
    close();
    if (++endpoint_ < endpoints_.size())
        return connect_to_endpoint();
    if (const auto why = nobody_there(failed); why && !greeted_before_)
        return fail(why);
    broken();
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
    const auto& secret = settings_.shown.secret;
    const auto fresh = secret.empty() ? protocol::nonce{} : fresh_nonce();
    if (const auto ec = handshake_.begin(out_, 0, hello, secret, fresh))
        return fail(ec);
    if (settings_.shown.tls && where_.is_tcp()) {
        auto name = settings_.shown.server_name;
        if (name.empty()) // the zone of a local address is nothing that a certificate knows
            name = where_.host.substr(0, where_.host.find('%'));
        tls_ = std::make_unique<tls::session>(settings_.shown.tls, name);
        if (tls_->error())
            return not_agreed();
    }
    send_some();
    arm_read();
    limit_greeting();
}

/// Who accepts a connection, or the bytes on it, and says nothing is no server.
void connection::limit_greeting()
{
    loop_->pause.expires_after(greeting_limit);
    loop_->pause.async_wait([weak = weak_from_this(), life = life_](error_code ec) {
        const auto self = weak.lock();
        if (!self || ec || self->life_ != life)
            return;
        if (self->state_ == state::greeting)
            self->broken();
        else if (self->state_ == state::connecting)
            self->not_connected(asio::error::timed_out);
    });
}

void connection::welcome(const protocol::frame& first)
{
    protocol::server_hello hello;
    std::string text;
    if (const auto ec = handshake_.take(first, out_, hello, text)) {
        if (ec == errc::too_busy)
            return broken();
        return fail(ec, text);
    }
    if (!handshake_.done()) { // it was a challenge
        if (!writing_)
            send_some();
        return;
    }
    hello.build_id = {};
    hello.proof = {};
    const bool lost = greeted_before_ && !hello.resumed;
    server_ = hello;
    greeted_before_ = true;
    state_ = state::ready;
    loop_->pause.cancel();
    next_pause_ = {};
    if (lost)
        for (auto& each : calls_.session_lost())
            each->done(errc::outcome_unknown, {});
    if (on_ready)
        on_ready();
    schedule_turn();
}

// Over a network, nobody says that there is nobody any more.

void connection::watch_pulse()
{
    if (!where_.is_tcp() || state_ != state::ready || pulse_watched_)
        return;
    pulse_watched_ = true;
    pulse_.begin(now());
    wait_for_pulse();
}

void connection::wait_for_pulse()
{
    loop_->pulse.expires_at(asio::steady_timer::time_point(std::chrono::nanoseconds(pulse_.due())));
    loop_->pulse.async_wait([weak = weak_from_this(), life = life_](error_code) {
        const auto self = weak.lock();
        if (!self || self->life_ != life)
            return;
        if (!self->wanted()) {
            self->pulse_watched_ = false;
            return;
        }
        self->look_what_arrived();
        switch (self->pulse_.look(now())) {
        case heartbeat::verdict::well: break;
        case heartbeat::verdict::ping: self->ask_for_life(); break;
        case heartbeat::verdict::gone: return self->broken();
        }
        self->wait_for_pulse();
    });
}

/// What the system has not given away, or was not told to have come, has not arrived.
void connection::look_what_arrived()
{
    int waiting = 0;
    if (::ioctl(loop_->socket.native_handle(), SIOCOUTQ, &waiting) == 0 && waiting >= 0)
        pulse_.arrived(now(), given_ - std::min(given_, static_cast<std::uint64_t>(waiting)),
                       ping_ends_at_);
}

} // namespace zproc::client
