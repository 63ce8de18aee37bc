#pragma once

#include "stress/consistency/round.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

namespace zproc::test::consistency {

namespace asio = boost::asio;

/// Watches one namespace from its beginning, and writes down every change.
asio::awaitable<void> write_down(context ctx, int where);

/// Watches the accounts: in no event may their sum be another. A slow one is lapped, and looks at
/// what it is given then.
asio::awaitable<void> watch_sums(context ctx, bool slow);

/// Waits until somebody makes or loses money, which nobody may.
asio::awaitable<void> await_wrong_sum(context ctx);

} // namespace zproc::test::consistency
