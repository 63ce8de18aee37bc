#pragma once

#include "integration/forked_root.hpp"

#include <zproc/run.hpp>

#include <unistd.h>

namespace zproc::test {

/// Runs `body(context, checks&)`, a coroutine, as the main function of a program of its own, with
/// a state process of its own; true when all its checks hold and it ended in time.
template <class Body>
bool holds(Body body, context_options options = {}, unsigned seconds = 60)
{
    forked_root root([&] {
        ::alarm(seconds);
        return zproc::run(
            [body](zproc::context ctx) -> boost::asio::awaitable<int> {
                checks check;
                co_await body(ctx, check);
                co_return check.result();
            },
            options);
    });
    return root.succeeds();
}

/// Awaits what must fail, and gives the code it failed with; no error is `error_code()`.
template <class Operation>
boost::asio::awaitable<error_code> code_of(Operation operation)
{
    try {
        static_cast<void>(co_await std::move(operation));
    } catch (const system_error& e) {
        co_return e.code();
    }
    co_return error_code();
}

} // namespace zproc::test
