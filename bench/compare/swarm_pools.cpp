// Peers of P12 that are programs of their own: Python's pool, and a loop on threads.

#include "compare/swarm_peers.hpp"
#include "support/echo.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ZPROC_BENCH_TBB
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#endif

namespace zproc::bench {

namespace {

/// Reads which work to do, a byte each time, and writes the seconds, eight bytes.
constexpr const char* script = R"(
import multiprocessing, os, struct, sys, time

def square(x):
    return x * x

def busy(nanoseconds):
    end = time.thread_time_ns() + nanoseconds
    looks = 0
    while time.thread_time_ns() < end:
        looks += 1
    return looks

def count_marks(data):
    return data.count(b'x')

if __name__ == '__main__':
    workers, squares, even, large = map(int, sys.argv[1:5])
    with multiprocessing.get_context('fork').Pool(workers) as pool:
        pool.map(square, range(1000))
        while True:
            what = os.read(0, 1)
            if not what:
                break
            function, items = (
                lambda: (square, [i % 46000 for i in range(squares)]),
                lambda: (busy, [1000000] * even),
                lambda: (busy, list(map(int, sys.argv[5].split(',')))),
                lambda: (count_marks,
                         [b'a' * i + b'x' + b'a' * (2**20 - i - 1) for i in range(large)]),
            )[what[0]]()
            begun = time.perf_counter()
            results = pool.map(function, items)
            seconds = time.perf_counter() - begun
            assert len(results) == len(items)
            assert what[0] != 0 or results == [i * i for i in items]
            assert what[0] != 3 or results == [1] * len(items)
            os.write(1, struct.pack('d', seconds))
)";

/// Forks; in the child `work` is run with its end of the socket, whose end ends it: nobody kills
/// Python, whose workers would stay.
template <class Work>
pid_t forked(int& own_end, Work work)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::runtime_error("no socket");
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::close(ends[0]);
        work(ends[1]);
        ::_exit(0);
    }
    ::close(ends[1]);
    own_end = ends[0];
    return pid;
}

} // namespace

told_peer::~told_peer()
{
    ::shutdown(socket_, SHUT_RDWR); // whoever else was forked with it
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
}

double told_peer::seconds_for(swarm_work what) const
{
    const char number = static_cast<char>(what);
    double seconds = 0;
    if (!write_all(socket_, &number, 1) ||
        !read_all(socket_, reinterpret_cast<char*>(&seconds), sizeof seconds))
        throw std::runtime_error("a peer of the swarm does not work: is python3 installed?");
    return seconds;
}

python_pool::python_pool(const swarm_amounts& amounts)
{
    std::string times;
    for (const auto each : uneven_times(amounts.uneven))
        times += (times.empty() ? "" : ",") + std::to_string(each);
    const auto squares = std::to_string(amounts.squares);
    const auto even = std::to_string(amounts.peers_even);
    const auto large = std::to_string(amounts.large);
    const auto workers = std::to_string(swarm_workers);
    pid_ = forked(socket_, [&](int end) {
        ::dup2(end, 0);
        ::dup2(end, 1);
        ::execlp("python3", "python3", "-c", script, workers.c_str(), squares.c_str(), even.c_str(),
                 large.c_str(), times.c_str(), static_cast<char*>(nullptr));
        ::_exit(127);
    });
}

#ifdef ZPROC_BENCH_TBB

namespace {

template <class Items, class Function>
double loop_over(const Items& items, Function f)
{
    std::vector<decltype(f(items.front()))> results(items.size());
    const auto begun = now_ns();
    tbb::parallel_for(std::size_t{0}, items.size(),
                      [&](std::size_t i) { results[i] = f(items[i]); });
    return static_cast<double>(now_ns() - begun) / 1e9;
}

double loop(swarm_work what, const swarm_amounts& amounts)
{
    switch (what) {
    case swarm_work::squares: return loop_over(numbers(amounts.squares), &square);
    case swarm_work::even: return loop_over(even_times(amounts.peers_even), &busy);
    case swarm_work::uneven: return loop_over(uneven_times(amounts.uneven), &busy);
    case swarm_work::large: break;
    }
    return loop_over(large_items(amounts.large),
                     [](const std::string& each) { return count_marks(each.data(), each.size()); });
}

} // namespace

bool thread_loop::is_there()
{
    return true;
}

thread_loop::thread_loop(const swarm_amounts& amounts)
{
    pid_ = forked(socket_, [&](int end) {
        const tbb::global_control threads(tbb::global_control::max_allowed_parallelism,
                                          swarm_workers);
        loop(swarm_work::squares, amounts); // its threads are there from now on
        for (char what = 0; read_all(end, &what, 1);) {
            const double seconds = loop(static_cast<swarm_work>(what), amounts);
            if (!write_all(end, reinterpret_cast<const char*>(&seconds), sizeof seconds))
                return;
        }
    });
}

#else

bool thread_loop::is_there()
{
    return false;
}

thread_loop::thread_loop(const swarm_amounts&)
{
    throw std::logic_error("built without oneTBB");
}

#endif

} // namespace zproc::bench
