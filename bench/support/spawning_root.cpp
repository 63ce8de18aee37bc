#include "support/spawning_root.hpp"

#include "support/run_loop.hpp"

#include <zproc/command.hpp>
#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <vector>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::bench {

namespace asio = boost::asio;

namespace {

void wait_for(pid_t pid)
{
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0)
        throw std::runtime_error("a child has failed");
}

void fork_one()
{
    const auto pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    wait_for(pid);
}

void posix_spawn_one()
{
    char name[] = "/bin/true";
    char* arguments[] = {name, nullptr};
    pid_t pid = -1;
    if (::posix_spawn(&pid, name, nullptr, nullptr, arguments, environ) != 0)
        throw std::runtime_error("posix_spawn has failed");
    wait_for(pid);
}

int nothing()
{
    return 0;
}

asio::awaitable<void> spawn(zproc::context& ctx, std::size_t times)
{
    // Their ends are none of our business, but have to be over when the next way begins.
    std::vector<zproc::process<int>> all;
    all.reserve(times);
    for (std::size_t i = 0; i != times; ++i)
        all.push_back(co_await ctx.spawn(&nothing));
    co_await ctx.wait();
}

asio::awaitable<void> spawn_to_result(zproc::context& ctx, std::size_t times)
{
    for (std::size_t i = 0; i != times; ++i) {
        auto p = co_await ctx.spawn(&nothing);
        co_await p.result();
    }
}

asio::awaitable<void> command(zproc::context& ctx, std::size_t times)
{
    for (std::size_t i = 0; i != times; ++i) {
        auto p = co_await ctx.spawn(zproc::command("/bin/true"));
        co_await p.wait();
    }
}

struct order {
    spawn_way how = spawn_way::fork;
    std::size_t times = 0;
};

[[noreturn]] void serve(int socket, std::size_t bytes)
{
    try {
        asio::io_context io(1);
        zproc::context ctx(io);
        if (bytes != 0) {
            void* const memory =
                ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED)
                throw std::runtime_error("no memory");
            ::madvise(memory, bytes, MADV_NOHUGEPAGE); // as a heap that has grown
            std::memset(memory, 1, bytes);
        }
        order given;
        do {
            switch (given.how) {
            case spawn_way::fork:
                for (std::size_t i = 0; i != given.times; ++i)
                    fork_one();
                break;
            case spawn_way::posix_spawn:
                for (std::size_t i = 0; i != given.times; ++i)
                    posix_spawn_one();
                break;
            case spawn_way::spawn: run_loop(io, spawn(ctx, given.times)); break;
            case spawn_way::spawn_to_result: run_loop(io, spawn_to_result(ctx, given.times)); break;
            case spawn_way::command: run_loop(io, command(ctx, given.times)); break;
            }
            if (::send(socket, "d", 1, MSG_NOSIGNAL) != 1)
                break;
        } while (::recv(socket, &given, sizeof given, 0) == sizeof given);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "a spawning root: %s\n", e.what());
    }
    ::_exit(0);
}

} // namespace

spawning_root::spawning_root(std::size_t bytes)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("no socket pair");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::close(ends[0]);
        serve(ends[1], bytes);
    }
    ::close(ends[1]);
    socket_ = ends[0];
    hear();
}

spawning_root::~spawning_root()
{
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
}

void spawning_root::run(spawn_way how, std::size_t times) const
{
    const order given{how, times};
    if (::send(socket_, &given, sizeof given, MSG_NOSIGNAL) != sizeof given)
        throw std::runtime_error("the root has gone");
    hear();
}

void spawning_root::hear() const
{
    char done = 0;
    if (::recv(socket_, &done, 1, 0) != 1 || done != 'd')
        throw std::runtime_error("the root has failed");
}

} // namespace zproc::bench
