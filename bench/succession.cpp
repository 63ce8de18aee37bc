// How long a state is away when its process is killed: from the SIGKILL until a client that has not
// noticed anything gets the answer to its next request. In that time the supervisor reaps and forks,
// the successor reads the whole ring that is left, and the client connects again.
//
// The journal is full: it was written once around, and a quarter of it is alive. Beside it a plain
// fork that copies as many bytes into a new memory file, and then says that it is there: what to
// reap, to fork and to touch that memory takes at least.
//
// Not measured: rings that were never full, which are as quick as smaller ones; disks.

#include "support/interleave.hpp"
#include "support/run_loop.hpp"

#include <zproc/context.hpp>
#include <zproc/dict.hpp>
#include <zproc/state.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr std::size_t mebibyte = 1 << 20;
constexpr std::size_t value_bytes = 1000;

double milliseconds_since(clock_type::time_point begun)
{
    return std::chrono::duration<double, std::milli>(clock_type::now() - begun).count();
}

char* map_memory(int file, std::size_t bytes)
{
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at == MAP_FAILED)
        throw std::runtime_error("no memory");
    return static_cast<char*>(at);
}

int memory_file(std::size_t bytes)
{
    const int file = ::memfd_create("bench", MFD_CLOEXEC);
    if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0)
        throw std::runtime_error("no memory file");
    return file;
}

/// One that is killed, and another that copies what it left.
double plain_copy(std::size_t bytes)
{
    const int left = memory_file(bytes);
    char* const full = map_memory(left, bytes);
    std::memset(full, 'x', bytes);
    const pid_t victim = ::fork();
    if (victim == 0) {
        ::pause();
        ::_exit(0);
    }
    int there[2];
    if (::pipe2(there, O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe");
    const auto begun = clock_type::now();
    ::kill(victim, SIGKILL);
    ::waitpid(victim, nullptr, 0);
    const pid_t successor = ::fork();
    if (successor == 0) {
        std::memcpy(map_memory(memory_file(bytes), bytes), full, bytes);
        (void)!::write(there[1], "", 1);
        ::_exit(0);
    }
    char byte = 0;
    (void)!::read(there[0], &byte, 1);
    const double took = milliseconds_since(begun);
    ::waitpid(successor, nullptr, 0);
    ::munmap(full, bytes);
    ::close(left);
    ::close(there[0]);
    ::close(there[1]);
    return took;
}

/// So many bytes of values, in transactions of a hundred keys.
asio::awaitable<void> write(zproc::state& state, std::size_t keys, std::size_t bytes)
{
    for (std::size_t i = 0; i * value_bytes < bytes;) {
        zproc::dict changes;
        for (const auto end = i + 100; i != end; ++i)
            changes["key " + std::to_string(i % keys)] =
                std::string(value_bytes, static_cast<char>('a' + i % 26));
        co_await state.update(std::move(changes));
    }
}

asio::awaitable<void> kill_and_get(zproc::context ctx, std::size_t bytes, double& took)
{
    auto state = ctx.state();
    co_await write(state, bytes / 4 / value_bytes, bytes * 5 / 4);
    const auto server = co_await ctx.ping();
    const auto begun = clock_type::now();
    ::kill(static_cast<pid_t>(server.pid), SIGKILL);
    static_cast<void>(co_await state.get<std::string>("key 0"));
    took = milliseconds_since(begun);
    const auto successor = co_await ctx.ping();
    if (successor.pid == server.pid)
        throw std::runtime_error("it was not killed");
}

double succession(std::size_t bytes)
{
    asio::io_context io;
    double took = 0;
    // Another state each time: one that dies again and again is given up.
    bench::run_loop(io,
                    kill_and_get(zproc::context(io, zproc::context_options{}.journal_size(bytes)),
                                 bytes, took));
    return took;
}

} // namespace

int main(int argc, char** argv)
{
    auto options = bench::options::from_arguments(argc, argv, 1);
    std::printf("A state process is killed: from the kill to the next answer, ms\n");
    std::printf("  %-10s %14s %14s %8s\n", "ring", "fork and copy", "zproc", "ratio");
    for (const std::size_t size : {1, 4, 16, 64}) {
        if (options.smoke && size > 4)
            break;
        std::vector<double> plain, ours, ratios;
        for (std::size_t i = 0; i != options.rounds; ++i) {
            plain.push_back(plain_copy(size * mebibyte));
            ours.push_back(succession(size * mebibyte));
            ratios.push_back(ours.back() / plain.back());
        }
        std::printf("  %3zu MiB    %14.2f %14.2f %8.2f\n", size, bench::median(plain),
                    bench::median(ours), bench::median(ratios));
        std::fflush(stdout);
    }
    return 0;
}
