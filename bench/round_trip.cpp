// What one request and its answer cost between two processes of this host.
//
// Baselines: a Unix socket and a process that answers at once, with blocking calls (what the
// kernel takes) and from a coroutine (what Asio adds). Messages are as long as those of a set.

#include "support/echo.hpp"
#include "support/interleave.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;

namespace {

constexpr std::size_t request_size = 48;
constexpr std::size_t reply_size = 24;

void ping_pong(int fd, std::size_t times)
{
    std::array<char, request_size> out{};
    std::array<char, reply_size> in{};
    for (std::size_t i = 0; i != times; ++i) {
        if (!bench::write_all(fd, out.data(), out.size()) ||
            !bench::read_all(fd, in.data(), in.size()))
            throw std::runtime_error("the echo has gone");
    }
}

asio::awaitable<void> ping_pong(asio::local::stream_protocol::socket& socket, std::size_t times)
{
    std::array<char, request_size> out{};
    std::array<char, reply_size> in{};
    for (std::size_t i = 0; i != times; ++i) {
        co_await asio::async_write(socket, asio::buffer(out), asio::use_awaitable);
        co_await asio::async_read(socket, asio::buffer(in), asio::use_awaitable);
    }
}

void run_loop(asio::io_context& io, asio::awaitable<void> work)
{
    std::exception_ptr failed;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr e) { failed = e; });
    io.restart();
    io.run();
    if (failed)
        std::rethrow_exception(failed);
}

} // namespace

int main(int argc, char** argv)
try {
    const auto options = bench::options::from_arguments(argc, argv);

    // Processes first: a fork copies what its parent has.
    const bench::echo_process blocking(request_size, reply_size);
    const bench::echo_process looped(request_size, reply_size);

    asio::io_context io(1);
    asio::local::stream_protocol::socket socket(io, asio::local::stream_protocol{},
                                                ::dup(looped.socket()));
    socket.non_blocking(true);

    const auto results = bench::interleave(
        {
            {"raw socket, blocking",
             [&](std::size_t times) { ping_pong(blocking.socket(), times); },
             {blocking.pid()}},
            {"raw socket, Asio coroutine",
             [&](std::size_t times) { run_loop(io, ping_pong(socket, times)); },
             {looped.pid()}},
        },
        options);
    bench::print("round trip", results, options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "round_trip: %s\n", e.what());
    return 1;
}
