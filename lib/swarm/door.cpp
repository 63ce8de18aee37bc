#include "swarm/door.hpp"

#include "swarm/fresh.hpp"
#include "tcp.hpp"

#include <zproc/error.hpp>

#include <array>
#include <cerrno>
#include <span>
#include <tuple>
#include <utility>

#include <openssl/crypto.h>
#include <sys/socket.h>

namespace zproc::swarming {

namespace {

constexpr int few = 16;                              ///< accepted at once, or others wait too long
constexpr std::chrono::milliseconds pause_time(100); ///< until somebody may have left

bool is_same(const door_token& one, const door_token& other)
{
    return ::CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

} // namespace

/// Somebody at the other end of a wire.
struct door::peer {
    std::unique_ptr<wire> link; ///< null when it is another's
    bool reading = false;       ///< a wait is under way
    bool writing = false;
};

/// Who has not shown yet who it is.
struct door::guest : peer {
    guest(const asio::any_io_executor& io, const door_plan& plan, std::uint64_t n)
        : number(n),
          knows(plan.secret, plan.build, fresh_bytes<protocol::nonce_bytes>()),
          limit(std::make_unique<asio::steady_timer>(io))
    {
    }
    std::uint64_t number;
    admission knows;
    std::unique_ptr<asio::steady_timer> limit;
    bool heard = false;
};

/// A machine that has joined.
struct door::host : peer {
    host_id id = 0;
    door_token token{};
    std::set<worker_number> workers; ///< that have come
};

door::door(const asio::any_io_executor& strand, door_plan plan)
    : strand_(strand),
      plan_(std::move(plan)),
      listener_(std::make_unique<asio::posix::stream_descriptor>(strand, plan_.listener.get())),
      pause_(std::make_unique<asio::steady_timer>(strand))
{
    plan_.listener.release();
}

door::~door() = default;

void door::open(events told)
{
    told_ = std::move(told);
    open_ = true;
    listen();
}

// Who comes -------------------------------------------------------------------------------------

void door::listen()
{
    listener_->async_wait(asio::posix::stream_descriptor::wait_read,
                          [weak = weak_from_this()](error_code ec) {
                              if (const auto self = weak.lock(); self && self->open_ && !ec)
                                  self->accept();
                          });
}

void door::accept()
{
    for (int i = 0; i != few; ++i) {
        if (guests_.size() >= most_guests) {
            full_ = true;
            return;
        }
        descriptor socket(
            ::accept4(listener_->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            return rest(); // no descriptors, or no memory
        if (!socket)
            break;
        enter(above_standard(std::move(socket)));
    }
    listen();
}

/// Others may be waiting for the place.
void door::leave(std::uint64_t number)
{
    guests_.erase(number);
    if (full_ && open_) {
        full_ = false;
        listen();
    }
}

/// Who waits outside would be reported without end.
void door::rest()
{
    pause_->expires_after(pause_time);
    pause_->async_wait([weak = weak_from_this()](error_code ec) {
        if (const auto self = weak.lock(); self && self->open_ && !ec)
            self->listen();
    });
}

void door::enter(descriptor socket)
try {
    if (!socket)
        return;
    tcp::set_options(socket.get(), plan_.silence);
    const auto made = std::make_shared<guest>(strand_, plan_, ++last_guest_);
    std::unique_ptr<tls::session> session;
    if (plan_.tls)
        session = std::make_unique<tls::session>(plan_.tls);
    made->link = std::make_unique<wire>(strand_, std::move(socket), false, std::move(session));
    made->link->set_limit(max_door_body);
    made->limit->expires_after(guest_limit);
    made->limit->async_wait([weak = weak_from_this(), number = made->number](error_code ec) {
        if (const auto self = weak.lock(); self && !ec)
            self->leave(number);
    });
    guests_.emplace(made->number, made);
    watch(made);
} catch (const system_error&) { // NOLINT(bugprone-empty-catch): the loop can watch no more sockets
}

template <class Peer>
void door::watch(const std::shared_ptr<Peer>& who)
{
    const auto wait = [&](auto kind, bool peer::* flag) {
        (*who).*flag = true;
        who->link->socket().async_wait(
            kind, [weak = weak_from_this(), of = std::weak_ptr<Peer>(who), flag](error_code ec) {
                const auto self = weak.lock();
                const auto alive = of.lock();
                if (!self || !alive || ec || !alive->link)
                    return;
                (*alive).*flag = false;
                self->hear(alive);
            });
    };
    using descriptor_base = asio::posix::stream_descriptor;
    if (!who->reading)
        wait(descriptor_base::wait_read, &peer::reading);
    if (!who->writing && who->link->has_unsent())
        wait(descriptor_base::wait_write, &peer::writing);
}

/// Where TLS is spoken, who does not know of it is told in the clear.
bool door::speaks_plainly(guest& who)
{
    if (!plan_.tls || std::exchange(who.heard, true))
        return false;
    std::array<std::byte, 2> first{};
    const auto size = ::recv(who.link->socket().native_handle(), first.data(), first.size(),
                             MSG_PEEK | MSG_DONTWAIT);
    if (size <= 0 || tls::begins_tls(std::span(first).first(static_cast<std::size_t>(size))))
        return false;
    std::string answer;
    write_refusal(answer, errc::tls_required,
                  "this swarm speaks only TLS: give this program tls options, too "
                  "(--zproc-tls-authorities FILE)");
    // With bytes unread the connection would be reset, and the answer with it.
    std::array<std::byte, 1 << 10> unread;
    while (::recv(who.link->socket().native_handle(), unread.data(), unread.size(), MSG_DONTWAIT) >
           0) {}
    (void)!::send(who.link->socket().native_handle(), answer.data(), answer.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL);
    return true;
}

void door::turn_away(guest& who, const error_code& ec, std::string_view text)
{
    std::string answer;
    write_refusal(answer, ec, text);
    who.link->put_written(answer);
    static_cast<void>(who.link->flush());
    leave(who.number);
}

void door::hear(const std::shared_ptr<guest>& who)
{
    if (speaks_plainly(*who)) {
        leave(who->number);
        return;
    }
    for (;;) {
        const auto got = who->link->fill();
        if (got == wire::outcome::closed) {
            static_cast<void>(who->link->flush()); // why, where it is TLS that says so
            leave(who->number);
            return;
        }
        std::string answer;
        while (const auto f = who->link->next()) {
            const auto how = who->knows.take(*f, answer);
            if (how == admission::outcome::known)
                return arrive(who, std::move(answer));
            if (how == admission::outcome::refused) {
                who->link->put_written(answer);
                static_cast<void>(who->link->flush());
                leave(who->number);
                return;
            }
        }
        if (who->link->is_broken())
            return turn_away(
                *who, errc::malformed_frame,
                "what came is no greeting of a worker: is it a program of zproc, which "
                "is to join a swarm?");
        who->link->put_written(answer);
        if (who->link->flush() == wire::outcome::closed) {
            leave(who->number);
            return;
        }
        if (got == wire::outcome::later)
            break;
    }
    watch(who);
}

void door::arrive(const std::shared_ptr<guest>& who, std::string answer)
{
    if (who->knows.who().role == door_role::host)
        arrive_host(who, std::move(answer));
    else
        arrive_worker(who, std::move(answer));
    leave(who->number);
}

void door::arrive_host(const std::shared_ptr<guest>& who, std::string answer)
{
    const auto made = std::make_shared<host>();
    made->id = ++last_host_;
    made->token = fresh_bytes<std::tuple_size_v<door_token>>();
    const std::chrono::milliseconds silence(plan_.silence);
    if (!who->knows.welcome(
            {made->id, made->token, static_cast<std::uint64_t>(silence.count()), plan_.name},
            answer))
        return turn_away(*who, errc::not_authenticated, "libcrypto has failed");
    made->link = std::move(who->link);
    made->link->set_limit(max_frame_body);
    made->link->put_written(answer);
    hosts_.emplace(made->id, made);
    static_cast<void>(made->link->flush());
    watch(made);
}

void door::arrive_worker(const std::shared_ptr<guest>& who, std::string answer)
{
    const auto& says = who->knows.who();
    const auto found = hosts_.find(says.host);
    if (found == hosts_.end() || !is_same(found->second->token, says.token) ||
        !found->second->workers.insert(says.worker).second)
        return turn_away(*who, errc::swarm_stopped,
                         "the machine of this worker is not one of the swarm any more");
    const auto& at = *found->second;
    const std::chrono::milliseconds silence(plan_.silence);
    if (!who->knows.welcome(
            {at.id, at.token, static_cast<std::uint64_t>(silence.count()), plan_.name}, answer))
        return turn_away(*who, errc::not_authenticated, "libcrypto has failed");
    // It may be at an item for long before it reads the next.
    tcp::set_patient_options(who->link->socket().native_handle(), plan_.silence);
    auto link = std::move(who->link);
    link->set_limit(max_frame_body);
    link->put_written(answer);
    told_.worker_came(at.id, says.worker, std::move(link));
}

// Hosts -----------------------------------------------------------------------------------------

void door::hear(const std::shared_ptr<host>& from)
{
    for (;;) {
        const auto got = from->link->fill();
        if (got == wire::outcome::closed)
            return lose(from->id);
        while (from->link)
            if (const auto f = from->link->next()) {
                if (!handle(*from, *f))
                    return lose(from->id);
            } else {
                break;
            }
        if (!from->link) // forgotten meanwhile
            return;
        if (from->link->is_broken())
            return lose(from->id);
        if (got == wire::outcome::later)
            break;
    }
    if (from->link->flush() == wire::outcome::closed)
        return lose(from->id);
    watch(from);
}

/// False when it makes no sense.
bool door::handle(host& from, const frame& f)
{
    if (f.kind != frame_kind::ended)
        return false;
    auto ending = decode_ending(f.body);
    if (!ending)
        return false;
    from.workers.erase(f.number);
    told_.worker_ended(from.id, f.number, std::move(*ending));
    return true;
}

void door::lose(host_id which)
{
    const auto found = hosts_.find(which);
    if (found == hosts_.end())
        return;
    found->second->link.reset();
    hosts_.erase(found);
    told_.host_lost(which);
}

void door::forget(host_id which)
{
    if (const auto found = hosts_.find(which); found != hosts_.end()) {
        found->second->link.reset();
        hosts_.erase(found);
    }
}

/// Of the end of its connection the reading tells.
void door::tell(host& to, const frame& f)
{
    to.link->put(f);
    static_cast<void>(to.link->flush());
}

void door::kill(host_id which, worker_number worker)
{
    const auto found = hosts_.find(which);
    if (found == hosts_.end())
        return;
    frame f;
    f.kind = frame_kind::kill;
    f.number = worker;
    tell(*found->second, f);
    watch(found->second);
}

void door::abandon(host_id which, worker_number worker, std::uint32_t job)
{
    const auto found = hosts_.find(which);
    if (found == hosts_.end())
        return;
    frame f;
    f.kind = frame_kind::abandon;
    f.number = worker;
    f.job = job;
    tell(*found->second, f);
    watch(found->second);
}

void door::dismiss(bool now)
{
    open_ = false;
    listener_.reset();
    pause_.reset();
    for (const auto& [number, each] : guests_) {
        std::string answer;
        write_refusal(answer, errc::swarm_stopped, "the swarm has been stopped");
        each->link->put_written(answer);
        static_cast<void>(each->link->flush());
    }
    guests_.clear();
    frame f;
    f.kind = frame_kind::dismiss;
    f.flags = now ? at_once : 0;
    for (const auto& [id, each] : hosts_) {
        tell(*each, f);
        watch(each);
    }
}

void door::close()
{
    dismiss(true);
    // With bytes unread the connection would be reset, and what was not sent yet lost.
    for (const auto& [id, each] : std::exchange(hosts_, {})) {
        for (auto got = wire::outcome::done; got == wire::outcome::done; got = each->link->fill())
            while (each->link->next()) {}
        each->link.reset();
    }
}

void door::leak() noexcept
{
    static_cast<void>(listener_.release());
    static_cast<void>(pause_.release());
    for (const auto& [number, each] : guests_) {
        each->link->leak();
        static_cast<void>(each->limit.release());
    }
    for (const auto& [id, each] : hosts_)
        each->link->leak();
}

} // namespace zproc::swarming
