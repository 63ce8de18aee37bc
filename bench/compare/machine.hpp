#pragma once

#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

struct redisContext;

/// What the rows are made of: servers, crowds of processes, and memory that they share.
namespace zproc::bench {

namespace asio = boost::asio;

std::int64_t now_ns();

/// Latencies, counted in steps of two per cent.
class latencies {
public:
    void add(double nanoseconds);
    void clear();
    double median() const; ///< ns

private:
    static constexpr std::size_t steps = 1100;
    std::array<std::atomic<std::uint32_t>, steps> counts_{};
};

/// Memory that all processes of the benchmark see; mapped before any of them is made.
struct shared_page {
    std::atomic<int> ready = 0;
    std::atomic<bool> go = false;
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> done = 0;
    std::atomic<std::uint64_t> seen = 0; ///< by all watchers together
    std::atomic<std::int64_t> sent_at = 0;
    latencies took;

    // Of the raw baseline of watchers: futexes, and what was written so far.
    std::array<std::atomic<std::uint32_t>, 128> bells{};
    std::atomic<std::uint64_t> head = 0;
    std::array<std::atomic<std::int64_t>, std::size_t{1} << 15> events{};

    void reset();
    /// In a worker: says that it is ready, and waits until all go. Sleeps meanwhile.
    void await_go();
    /// In the conductor: waits until so many are ready.
    void await_ready(int count) const;
};
extern shared_page* page;

/// Maps `page`. Before everything else.
void prepare_shared_page();

/// A Redis server on a Unix socket, with nothing on disk; it ends with its owner.
class redis_server {
public:
    redis_server();
    ~redis_server();
    redis_server(const redis_server&) = delete;
    redis_server& operator=(const redis_server&) = delete;

    const std::string& path() const { return path_; }
    pid_t pid() const { return pid_; }

    static std::string settings();

private:
    std::string path_;
    pid_t pid_ = -1;
};

/// A client of it; throws when anything fails.
class redis_client {
public:
    explicit redis_client(const std::string& path);
    ~redis_client();
    redis_client(const redis_client&) = delete;
    redis_client& operator=(const redis_client&) = delete;

    redisContext* get() const { return context_; }
    /// One command, and its reply thrown away.
    void run(const char* format, ...);

private:
    redisContext* context_;
};

/// Processes that do the same, each knowing its number; plain forks, for peers and baselines.
class crowd {
public:
    crowd(int count, const std::function<void(int number)>& work);
    ~crowd(); ///< waits for their ends
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    const std::vector<pid_t>& pids() const { return pids_; }

private:
    std::vector<pid_t> pids_;
};

/// A loop with a context and a state process of its own.
struct own_state {
    asio::io_context io{1};
    context ctx;
    pid_t server = -1;

    explicit own_state(context_options options = {});
    ~own_state();

    /// To its end; throws what it throws.
    void run(asio::awaitable<void> work);
};

/// CPU time of processes until now, in ns.
double cpu_ns(const std::vector<pid_t>& of);

/// Bytes.
struct memory {
    double all = 0;
    double shared_files = 0; ///< of it, memory files: the journal
};
memory memory_of(pid_t pid);

} // namespace zproc::bench
