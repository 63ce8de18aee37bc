#include "counts/calls_in_place.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <new>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::bench {
namespace {

struct shared_count {
    std::atomic<pid_t> watched = 0; ///< 0: nobody
    std::atomic<std::uint64_t> in_vain = 0;
    std::array<std::atomic<std::uint64_t>, 512> calls{};
};
constinit shared_count* shared = nullptr;

void note(long number, bool in_vain)
{
    if (shared == nullptr)
        return;
    const auto watched = shared->watched.load(std::memory_order_relaxed);
    if (watched == 0 || watched != ::getpid())
        return;
    if (in_vain)
        ++shared->in_vain;
    else
        ++shared->calls[static_cast<std::size_t>(number)];
}

template <class... Arguments>
long made(long number, Arguments... arguments)
{
    const long result = ::syscall(number, arguments...);
    const int error = errno;
    note(number, result < 0 && error == EAGAIN);
    errno = error;
    return result;
}

} // namespace

void call_count::prepare()
{
    void* const memory = ::mmap(nullptr, sizeof(shared_count), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error("no shared memory");
    shared = new (memory) shared_count();
}

call_count::call_count(pid_t of)
{
    shared->in_vain = 0;
    for (auto& each : shared->calls)
        each = 0;
    shared->watched = of;
}

call_count::~call_count()
{
    shared->watched = 0;
}

std::map<long, std::uint64_t> call_count::so_far() const
{
    std::map<long, std::uint64_t> out;
    for (std::size_t i = 0; i != shared->calls.size(); ++i)
        if (const std::uint64_t times = shared->calls[i]; times != 0)
            out.emplace(static_cast<long>(i), times);
    return out;
}

std::uint64_t call_count::looks_in_vain() const
{
    return shared->in_vain;
}

} // namespace zproc::bench

// ---- in place of the C library's ---------------------------------------------------------------

extern "C" {

int epoll_wait(int poll, epoll_event* events, int most, int milliseconds)
{
    const auto count = ::syscall(SYS_epoll_wait, poll, events, most, milliseconds);
    const int error = errno;
    zproc::bench::note(SYS_epoll_wait, count == 0 && milliseconds == 0);
    errno = error;
    return static_cast<int>(count);
}

int epoll_ctl(int poll, int operation, int file, epoll_event* event) noexcept
{
    return static_cast<int>(zproc::bench::made(SYS_epoll_ctl, poll, operation, file, event));
}

ssize_t recvmsg(int socket, msghdr* message, int flags)
{
    return zproc::bench::made(SYS_recvmsg, socket, message, flags);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags)
{
    return zproc::bench::made(SYS_sendmsg, socket, message, flags);
}

ssize_t recv(int socket, void* to, std::size_t size, int flags)
{
    return zproc::bench::made(SYS_recvfrom, socket, to, size, flags, nullptr, nullptr);
}

ssize_t send(int socket, const void* from, std::size_t size, int flags)
{
    return zproc::bench::made(SYS_sendto, socket, from, size, flags, nullptr, 0);
}

ssize_t read(int file, void* to, std::size_t size)
{
    return zproc::bench::made(SYS_read, file, to, size);
}

ssize_t write(int file, const void* from, std::size_t size)
{
    return zproc::bench::made(SYS_write, file, from, size);
}

int sched_yield() noexcept
{
    const auto result = ::syscall(SYS_sched_yield);
    zproc::bench::note(SYS_sched_yield, true);
    return static_cast<int>(result);
}
}
