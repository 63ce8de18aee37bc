#include "swarm/dial.hpp"

#include "swarm/fresh.hpp"
#include "tcp.hpp"

#include <zproc/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <chrono>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace zproc::swarming {

namespace {

constexpr std::chrono::seconds limit(5); ///< to connect and be greeted

error_code system_failure(int number)
{
    return {number, boost::system::system_category()};
}

/// One endpoint, from the socket to the welcome.
class attempt {
public:
    attempt(const asio::any_io_executor& io, const dial_plan& plan)
        : plan_(plan), io_(io), timer_(io)
    {
    }
    ~attempt() { clock_->socket = nullptr; }

    /// False when it has failed already.
    bool begin(const tcp::endpoint& to);
    /// What was waited for is there: go on; false when there is nothing to wait for any more.
    bool proceed();

    bool writes() const { return connecting_ || link_->has_unsent(); }
    asio::posix::stream_descriptor& socket() { return link_->socket(); }
    bool is_late() const noexcept { return clock_->late; }
    void too_late();

    /// No error: it is welcome.
    const error_code& error() const noexcept { return error_; }
    const std::string& text() const noexcept { return text_; }
    /// Somebody has answered, so it makes no sense to ask elsewhere.
    bool is_answered() const noexcept { return answered_; }
    dialled take()
    {
        clock_->socket = nullptr;
        link_->set_limit(max_frame_body);
        return {std::move(link_), shown_.said()};
    }

private:
    struct clock {
        asio::posix::stream_descriptor* socket = nullptr; ///< while it runs
        bool late = false;
    };

    bool fail(const error_code& ec, std::string text, bool answered = false);
    bool not_connected(int number);
    bool connected();
    bool ended();

    const dial_plan& plan_;
    asio::any_io_executor io_;
    asio::steady_timer timer_;
    std::shared_ptr<clock> clock_ = std::make_shared<clock>();
    std::unique_ptr<wire> link_;
    introduction shown_;
    bool connecting_ = true;
    bool answered_ = false;
    error_code error_;
    std::string text_;
};

bool attempt::fail(const error_code& ec, std::string text, bool answered)
{
    error_ = ec;
    text_ = std::move(text);
    answered_ = answered;
    return false;
}

bool attempt::not_connected(int number)
{
    return fail(errc::server_absent, "no swarm can be reached at " +
                                         protocol::to_string(plan_.where) + ": " +
                                         system_failure(number).message());
}

void attempt::too_late()
{
    fail(connecting_ ? errc::server_absent : errc::server_silent,
         connecting_ ? "no swarm can be reached at " + protocol::to_string(plan_.where) +
                           ": nobody has answered within five seconds"
                     : "who answers at " + protocol::to_string(plan_.where) +
                           " has not greeted within five seconds");
}

bool attempt::begin(const tcp::endpoint& to)
{
    // Who answers says what this program runs.
    if (plan_.secret.empty() && !plan_.tls && !tcp::is_loopback(to))
        return fail(errc::bad_secret,
                    "a swarm beyond this machine is joined with its secret (--zproc-secret-file "
                    "FILE), or by TLS: who answers there says what this program runs",
                    true);
    descriptor socket = above_standard(
        descriptor(::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    if (!socket)
        return not_connected(errno);
    if (plan_.role == door_role::host)
        tcp::set_options(socket.get());
    else
        tcp::set_patient_options(socket.get());
    if (::connect(socket.get(), to.get(), to.size) != 0 && errno != EINPROGRESS)
        return not_connected(errno);
    std::unique_ptr<tls::session> session;
    if (plan_.tls)
        session = std::make_unique<tls::session>(
            plan_.tls, plan_.server_name.empty() ? plan_.where.host : plan_.server_name);
    link_ = std::make_unique<wire>(io_, std::move(socket), false, std::move(session));
    link_->set_limit(max_door_body);
    clock_->socket = &link_->socket();
    timer_.expires_after(limit);
    timer_.async_wait([clock = clock_](error_code ec) {
        if (ec || clock->socket == nullptr)
            return;
        clock->late = true;
        clock->socket->cancel();
    });
    return true;
}

bool attempt::connected()
{
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(socket().native_handle(), SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    if (number != 0)
        return not_connected(number);
    connecting_ = false;
    std::string hello;
    door_hello who;
    who.role = plan_.role;
    who.build = plan_.build;
    who.host = plan_.host;
    who.token = plan_.token;
    who.worker = plan_.worker;
    if (const auto ec =
            shown_.begin(who, plan_.secret, fresh_bytes<protocol::nonce_bytes>(), hello))
        return fail(ec, ec.message(), true);
    link_->put_written(hello);
    return true;
}

/// It may have said why before.
bool attempt::ended()
{
    if (const auto tls = link_->tls_text(); !tls.empty())
        return fail(errc::tls_failed,
                    "TLS with " + protocol::to_string(plan_.where) + ": " + std::string(tls), true);
    return fail(errc::connection_lost, "the connection to " + protocol::to_string(plan_.where) +
                                           " was closed before anybody had greeted");
}

bool attempt::proceed()
{
    if (connecting_ && !connected())
        return false;
    for (;;) {
        const auto sent = link_->flush();
        const auto got = link_->fill();
        std::string answer;
        while (const auto f = link_->next())
            switch (shown_.take(*f, answer)) {
            case introduction::outcome::more: break;
            case introduction::outcome::welcome: return false;
            case introduction::outcome::refused: return fail(shown_.error(), shown_.text(), true);
            }
        if (link_->is_broken())
            return fail(errc::not_a_zproc_server,
                        "what answers at " + protocol::to_string(plan_.where) +
                            " is no swarm that listens: check the address",
                        true);
        link_->put_written(answer);
        if (got == wire::outcome::closed || sent == wire::outcome::closed)
            return ended();
        if (got == wire::outcome::later && answer.empty())
            return true;
    }
}

/// Awaits what it needs until it has succeeded or failed.
asio::awaitable<void> pursue(attempt& own)
{
    using descriptor_base = asio::posix::stream_descriptor;
    for (;;) {
        const auto kind = own.writes() ? descriptor_base::wait_write : descriptor_base::wait_read;
        const auto result =
            co_await own.socket().async_wait(kind, asio::as_tuple(asio::use_awaitable));
        if (own.is_late()) {
            own.too_late();
            co_return;
        }
        if (const auto ec = std::get<0>(result))
            throw system_error(ec);
        if (!own.proceed())
            co_return;
    }
}

} // namespace

asio::awaitable<dialled> dial(const dial_plan& plan)
{
    const auto io = co_await asio::this_coro::executor;
    std::vector<tcp::endpoint> found;
    std::string text;
    if (const auto ec = tcp::resolve(plan.where, found, text))
        throw system_error(ec, text);
    error_code why;
    for (const auto& to : found) {
        attempt own(io, plan);
        if (own.begin(to))
            co_await pursue(own);
        if (!own.error())
            co_return own.take();
        why = own.error();
        text = own.text();
        if (own.is_answered())
            break;
    }
    throw system_error(why, text);
}

} // namespace zproc::swarming
