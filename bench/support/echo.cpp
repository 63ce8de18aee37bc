#include "support/echo.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

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

} // namespace zproc::bench
