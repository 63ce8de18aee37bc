#include "support/fault_proxy.hpp"

#include "tcp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

namespace zproc::test {

namespace {

constexpr std::size_t most_waiting = 1u << 20; ///< of one direction: beyond it nothing is read
constexpr std::size_t most_said = 16u << 10;

std::int64_t now()
{
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

void never_block(int file)
{
    ::fcntl(file, F_SETFL, ::fcntl(file, F_GETFL) | O_NONBLOCK);
}

} // namespace

descriptor connect_on_loopback(std::uint16_t port)
{
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (made && ::connect(made.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        return {};
    if (made)
        tcp::set_options(made.get());
    return made;
}

fault_proxy::fault_proxy(descriptor listener, std::function<descriptor()> connect, faults& what,
                         unsigned seed)
    : listener_(std::move(listener)), connect_(std::move(connect)), faults_(what), random_(seed)
{
    never_block(listener_.get());
}

void fault_proxy::turn(int milliseconds)
{
    std::vector<pollfd> files{{listener_.get(), POLLIN, 0}};
    const auto begin = now();
    for (auto& p : pairs_)
        for (auto* d : {&p.up, &p.down}) {
            const bool due = !d->queue.empty() && d->queue.front().due <= begin;
            if (!d->queue.empty() && !due)
                milliseconds = std::min<int>(
                    milliseconds, static_cast<int>((d->queue.front().due - begin) / 1000 + 1));
            const bool reads = !d->ended && d->waiting < most_waiting;
            files.push_back({reads ? d->from : -1, POLLIN, 0});
            files.push_back({due ? d->to : -1, POLLOUT, 0});
        }
    ::poll(files.data(), files.size(), milliseconds);

    if (const unsigned cut = faults_.cut_all; cut != cut_seen_) {
        cut_seen_ = cut;
        faults_.cuts += pairs_.size();
        pairs_.clear();
        return;
    }
    std::size_t i = 1;
    for (auto& p : pairs_)
        for (auto* d : {&p.up, &p.down}) {
            if (files[i++].revents != 0 && !p.dead)
                read(p, *d, d == &p.up);
            if (files[i++].revents != 0 && !p.dead)
                write(p, *d);
        }
    pairs_.remove_if([](const pair& p) { return p.dead || (p.up.closed && p.down.closed); });
    if (files[0].revents != 0)
        accept();
}

void fault_proxy::accept()
{
    for (;;) {
        descriptor client(
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client)
            return;
        ++faults_.connections;
        if (faults_.refuse)
            continue;
        auto server = connect_();
        if (server)
            add(std::move(client), std::move(server));
    }
}

void fault_proxy::add(descriptor client, descriptor server)
{
    never_block(server.get());
    auto& p = pairs_.emplace_back();
    p.up.from = p.down.to = client.get();
    p.up.to = p.down.from = server.get();
    p.client = std::move(client);
    p.server = std::move(server);
    p.to_repeat = chance(faults_.repeat);
}

void fault_proxy::read(pair& p, direction& d, bool up)
{
    std::array<std::byte, 32u << 10> room;
    auto wanted = room.size();
    if (const std::size_t most = faults_.largest_piece)
        wanted = std::min(wanted, 1 + random_() % most);
    const auto count = ::recv(d.from, room.data(), wanted, 0);
    if (count < 0) {
        p.dead = errno != EAGAIN && errno != EINTR;
        return;
    }
    if (count == 0) {
        d.ended = true;
        if (d.queue.empty())
            write(p, d);
        return;
    }
    ++faults_.pieces;
    const auto size = static_cast<std::size_t>(count);
    if (chance(faults_.cut)) {
        ++faults_.cuts;
        p.dead = true;
        return;
    }
    if (up ? faults_.swallow_requests : faults_.swallow_replies)
        return;
    if (up && p.said.size() < most_said)
        p.said.insert(p.said.end(), room.begin(), room.begin() + count);
    if (!up && p.to_repeat) {
        p.to_repeat = false;
        repeat(p);
    }
    const std::int64_t most = faults_.delay;
    const auto delay = most == 0 ? 0 : static_cast<std::int64_t>(random_()) % most;
    auto due = now() + delay;
    if (!d.queue.empty())
        due = std::max(due, d.queue.back().due);
    d.queue.push_back({due, {room.begin(), room.begin() + count}, 0});
    d.waiting += size;
    if (delay == 0)
        write(p, d);
}

void fault_proxy::write(pair& p, direction& d)
{
    while (!d.queue.empty() && d.queue.front().due <= now()) {
        auto& next = d.queue.front();
        const auto count = ::send(d.to, next.bytes.data() + next.sent,
                                  next.bytes.size() - next.sent, MSG_NOSIGNAL);
        if (count < 0) {
            p.dead = errno != EAGAIN && errno != EINTR;
            return;
        }
        next.sent += static_cast<std::size_t>(count);
        d.waiting -= static_cast<std::size_t>(count);
        if (next.sent == next.bytes.size())
            d.queue.pop_front();
    }
    if (d.queue.empty() && d.ended && !std::exchange(d.closed, true))
        ::shutdown(d.to, SHUT_WR);
}

/// Somebody who has listened says the same, and goes.
void fault_proxy::repeat(const pair& p)
{
    const auto again = connect_();
    if (!again)
        return;
    ++faults_.repeats;
    (void)!::send(again.get(), p.said.data(), p.said.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace zproc::test
