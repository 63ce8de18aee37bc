#pragma once

#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

/// What the processes do that wait for what another writes: ours, theirs, and what the kernel gives.
/// Each says in the shared page that it is ready, and what it has seen.
namespace zproc::bench {

constexpr const char* last_word = "end"; ///< of a channel; of ours a number below 0
constexpr std::size_t batch = 256;

/// Waits until all watchers together have seen so many; they need this core.
void await_seen(std::uint64_t count);

/// Ours: notes how long it took until it was awake.
boost::asio::awaitable<void> watch_one(context ctx, std::string key);
/// Ours: only counts, at most once for all that came together.
boost::asio::awaitable<void> count_all(context ctx, std::string key);

/// Redis pub/sub: one or the other.
void subscribe(const std::string& path, const std::string& channel, bool counting);
/// Redis Streams: blocks for what comes after the last one, as much as there is; counts.
void read_stream(const std::string& path);

/// Shared memory and a futex, one of some; a time below 0 is the end.
void wait_for_bell(int number);
void ring_bell(int number, std::int64_t sent_at);
/// A server that does nothing else: rings the first bell with each time that it is sent, and answers.
void ring_when_told(int socket);
/// Numbers in shared memory that are never overwritten, and a futex; one below 0 is the end.
void count_events();
void write_events(std::int64_t first, std::size_t count);

} // namespace zproc::bench
