#pragma once

#include <zproc/change_list.hpp>
#include <zproc/origin.hpp>

#include <chrono>
#include <cstdint>
#include <iosfwd>

namespace zproc {

enum class event_kind {
    change,  ///< one transaction
    present, ///< a condition that was already true when its watcher was made
    resync,  ///< the ring lapped the watcher: `changes` holds the values to go on from
};

/// One transaction as a watcher sees it: only the keys it asked for, all in one event.
struct event {
    /// The namespace's own count; increases by one with each transaction.
    std::uint64_t revision = 0;
    /// Wall time of the commit; a label, never going backwards. `present`: when it was asked whether
    /// the condition holds; of a watcher since some point, and `resync`: the time of the change
    /// after it, or of the latest where there is none.
    std::chrono::sys_time<std::chrono::nanoseconds> time{};
    zproc::origin origin; ///< who made it
    event_kind kind = event_kind::change;
    /// `resync`: how many revisions passed unseen. (Of a watcher since a time of which nothing is
    /// retained: since the last revision that is known to be older.)
    std::uint64_t missed = 0;
    /// `present`: the key of the condition, with its value on both sides; none of a predicate on
    /// everything.
    change_list changes;
};

/// `revision 3: cookies: 1 -> 2`, in one line.
std::ostream& operator<<(std::ostream& out, const event& e);

} // namespace zproc
