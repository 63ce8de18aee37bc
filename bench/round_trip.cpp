// What one request and its answer cost between two processes of this host.
//
// Baselines: a Unix socket and a process that answers at once, with blocking calls (what the
// kernel takes) and from a coroutine (what Asio adds). Messages are as long as those of a set.
// Beside them zproc's get and set, the set also in a namespace of many keys: it must cost the same.
//
// Not measured: several clients, pipelining, large values, watchers that must be woken.

#include "support/echo.hpp"
#include "support/interleave.hpp"
#include "support/run_loop.hpp"

#include <zproc/context.hpp>
#include <zproc/dict.hpp>
#include <zproc/state.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

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

asio::awaitable<void> get(zproc::state& state, std::size_t times)
{
    for (std::size_t i = 0; i != times; ++i)
        co_await state.get<std::int64_t>("key 0");
}

asio::awaitable<void> set(zproc::state& state, std::size_t times)
{
    // Another value each time: a write of an equal one is another path.
    static std::int64_t number = 0;
    for (std::size_t i = 0; i != times; ++i)
        co_await state.set("key 0", ++number);
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

asio::awaitable<void> find_server(zproc::context& ctx, pid_t& pid)
{
    pid = (co_await ctx.ping()).pid;
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

    zproc::context ctx(io);
    zproc::state few = ctx.state("few");
    zproc::state many = ctx.state("many");
    const std::size_t many_keys = options.smoke ? 1'000 : 100'000;
    pid_t server = -1;
    bench::run_loop(io, fill(few, 10));
    bench::run_loop(io, fill(many, many_keys));
    bench::run_loop(io, find_server(ctx, server));
    const std::string many_name = "zproc set, " + std::to_string(many_keys) + " keys";

    const auto results = bench::interleave(
        {
            {"raw socket, blocking",
             [&](std::size_t times) { ping_pong(blocking.socket(), times); },
             {blocking.pid()}},
            {"raw socket, Asio coroutine",
             [&](std::size_t times) { bench::run_loop(io, ping_pong(socket, times)); },
             {looped.pid()}},
            {"zproc get, 10 keys",
             [&](std::size_t times) { bench::run_loop(io, get(few, times)); },
             {server}},
            {"zproc set, 10 keys",
             [&](std::size_t times) { bench::run_loop(io, set(few, times)); },
             {server}},
            {many_name,
             [&](std::size_t times) { bench::run_loop(io, set(many, times)); },
             {server}},
        },
        options);
    bench::print("round trip", results, options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "round_trip: %s\n", e.what());
    return 1;
}
