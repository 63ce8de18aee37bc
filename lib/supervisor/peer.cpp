#include "supervisor/peer.hpp"

#include "supervisor/packet.hpp"

#include <cerrno>
#include <utility>

#include <sys/epoll.h>

namespace zproc::supervision {

bool peer::open(descriptor socket, int events, std::uint64_t key)
{
    close();
    socket_ = std::move(socket);
    events_ = events;
    key_ = key;
    deaf_ = false;
    return watch();
}

void peer::send(const any_message& m, std::vector<descriptor> beside)
{
    if (!socket_ || deaf_)
        return;
    packet added;
    encode(m, added.bytes);
    added.beside = std::move(beside);
    if (const auto* progress = std::get_if<message::progress>(&m)) {
        added.child = progress->child;
        added.attempt = progress->attempt;
    }
    if (waiting_.empty()) {
        const auto done = send_now(added);
        if (done == sent::never)
            return give_up();
        if (done == sent::yes)
            return;
    }
    if (added.child != 0 && supersede(added))
        return;
    waiting_.push_back(std::move(added));
    watch();
}

bool peer::supersede(packet& added)
{
    for (auto& each : waiting_)
        if (each.child == added.child) {
            // Where nobody has seen the run begin, its descriptors are still news.
            if (added.beside.empty() && each.attempt == added.attempt)
                added.beside = std::move(each.beside);
            each = std::move(added);
            return true;
        }
    return false;
}

void peer::flush()
{
    while (socket_ && !waiting_.empty()) {
        const auto done = send_now(waiting_.front());
        if (done == sent::never)
            return give_up();
        if (done == sent::later)
            break;
        waiting_.pop_front();
    }
    watch();
}

void peer::give_up()
{
    deaf_ = true;
    waiting_.clear();
    watch();
}

void peer::close()
{
    // Closing also removes it from epoll: the supervisor holds the only descriptor of this end,
    // except for the root's, which the guardian holds too.
    if (socket_ && watched_ != 0)
        ::epoll_ctl(events_, EPOLL_CTL_DEL, socket_.get(), nullptr);
    watched_ = 0;
    socket_.reset();
    waiting_.clear();
}

peer::sent peer::send_now(const packet& p)
{
    std::vector<int> numbers;
    for (const auto& each : p.beside)
        numbers.push_back(each.get());
    auto error = send_packet(socket_.get(), p.bytes, numbers);
    // Too many descriptors under way for this user: the reader can open the pidfd itself.
    if (error == ETOOMANYREFS)
        error = send_packet(socket_.get(), p.bytes, {});
    switch (error) {
    case 0: return sent::yes;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return sent::later;
    default: return sent::never;
    }
}

bool peer::watch()
{
    if (!socket_)
        return false;
    const auto wanted = static_cast<std::uint32_t>(waiting_.size() < patience ? EPOLLIN : 0u) |
                        static_cast<std::uint32_t>(waiting_.empty() ? 0u : EPOLLOUT) | EPOLLRDHUP;
    if (wanted == watched_)
        return true;
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = key_;
    const int how = watched_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(events_, how, socket_.get(), &event) != 0) {
        const int error = errno;
        close();
        errno = error;
        return false;
    }
    watched_ = wanted;
    return true;
}

} // namespace zproc::supervision
