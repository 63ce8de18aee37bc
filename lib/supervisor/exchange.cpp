#include "supervisor/exchange.hpp"

#include "supervisor/pidfd.hpp"
#include "supervisor/prepare.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// The supervisor answers in less than a millisecond; after this it is stuck.
constexpr std::chrono::seconds answer_limit{10};

error_code system_error_code(int error)
{
    switch (error) {
    case EMSGSIZE: return errc::too_large;
    case ENOEXEC: return errc::unknown_function;
    case EPIPE:
    case ECONNRESET: return errc::supervisor_lost;
    default: return error_code(error, boost::system::system_category());
    }
}

/// Between looks whether all is over that a lost supervisor has left.
constexpr std::chrono::milliseconds settle_interval{2};

bool is_end(int error)
{
    return error == EPIPE || error == ECONNRESET;
}

descriptor first_of(std::vector<descriptor>& descriptors, pid_t pid)
{
    if (!descriptors.empty())
        return std::move(descriptors.front());
    // Left out for the kernel's limit on those under way, or there was no room for it here; then
    // there is none now, and errno says so.
    return above_standard(open_pidfd(pid));
}

notice notice_of(notice::kind what, child_id child)
{
    notice n;
    n.what = what;
    n.child = child;
    return n;
}

/// What a standard descriptor that this process has closed is for its children.
descriptor stand_in_for(int number)
{
    if (number < 0 || number > 2 || ::fcntl(number, F_GETFD) >= 0)
        return {};
    return above_standard(descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC)));
}

} // namespace

exchange* exchange::find(error_code& ec)
{
    const auto* known = current();
    if (!known) {
        ec = is_foreign_fork() ? errc::wrong_process : errc::supervisor_failed;
        return nullptr;
    }
    if (supervisor_lost()) {
        ec = errc::supervisor_lost;
        return nullptr;
    }
    static auto* const only = new exchange(known->control);
    ec = {};
    return only;
}

bool exchange::attach(const std::shared_ptr<link_body>& body, error_code& ec)
{
    const std::lock_guard lock(mutex_);
    descriptor own(::fcntl(socket_, F_DUPFD_CLOEXEC, 3));
    if (!own) {
        ec = error_code(errno, boost::system::system_category());
        return false;
    }
    body->socket = std::make_unique<link_body::socket_type>(body->executor);
    body->socket->assign(asio::generic::seq_packet_protocol(AF_UNIX, 0), own.get(), ec);
    if (ec)
        return false;
    own.release();
    body->timer = std::make_unique<asio::steady_timer>(body->executor);
    return true;
}

void exchange::detach(link_body& body) noexcept
{
    // Whatever the handlers own is destroyed after the lock is released: it may call us.
    std::vector<pending> dropped;
    std::vector<owned> forgotten;
    if (!body.open.exchange(false))
        return;
    if (is_foreign_fork()) {
        // Closing would change the epoll set that this process shares with the one it was forked
        // from, and the lock may have been held by one of its threads.
        static_cast<void>(body.socket.release());
        static_cast<void>(body.timer.release());
        return;
    }
    const std::lock_guard lock(mutex_);
    for (auto at = pending_.begin(); at != pending_.end();)
        if (at->second.body.get() == &body) {
            dropped.push_back(std::move(at->second));
            at = pending_.erase(at);
        } else {
            ++at;
        }
    for (auto at = children_.begin(); at != children_.end();)
        if (at->second.body.get() == &body) {
            forgotten.push_back(std::move(at->second));
            at = children_.erase(at);
        } else {
            ++at;
        }
    body.timer.reset();
    body.socket.reset();
    body.executor = {};
}

void exchange::start(const std::shared_ptr<link_body>& body, const spawn_request& request,
                     notice_handler told, detail::handler<void(error_code, started_child)> done)
{
    auto m = to_message(request);
    std::vector<int> descriptors(request.standard.begin(), request.standard.end());
    descriptors.insert(descriptors.end(), request.descriptors.begin(), request.descriptors.end());

    const std::lock_guard lock(mutex_);
    if (!body->open)
        return;
    m.request = next_request_++;
    auto error = lost_ || closed_ ? EPIPE : send_or_queue(body, m, descriptors);
    std::array<descriptor, 3> null;
    if (error == EBADF) {
        for (std::size_t i = 0; i != null.size(); ++i)
            if ((null[i] = stand_in_for(request.standard[i])))
                descriptors[i] = null[i].get();
        error = send_or_queue(body, m, descriptors);
    }
    // That the supervisor is lost is said when all is over; whoever waits for that reads the end.
    if (lost_ || (error && !is_end(error)))
        return done.complete(body->executor, system_error_code(error), started_child{});
    pending_.emplace(m.request, pending{body, std::make_shared<notice_handler>(std::move(told)),
                                        std::move(done), clock::now() + answer_limit});
    ++body->starting;
    rearm(body);
}

error_code exchange::send(const std::shared_ptr<link_body>& body, const any_message& m)
{
    if (is_foreign_fork())
        return errc::wrong_process;
    const std::lock_guard lock(mutex_);
    if (!body->open)
        return errc::context_gone;
    if (lost_)
        return errc::supervisor_lost;
    const auto error = closed_ ? EPIPE : send_or_queue(body, m, {});
    if (is_end(error)) {
        // All is ending, which is what could be asked for, and not yet over.
        read_to_the_end(body);
        return {};
    }
    return error ? system_error_code(error) : error_code();
}

void exchange::read_to_the_end(const std::shared_ptr<link_body>& body)
{
    // Perhaps nobody is waiting to read it: then the guardian would stay a zombie.
    if (!lost_)
        asio::post(body->executor, [this, body] { look(body); });
}

void exchange::listen(const std::shared_ptr<link_body>& body, int change)
{
    if (is_foreign_fork())
        return;
    const std::lock_guard lock(mutex_);
    body->listeners += change;
    rearm(body);
}

int exchange::send_or_queue(const std::shared_ptr<link_body>& body, const any_message& m,
                            const std::vector<int>& descriptors)
{
    queued added;
    encode(m, added.bytes);
    flush();
    if (waiting_.empty()) {
        const auto error = send_packet(socket_, added.bytes, descriptors);
        if (error != EAGAIN)
            return error;
    }
    for (const auto each : descriptors) {
        added.descriptors.emplace_back(::fcntl(each, F_DUPFD_CLOEXEC, 3));
        if (!added.descriptors.back())
            return errno;
    }
    waiting_.push_back(std::move(added));
    body->must_write = true;
    rearm(body);
    return 0;
}

void exchange::flush()
{
    while (!waiting_.empty()) {
        std::vector<int> descriptors;
        for (const auto& each : waiting_.front().descriptors)
            descriptors.push_back(each.get());
        const auto error = send_packet(socket_, waiting_.front().bytes, descriptors);
        if (error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS)
            return;
        // Any other is the end of the socket, which the reader finds out.
        waiting_.pop_front();
    }
}

void exchange::rearm(const std::shared_ptr<link_body>& body)
{
    if (!body->open)
        return;
    auto& b = *body;
    b.must_write = b.must_write && !waiting_.empty();
    const bool must_read = !closed_ && (b.listeners > 0 || b.starting > 0);
    const bool settling = closed_ && !lost_;

    if (must_read && !b.reading) {
        b.reading = true;
        b.socket->async_wait(link_body::socket_type::wait_read,
                             [this, body](error_code) { readable(body); });
    }
    if (b.must_write && !b.writing) {
        b.writing = true;
        b.socket->async_wait(link_body::socket_type::wait_write,
                             [this, body](error_code) { writable(body); });
    }
    // Cancels both; the one still wanted is armed again by its own completion.
    if ((b.reading && !must_read) || (b.writing && !b.must_write)) {
        error_code ignored;
        b.socket->cancel(ignored);
    }

    if ((b.starting > 0 || settling) && !b.timing) {
        b.timing = true;
        auto first = settling ? clock::now() + settle_interval : clock::time_point::max();
        for (const auto& [request, each] : pending_)
            if (each.body == body)
                first = std::min(first, each.limit);
        b.timer->expires_at(first);
        b.timer->async_wait([this, body](error_code) { expired(body); });
    }
    if (b.starting == 0 && !settling && b.timing)
        b.timer->cancel();
}

void exchange::readable(const std::shared_ptr<link_body>& body)
{
    {
        const std::lock_guard lock(mutex_);
        body->reading = false;
    }
    look(body);
}

void exchange::look(const std::shared_ptr<link_body>& body)
{
    std::vector<told_type> unlocked;
    const std::lock_guard lock(mutex_);
    while (!closed_) {
        auto packet = receiver_.receive(socket_);
        if (packet.what == received_packet::outcome::nothing_yet)
            break;
        if (packet.what == received_packet::outcome::closed) {
            closed_ = true;
            if (body->open && body->timing) // sooner than it was set for
                body->timer->cancel();
        } else {
            handle(body, std::move(packet));
        }
    }
    if (closed_ && !lost_ && settle_loss())
        lose();
    rearm(body);
    unlocked.swap(let_go_);
}

void exchange::writable(const std::shared_ptr<link_body>& body)
{
    const std::lock_guard lock(mutex_);
    body->writing = false;
    flush();
    rearm(body);
}

void exchange::expired(const std::shared_ptr<link_body>& body)
{
    std::vector<told_type> unlocked;
    const std::lock_guard lock(mutex_);
    body->timing = false;
    if (closed_ && !lost_ && settle_loss())
        lose();
    const auto now = clock::now();
    for (auto at = pending_.begin(); at != pending_.end();)
        if (at->second.body == body && at->second.limit <= now) {
            finish(at->second, asio::error::timed_out, {});
            at = pending_.erase(at);
        } else {
            ++at;
        }
    rearm(body);
    unlocked.swap(let_go_);
}

void exchange::handle(const std::shared_ptr<link_body>& reader, received_packet packet)
{
    const auto m = decode(packet.bytes);
    if (!m)
        return;
    if (const auto* started = std::get_if<message::started>(&*m))
        on(reader, *started, first_of(packet.descriptors, started->pid));
    else if (const auto* failed = std::get_if<message::failed>(&*m))
        on(*failed);
    else if (const auto* progress = std::get_if<message::progress>(&*m))
        on(*progress, std::move(packet.descriptors));
    else if (const auto* exited = std::get_if<message::exited>(&*m)) {
        auto n = notice_of(notice::kind::exited, exited->child);
        n.exit = exited->exit;
        n.attempt = exited->attempt;
        n.cause = exited->cause;
        tell(exited->child, std::move(n), false);
    } else if (const auto* gone = std::get_if<message::gone>(&*m)) {
        auto n = notice_of(notice::kind::gone, gone->child);
        n.leaving = gone->leaving;
        tell(gone->child, std::move(n), true);
    }
}

void exchange::on(const message::progress& m, std::vector<descriptor> beside)
{
    using phase = message::progress::phase;
    auto n = notice_of(notice::kind::progress, m.child);
    n.exit = m.exit;
    n.attempt = m.attempt;
    n.pid = m.pid;
    n.phase = m.now;
    n.delay = m.delay;
    if (beside.size() > 1)
        n.channel = std::move(beside[1]);
    if (!beside.empty() || m.now == phase::up)
        n.pidfd = first_of(beside, m.pid);
    tell(m.child, std::move(n), false);
}

void exchange::on(const std::shared_ptr<link_body>& reader, const message::started& m,
                  descriptor pidfd)
{
    // One that has ended already needs none.
    const int error = pidfd || errno == ESRCH ? 0 : errno;
    const auto found = pending_.find(m.request);
    // Nobody waits for it any more: it came after its time limit, or its loop is gone. Or its
    // owner has no descriptor left to hold it by.
    if (found == pending_.end() || error)
        send_or_queue(reader, message::stop{m.child, {}}, {});
    if (found == pending_.end())
        return;
    if (error) {
        finish(found->second, system_error_code(error), {});
    } else {
        children_.emplace(m.child, owned{found->second.body, found->second.told});
        finish(found->second, {}, started_child{m.child, m.pid, std::move(pidfd)});
    }
    pending_.erase(found);
}

void exchange::on(const message::failed& m)
{
    const auto found = pending_.find(m.request);
    if (found == pending_.end())
        return;
    finish(found->second, system_error_code(m.error), {});
    pending_.erase(found);
}

void exchange::finish(pending& p, error_code ec, started_child child)
{
    --p.body->starting;
    p.done.complete(p.body->executor, ec, std::move(child));
    let_go_.push_back(std::move(p.told));
    rearm(p.body);
}

void exchange::tell(child_id child, notice n, bool last)
{
    const auto found = children_.find(child);
    if (found == children_.end())
        return;
    auto& whose = found->second;
    if (*whose.told)
        asio::post(whose.body->executor,
                   [body = whose.body, told = whose.told, n = std::move(n)]() mutable {
                       if (body->open)
                           (*told)(std::move(n));
                   });
    if (last) {
        let_go_.push_back(std::move(whose.told));
        children_.erase(found);
    }
}

void exchange::lose()
{
    lost_ = true;
    waiting_.clear();
    for (auto& [request, each] : std::exchange(pending_, {}))
        finish(each, errc::supervisor_lost, {});
    std::vector<std::shared_ptr<link_body>> bodies;
    while (!children_.empty()) {
        const auto child = children_.begin()->first;
        bodies.push_back(children_.begin()->second.body);
        tell(child, notice_of(notice::kind::lost, child), true);
    }
    for (const auto& each : bodies)
        rearm(each);
}

} // namespace zproc::supervision
