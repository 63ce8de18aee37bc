#pragma once

#include "integration/forked_root.hpp"

#include <zproc/context.hpp>
#include <zproc/run.hpp>

#include <boost/asio/awaitable.hpp>

#include <unistd.h>

namespace zproc::test {

/// True when `body(ctx, check)` finds all as it should be, run as a program's main function.
inline bool holds(boost::asio::awaitable<void> (*body)(context, checks&))
{
    forked_root root([body] {
        ::alarm(60);
        return run([body](context ctx) -> boost::asio::awaitable<int> {
            checks check;
            co_await body(ctx, check);
            co_return check.result();
        });
    });
    return root.succeeds();
}

} // namespace zproc::test
