#pragma once

#include "stress/watchers/round.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

/// The functions that the processes of a round run.
namespace zproc::test::watching {

namespace asio = boost::asio;

/// Reads the ring, and nothing else, until the last revision; writes down every change.
void record_truth(context ctx);

/// Writes, as fast as it can.
asio::awaitable<void> write_at_full_speed(context ctx, int number);

/// Follows one watcher until the last revision; writes down all that it is given.
asio::awaitable<void> follow_watcher(context ctx, int which);

} // namespace zproc::test::watching
