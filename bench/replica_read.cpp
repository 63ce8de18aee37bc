// What a read from a replica costs, which asks nobody and is still linearizable.
//
// Baseline: the least that anything of the kind could do, a hash table behind a seqlock in one
// process, that nobody writes to. Beside it zproc's replica while nothing changes, with few keys
// and with many, and while another process writes the very key that is read, as fast as it can;
// and `state.get`, which asks the state process.
//
// Not measured: values that have to be decoded or allocated, keys that are in no cache, the first
// scan, a replica that was lapped.

#include "support/echo.hpp"
#include "support/interleave.hpp"
#include "support/run_loop.hpp"
#include "support/seqlocked_table.hpp"

#include <zproc/context.hpp>
#include <zproc/dict.hpp>
#include <zproc/replica.hpp>
#include <zproc/state.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;

namespace {

constexpr std::string_view hot = "key 0";

/// A process that writes one key as fast as it can, while it is told to.
class writer_process {
public:
    writer_process()
    {
        int ends[2];
        void* page = ::mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            throw std::system_error(errno, std::generic_category(), "writer");
        shared_ = new (page) shared;
        pid_ = ::fork();
        if (pid_ < 0)
            throw std::system_error(errno, std::generic_category(), "fork");
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            serve(ends[1]);
            ::_exit(0);
        }
        ::close(ends[1]);
        socket_ = ends[0];
    }
    ~writer_process()
    {
        ::close(socket_);
        ::waitpid(pid_, nullptr, 0);
        ::munmap(shared_, sizeof(shared));
    }
    writer_process(const writer_process&) = delete;
    writer_process& operator=(const writer_process&) = delete;

    pid_t pid() const { return pid_; }
    std::uint64_t writes() const { return shared_->writes.load(); }

    void connect(const std::string& address)
    {
        char text[128] = {};
        address.copy(text, sizeof text - 1);
        tell(text, sizeof text);
    }
    /// It has begun when this returns, and ended when the next one does.
    void start()
    {
        shared_->stop = false;
        tell("w", 1);
    }
    void stop()
    {
        shared_->stop = true;
        hear();
    }

private:
    struct shared {
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> writes = 0;
    };

    void tell(const char* what, std::size_t size)
    {
        if (!bench::write_all(socket_, what, size))
            throw std::runtime_error("the writer has gone");
        hear();
    }
    void hear()
    {
        char byte;
        if (!bench::read_all(socket_, &byte, 1))
            throw std::runtime_error("the writer has gone");
    }

    void serve(int fd)
    {
        char address[128];
        if (!bench::read_all(fd, address, sizeof address) || !bench::write_all(fd, "x", 1))
            return;
        asio::io_context io(1);
        zproc::context ctx(io, zproc::context_options{}.address(address));
        zproc::state state = ctx.state("few");
        const auto write = [&](std::int64_t number) {
            auto done = state.set(hot, number, asio::use_future);
            io.restart();
            io.run();
            done.get();
            ++shared_->writes;
        };
        char order;
        for (std::int64_t number = 0; bench::read_all(fd, &order, 1);) {
            write(++number);
            if (!bench::write_all(fd, "x", 1))
                return;
            while (!shared_->stop.load(std::memory_order_relaxed))
                write(++number);
            if (!bench::write_all(fd, "x", 1))
                return;
        }
    }

    shared* shared_ = nullptr;
    pid_t pid_ = -1;
    int socket_ = -1;
};

volatile std::int64_t sink;

template <class Table>
void read(const Table& table, std::size_t times)
{
    std::int64_t sum = 0;
    for (std::size_t i = 0; i != times; ++i)
        sum += table.get(hot);
    sink = sum;
}

struct replica_table {
    const zproc::replica& r;
    std::int64_t get(std::string_view key) const { return r.get<std::int64_t>(key); }
};

asio::awaitable<void> ask(zproc::state& state, std::size_t times)
{
    for (std::size_t i = 0; i != times; ++i)
        co_await state.get<std::int64_t>(hot);
}

asio::awaitable<void> fill(zproc::state& state, std::size_t keys)
{
    constexpr std::size_t batch = 1000;
    for (std::size_t i = 0; i < keys;) {
        zproc::dict changes;
        for (const std::size_t end = std::min(i + batch, keys); i != end; ++i)
            changes["key " + std::to_string(i)] = static_cast<std::int64_t>(i);
        co_await state.update(std::move(changes));
    }
}

template <class Start>
auto now(asio::io_context& io, Start start)
{
    auto future = start(asio::use_future);
    io.restart();
    io.run();
    return future.get();
}

} // namespace

int main(int argc, char** argv)
try {
    const auto options = bench::options::from_arguments(argc, argv);

    writer_process writer; // first: a fork copies what its parent has
    asio::io_context io(1);
    zproc::context ctx(io);
    zproc::state few = ctx.state("few");
    zproc::state many = ctx.state("many");
    const std::size_t many_keys = options.smoke ? 1'000 : 100'000;
    bench::run_loop(io, fill(few, 10));
    bench::run_loop(io, fill(many, many_keys));
    const pid_t server = now(io, [&](auto token) { return ctx.ping(token); }).pid;
    const auto few_here = now(io, [&](auto token) { return few.replica(token); });
    const auto many_here = now(io, [&](auto token) { return many.replica(token); });
    writer.connect(ctx.address());

    bench::seqlocked_table table;
    for (std::int64_t i = 0; i != 10; ++i)
        table.set("key " + std::to_string(i), i);
    const std::string many_name = "replica get, " + std::to_string(many_keys) + " keys";
    constexpr std::size_t more = 500;
    std::uint64_t reads = 0;
    const auto results = bench::interleave(
        {
            {"seqlocked hash table", [&](std::size_t times) { read(table, times); }, {}, more},
            {"replica get, 10 keys",
             [&](std::size_t times) { read(replica_table{few_here}, times); },
             {},
             more},
            {many_name,
             [&](std::size_t times) { read(replica_table{many_here}, times); },
             {},
             more},
            {"replica get while it is written",
             [&](std::size_t times) {
                 writer.start();
                 read(replica_table{few_here}, times);
                 writer.stop();
                 reads += times;
             },
             {}, // of this process only: writing is not what is measured
             more},
            {"state.get",
             [&](std::size_t times) { bench::run_loop(io, ask(few, times)); },
             {server}},
        },
        options);
    bench::print("replica read", results, options);
    std::printf("  one write in %.0f reads of the fourth\n",
                static_cast<double>(reads) / static_cast<double>(writer.writes()));
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "replica_read: %s\n", e.what());
    return 1;
}
