#pragma once

#include "supervisor/sanitized.hpp"
#include "support/shared_memory.hpp"

#include <zproc/isolation.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// What the root of a round and its observer agree on.
namespace zproc::test::nasty {

constexpr auto grace = std::chrono::milliseconds(300);

using supervision::sanitized;

/// For everything that has to be gone to be gone.
constexpr auto limit = std::chrono::seconds(sanitized ? 15 : 3);

/// How to make a tree, read from left to right by the process that makes it:
///
///     i      ignore SIGTERM from now on
///     d      a daemon, forked twice, in a session of its own
///     s      a fork in a session of its own
///     c      200 forks, ten deep
///     l      two that fork and exit in a loop, some hundred times a second
///     x      a shell without an environment, whose background job becomes a daemon
///     z      a fork that is stopped
///     ( … )  a spawned process, which makes the tree in the parentheses
struct tree_kind {
    const char* name;
    const char* recipe;
    bool stopped = false; ///< the spawned processes are stopped as well
};

inline constexpr std::array trees{
    tree_kind{"nested spawns", "((((s))))"},
    tree_kind{"double-forked daemon", "d"},
    tree_kind{"sessions of their own", "ss(s)"},
    tree_kind{"ignores SIGTERM", "is(is(i))d"},
    tree_kind{"200, ten deep", "c"},
    tree_kind{"200, ten deep, ignore SIGTERM", "ic"},
    tree_kind{"forks and exits in a loop", "l"},
    tree_kind{"a command that daemonises", "x(x)"},
    tree_kind{"stopped", "z(z)s", true},
    tree_kind{"a mixture, deep", "d(il(xz(ids)))"},
    tree_kind{"a mixture, wide", "(s)(d)(id)(l)(x)(z)(il)", true},
};

constexpr std::size_t crowd = 200;

enum class death {
    child_returns,
    child_crashes,
    child_killed,
    owner_stops,
    root_returns,
    root_throws,
    root_terminated,
    root_killed,
    supervisor_killed,
    guardian_killed,
    state_killed,
    both_killed,
};

inline constexpr std::array<const char*, 12> death_names{
    "the child returns",      "the child crashes",        "the child is killed",
    "its owner stops it",     "the root returns",         "the root throws",
    "the root is terminated", "the root is killed",       "the supervisor is killed",
    "the guardian is killed", "the state process killed", "supervisor and guardian",
};

/// Deaths of the tree alone: all else runs on.
constexpr bool of_the_tree(death d)
{
    return d <= death::owner_stops;
}

/// What a round does wrong on purpose.
enum class fault {
    none,
    daemon_beside,  ///< a daemon is forked beside the supervisor
    unheard_daemon, ///< the same, and the observer does not get the orphans of the system
    changed_daemon, ///< the same, and it has executed something without our environment
    dead_sibling,   ///< a process that has to live on is killed
};

/// Orders, one byte each: to the tree's first process through its standard input, to the root
/// through a pipe of its own.
namespace order {
constexpr char go = 'g'; ///< return
constexpr char crash = 'c';
constexpr char fail = 'f'; ///< throw
constexpr char stop = 's'; ///< stop the tree
constexpr char ping = 'p'; ///< ask the state process for its pid
constexpr char spawn = 'n';
} // namespace order

struct shared_page {
    std::atomic<bool> end_loops = false;
    std::atomic<std::uint64_t> generations = 0; ///< of those that fork in a loop
};
inline shared_page* page = nullptr;

/// The name of those that fork in a loop: they have a new pid all the time.
constexpr const char* loop_name = "nasty-loop";

/// The argument by which a process is known that has executed something else: a number, for sleep.
std::string argument_mark();

/// One line in one write to standard output, which the observer reads.
void say(std::string_view word, long number);

/// The main function of a round's root; `orders` is a pipe.
int root_main(const tree_kind& kind, fault injected, isolation_level isolation, int orders);

} // namespace zproc::test::nasty
