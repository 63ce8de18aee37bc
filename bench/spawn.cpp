// What it costs to start a process and to hear that it runs, from a small program and from one
// that has touched 1 GiB.
//
// Baselines: fork and _exit, posix_spawn of /bin/true; both with a waitpid. Beside them zproc's
// spawn of a function, until it is said to run; the same until its result is there; and a spawn of
// /bin/true until its status is there. The roots are processes of their own, so that both sizes are
// measured in turns.
//
// Not measured: many at once, arguments and results of any size, programs that link much.

#include "support/interleave.hpp"
#include "support/run_loop.hpp"

#include <zproc/command.hpp>
#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;

namespace {

enum class way : std::uint8_t { fork, posix_spawn, spawn, spawn_to_result, command };

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
    way how = way::fork;
    std::size_t times = 0;
};

/// A program of that size, which does what it is told.
class root {
public:
    explicit root(std::size_t bytes)
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
    root(const root&) = delete;
    root& operator=(const root&) = delete;

    ~root()
    {
        ::close(socket_);
        ::waitpid(pid_, nullptr, 0);
    }

    pid_t pid() const { return pid_; }

    void run(way how, std::size_t times) const
    {
        const order given{how, times};
        if (::send(socket_, &given, sizeof given, MSG_NOSIGNAL) != sizeof given)
            throw std::runtime_error("the root has gone");
        hear();
    }

private:
    void hear() const
    {
        char done = 0;
        if (::recv(socket_, &done, 1, 0) != 1 || done != 'd')
            throw std::runtime_error("the root has failed");
    }

    [[noreturn]] static void serve(int socket, std::size_t bytes)
    {
        try {
            asio::io_context io(1);
            zproc::context ctx(io);
            if (bytes != 0) {
                void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (memory == MAP_FAILED)
                    throw std::runtime_error("no memory");
                ::madvise(memory, bytes, MADV_NOHUGEPAGE); // as a heap that has grown
                std::memset(memory, 1, bytes);
            }
            order given;
            do {
                switch (given.how) {
                case way::fork:
                    for (std::size_t i = 0; i != given.times; ++i)
                        fork_one();
                    break;
                case way::posix_spawn:
                    for (std::size_t i = 0; i != given.times; ++i)
                        posix_spawn_one();
                    break;
                case way::spawn: bench::run_loop(io, spawn(ctx, given.times)); break;
                case way::spawn_to_result:
                    bench::run_loop(io, spawn_to_result(ctx, given.times));
                    break;
                case way::command: bench::run_loop(io, command(ctx, given.times)); break;
                }
                if (::send(socket, "d", 1, MSG_NOSIGNAL) != 1)
                    break;
            } while (::recv(socket, &given, sizeof given, 0) == sizeof given);
        } catch (const std::exception& e) {
            std::fprintf(stderr, "spawn: %s\n", e.what());
        }
        ::_exit(0);
    }

    pid_t pid_ = -1;
    int socket_ = -1;
};

} // namespace

int main(int argc, char** argv)
try {
    const auto options = bench::options::from_arguments(argc, argv, 200);
    const root small(0);
    const root large(options.smoke ? std::size_t{64} << 20 : std::size_t{1} << 30);
    const auto from = [](const root& which, way how) {
        return [&which, how](std::size_t times) { which.run(how, times); };
    };
    const auto results = bench::interleave(
        {
            {"posix_spawn, small", from(small, way::posix_spawn), {small.pid()}},
            {"posix_spawn, 1 GiB", from(large, way::posix_spawn), {large.pid()}},
            {"fork, small", from(small, way::fork), {small.pid()}},
            {"fork, 1 GiB", from(large, way::fork), {large.pid()}},
            {"zproc spawn, small", from(small, way::spawn), {small.pid()}},
            {"zproc spawn, 1 GiB", from(large, way::spawn), {large.pid()}},
            {"zproc spawn to result, small", from(small, way::spawn_to_result), {small.pid()}},
            {"zproc spawn to result, 1 GiB", from(large, way::spawn_to_result), {large.pid()}},
            {"zproc command, small", from(small, way::command), {small.pid()}},
            {"zproc command, 1 GiB", from(large, way::command), {large.pid()}},
        },
        options);
    bench::print("starting a process", results, options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "spawn: %s\n", e.what());
    return 1;
}
