#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <utility>

namespace zproc::bench {

/// Runs the coroutine to its end, and throws what it throws.
inline void run_loop(boost::asio::io_context& io, boost::asio::awaitable<void> work)
{
    std::exception_ptr failed;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr e) { failed = e; });
    io.restart();
    io.run();
    if (failed)
        std::rethrow_exception(failed);
}

} // namespace zproc::bench
