#pragma once

#include <cstddef>

namespace zproc::supervision {

/// The life of one process that the supervisor is the parent of: a spawned child with all its
/// runs, or an orphan that a dead one left behind.
enum class child_state {
    running,
    ending,  ///< asked to end (SIGTERM), the grace period runs
    killing, ///< being killed, until it is reaped
    resting, ///< between two runs
    dead,    ///< reaped; something of its subtree is left
    gone,
};

enum class child_event {
    stop,    ///< somebody wants it and all below it to end
    due,     ///< its timer fired
    died,    ///< it was reaped, and that is that
    lapsed,  ///< it was reaped, and its restart rules permit another run
    cleared, ///< nothing of its subtree is left
    spared,  ///< it may not be killed, and is no longer waited for
};

/// What the supervisor has to do.
enum class child_action {
    none,
    terminate,  ///< SIGTERM and SIGCONT to its subtree; start the timer; stop those it owns
    hasten,     ///< bring the timer forward if the new grace ends earlier
    kill,       ///< stop-walk and SIGKILL its subtree; start the timer for another look
    bury,       ///< tell its owner; stop those it owns
    rest,       ///< tell its owner; stop those it owns; start the timer for the next run
    start_anew, ///< fork the next run; tell its owner
    farewell,   ///< tell its owner that nothing is left, and forget it
};

struct child_step {
    child_state next;
    child_action action;

    bool operator==(const child_step&) const = default;
};

child_step step(child_state state, child_event event) noexcept;

inline constexpr std::size_t child_states = 6;
inline constexpr std::size_t child_events = 6;

} // namespace zproc::supervision
