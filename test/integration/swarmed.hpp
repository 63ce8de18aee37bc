#pragma once

#include "support/in_a_root.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace zproc::test {

namespace asio = boost::asio;

/// Runs the coroutine `body(ctx, check)` in a program of its own, to the end of its loop.
template <class Body>
bool in_a_coroutine(Body body, unsigned seconds = 60)
{
    return in_a_root(
        [&](checks& check) {
            asio::io_context io;
            context ctx(io);
            bool ended = false;
            asio::co_spawn(io, body(ctx, check), [&](const std::exception_ptr& error) {
                ended = true;
                if (!error)
                    return;
                try {
                    std::rethrow_exception(error);
                } catch (const std::exception& e) {
                    check(false, e.what());
                }
            });
            io.run();
            check(ended, "the coroutine came to its end");
        },
        seconds);
}

/// What `operation` fails with, in words: "" for nothing.
template <class Operation>
asio::awaitable<std::string> failure_of(Operation operation)
{
    try {
        co_await std::move(operation);
    } catch (const remote_error& e) {
        co_return "remote_error " + e.type() + ": " + e.text();
    } catch (const process_crashed& e) {
        co_return "process_crashed " + std::to_string(e.signal());
    } catch (const process_exited& e) {
        co_return "process_exited " + std::to_string(e.code());
    } catch (const system_error& e) {
        if (e.code() == errc::deadline_exceeded)
            co_return "deadline_exceeded";
        if (e.code() == errc::not_serializable)
            co_return "not_serializable";
        if (e.code() == errc::swarm_stopped)
            co_return "swarm_stopped";
        if (e.code() == asio::error::operation_aborted)
            co_return "operation_aborted";
        co_return e.what();
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return std::string();
}

} // namespace zproc::test
