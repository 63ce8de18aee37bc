// The least that scattering and gathering over processes takes: P12's raw baseline.

#include "compare/swarm_peers.hpp"
#include "support/echo.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t at_a_time = 64 << 10;
constexpr std::size_t most_portions = 2;

template <class Item, class Result, class Function>
void serve(int socket, std::size_t item_size, Function f)
{
    std::vector<char> in(std::max(item_size, at_a_time));
    std::vector<Result> out;
    std::size_t have = 0;
    for (;;) {
        const auto got = ::read(socket, in.data() + have, in.size() - have);
        if (got <= 0)
            return;
        have += static_cast<std::size_t>(got);
        const auto whole = have / item_size;
        if (whole == 0)
            continue;
        out.resize(whole);
        for (std::size_t i = 0; i != whole; ++i)
            if constexpr (sizeof(Item) == 1) {
                out[i] = f(in.data() + i * item_size);
            } else {
                Item item;
                std::memcpy(&item, in.data() + i * sizeof item, sizeof item);
                out[i] = f(item);
            }
        if (!write_all(socket, reinterpret_cast<const char*>(out.data()), whole * sizeof(Result)))
            return;
        have -= whole * item_size;
        std::memmove(in.data(), in.data() + whole * item_size, have);
    }
}

void serve(swarm_work what, int socket)
{
    switch (what) {
    case swarm_work::squares: return serve<int, int>(socket, sizeof(int), &square);
    case swarm_work::even:
    case swarm_work::uneven: return serve<std::int64_t, int>(socket, sizeof(std::int64_t), &busy);
    case swarm_work::large: break;
    }
    serve<char, std::int64_t>(socket, mebibyte,
                              [](const char* bytes) { return count_marks(bytes, mebibyte); });
}

/// Some items on their way through a worker.
struct portion {
    std::size_t unsent_from, unsent_end; ///< bytes of items
    std::size_t next, end;               ///< bytes of results
};

} // namespace

socket_workers::socket_workers(swarm_work what)
    : item_size_(what == swarm_work::squares ? sizeof(int)
                 : what == swarm_work::large ? mebibyte
                                             : sizeof(std::int64_t)),
      result_size_(what == swarm_work::large ? sizeof(std::int64_t) : sizeof(int))
{
    std::fflush(nullptr);
    for (int i = 0; i != swarm_workers; ++i) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw std::runtime_error("no socket");
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            for (const auto each : sockets_)
                ::close(each);
            serve(what, ends[1]);
            ::_exit(0);
        }
        ::close(ends[1]);
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        sockets_.push_back(ends[0]);
        pids_.push_back(pid);
    }
}

socket_workers::~socket_workers()
{
    for (const auto each : sockets_) {
        ::shutdown(each, SHUT_RDWR); // whoever else was forked with it
        ::close(each);
    }
    for (const auto each : pids_)
        ::waitpid(each, nullptr, 0);
}

void socket_workers::run(const char* items, std::size_t count, std::size_t at_once,
                         char* results) const
{
    std::array<std::deque<portion>, swarm_workers> held;
    std::array<pollfd, swarm_workers> polled{};
    std::size_t given = 0;
    std::size_t left = count * result_size_;
    while (left != 0) {
        for (std::size_t i = 0; i != held.size(); ++i) {
            auto& all = held[i];
            while (all.size() < most_portions && given < count) {
                const auto end = std::min(given + at_once, count);
                all.push_back({given * item_size_, end * item_size_, given * result_size_,
                               end * result_size_});
                given = end;
            }
            const bool unsent = !all.empty() && all.back().unsent_from != all.back().unsent_end;
            polled[i] = {sockets_[i], static_cast<short>(POLLIN | (unsent ? POLLOUT : 0)), 0};
        }
        if (::poll(polled.data(), polled.size(), -1) < 0)
            throw std::runtime_error("cannot poll");
        for (std::size_t i = 0; i != held.size(); ++i) {
            auto& all = held[i];
            if ((polled[i].revents & POLLOUT) != 0)
                for (auto& each : all) {
                    const auto size = each.unsent_end - each.unsent_from;
                    const auto sent =
                        size == 0 ? 0 : ::write(sockets_[i], items + each.unsent_from, size);
                    if (sent < 0)
                        break;
                    each.unsent_from += static_cast<std::size_t>(sent);
                    if (each.unsent_from != each.unsent_end)
                        break;
                }
            if ((polled[i].revents & ~POLLOUT) == 0)
                continue;
            while (!all.empty()) {
                auto& front = all.front();
                const auto got = ::read(sockets_[i], results + front.next, front.end - front.next);
                if (got == 0 || (got < 0 && errno != EAGAIN))
                    throw std::runtime_error("a raw worker has ended");
                if (got < 0)
                    break;
                left -= static_cast<std::size_t>(got);
                if ((front.next += static_cast<std::size_t>(got)) != front.end)
                    break;
                all.pop_front();
            }
        }
    }
}

} // namespace zproc::bench
