#pragma once

#include "support/shared_memory.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

/// What swarms do while their workers are killed, and what watches them.
namespace zproc::test::chaos {

namespace asio = boost::asio;

struct shared_page {
    std::atomic<const char*> stage = "beginning"; ///< of all processes' one program text
    std::atomic<std::uint64_t> done = 0;          ///< results that have arrived: the sign of life
    std::atomic<bool> go = false;                 ///< the killer may
    std::atomic<unsigned> kills = 0;
    std::atomic<unsigned> at_birth = 0; ///< of these
    std::atomic<unsigned> objections = 0;
    std::atomic<bool> hung = false;

    std::atomic<int> port = 0;         ///< where the swarm listens; 0: nowhere
    std::atomic<bool> closing = false; ///< no machine comes any more
    std::atomic<unsigned> losses = 0;  ///< of machines
};
inline shared_page* page = nullptr;

/// What goes wrong on purpose, to see that it is noticed.
enum class fault { none, wrong_result, doubled_item, hang, descriptor, memory };

enum class kind { map, texts, lazy, completed, poison, several, streaming };

struct plan {
    kind what = kind::map;
    std::size_t row = 0; ///< of the table of all work
    unsigned seed = 1;
    std::uint64_t items = 0;
    bool killing = true;
    bool remote = false; ///< half of the workers are lent by a program that vanishes and comes back
    unsigned patience = 60; ///< seconds without a sign of life
    fault injected = fault::none;
};
inline plan round_plan;

/// Says what is not as it should be.
void object(const std::string& what);

// What happens in a round.
asio::awaitable<void> map_all(context ctx, swarm of);
asio::awaitable<void> map_texts(context ctx, swarm of);
asio::awaitable<void> stream_all(context ctx, swarm of);
asio::awaitable<void> take_as_completed(context ctx, swarm of);
asio::awaitable<void> find_poison(context ctx, swarm of);
asio::awaitable<void> do_several_at_once(context ctx, swarm of);
asio::awaitable<void> stay_flat(context ctx, swarm of);

/// Forked before anything else of a round: kills workers at random moments, some at birth, and
/// explains a round that shows no sign of life before it ends it.
int kill_and_watch();

/// The same: a program that lends workers, is killed at random moments, and comes back.
int lend_and_vanish();

constexpr const char* worker_name = "chaos worker";

// ---- the work

/// Some microseconds.
std::uint64_t work_at(std::uint64_t item);
std::uint64_t right_result(std::uint64_t item);
std::string text_for(std::uint64_t item);

} // namespace zproc::test::chaos
