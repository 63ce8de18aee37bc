#pragma once

#include "compare/machine.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

/// What else can do the work of a swarm: pools of Python's, threads, and plain sockets.
namespace zproc::bench {

/// The work, as everybody does it.
int square(int x);
/// Takes so many nanoseconds of processor time.
int busy(std::int64_t nanoseconds);
std::int64_t count_marks(const char* bytes, std::size_t size);

constexpr char mark = 'x'; ///< what is counted

enum class swarm_work : std::uint8_t { squares, even, uneven, large };

/// How much of it.
struct swarm_amounts {
    std::size_t squares = 0;
    std::size_t even = 0;
    std::size_t uneven = 0;
    std::size_t large = 0;
    std::size_t peers_even = 0; ///< peers do fewer: rates are compared

    std::size_t of(swarm_work what) const;
};

/// The items.
std::vector<int> numbers(std::size_t count);
std::vector<std::int64_t> even_times(std::size_t count);
/// By Zipf's law, in no order: the longest takes 50 ms, the n-th longest an n-th of it.
std::vector<std::int64_t> uneven_times(std::size_t count);
std::vector<std::string> large_items(std::size_t count);

constexpr int swarm_workers = 2;

/// A program of its own that does the work when it is told to, and says how many seconds it took:
/// by its own clock, from the call to the list of results.
class told_peer {
public:
    virtual ~told_peer();
    told_peer(const told_peer&) = delete;
    told_peer& operator=(const told_peer&) = delete;

    double seconds_for(swarm_work what) const;

protected:
    told_peer() = default;
    pid_t pid_ = -1;
    int socket_ = -1;
};

/// Python's multiprocessing.Pool, `map` with its own size of chunks.
class python_pool final : public told_peer {
public:
    explicit python_pool(const swarm_amounts& amounts);
};

/// oneTBB's parallel_for, on as many threads.
class thread_loop final : public told_peer {
public:
    static bool is_there();
    explicit thread_loop(const swarm_amounts& amounts);
};

/// Forked workers at the other ends of socket pairs. Items of one size are written to them as they
/// are, some at once, and the results read back into their place: with poll, read and write.
class socket_workers {
public:
    explicit socket_workers(swarm_work what);
    ~socket_workers();
    socket_workers(const socket_workers&) = delete;
    socket_workers& operator=(const socket_workers&) = delete;

    /// `at_once` items make one portion; a worker has two at most.
    void run(const char* items, std::size_t count, std::size_t at_once, char* results) const;

private:
    std::size_t item_size_;
    std::size_t result_size_;
    std::vector<int> sockets_;
    std::vector<pid_t> pids_;
};

} // namespace zproc::bench
