#include "support/echo.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::bench {
namespace {

void serve(int fd, std::size_t request, std::size_t reply)
{
    std::vector<char> in(request);
    const std::vector<char> out(reply);
    while (read_all(fd, in.data(), in.size()) && write_all(fd, out.data(), out.size())) {}
}

/// Of one connection.
struct guest {
    int socket = -1;
    std::size_t rest = 0; ///< bytes of a message that is not there yet
};

void serve(std::vector<guest> all, std::size_t request, std::size_t reply)
{
    std::vector<char> in(256 * request);
    const std::vector<char> out(257 * reply);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    for (auto& each : all) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &each;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, each.socket, &event);
    }
    std::array<epoll_event, 64> events;
    for (;;) {
        const int found = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < found; ++i) {
            auto& from = *static_cast<guest*>(events[static_cast<std::size_t>(i)].data.ptr);
            const auto count = ::read(from.socket, in.data(), in.size());
            if (count <= 0)
                return;
            from.rest += static_cast<std::size_t>(count);
            const auto whole = from.rest / request;
            from.rest %= request;
            if (!write_all(from.socket, out.data(), whole * reply))
                return;
        }
    }
}

} // namespace

bool read_all(int fd, char* data, std::size_t size)
{
    while (size != 0) {
        const ssize_t n = ::read(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

bool write_all(int fd, const char* data, std::size_t size)
{
    while (size != 0) {
        const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

echo_process::echo_process(std::size_t request, std::size_t reply)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    pid_ = ::fork();
    if (pid_ < 0) {
        const int error = errno;
        ::close(ends[0]);
        ::close(ends[1]);
        throw std::system_error(error, std::generic_category(), "fork");
    }
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(ends[0]);
        serve(ends[1], request, reply);
        ::_exit(0);
    }
    ::close(ends[1]);
    socket_ = ends[0];
}

echo_process::~echo_process()
{
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
}

echo_crowd::echo_crowd(std::size_t connections, std::size_t request, std::size_t reply)
{
    std::vector<guest> others;
    for (std::size_t i = 0; i != connections; ++i) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw std::system_error(errno, std::generic_category(), "socketpair");
        sockets_.push_back(ends[0]);
        others.push_back({ends[1], 0});
    }
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (const int each : sockets_)
            ::close(each);
        serve(std::move(others), request, reply);
        ::_exit(0);
    }
    for (const auto& each : others)
        ::close(each.socket);
}

echo_crowd::~echo_crowd()
{
    for (const int each : sockets_)
        ::close(each);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

} // namespace zproc::bench
