#pragma once

#include "journal/reader.hpp"

#include <zproc/dict.hpp>
#include <zproc/error.hpp>
#include <zproc/event.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

/// A namespace's past, told by one scan of a ring while its writer goes on. Pure.
///
/// A ring retains every live value and the latest events. What a key was at a revision is what the
/// first event after it says of before, and where there is none, what the ring says of it last.
///
/// A scan that is lapped begins again; it is many times faster than any writer.
/// Complexity: O(bytes of the ring).
namespace zproc::store {

struct moment {
    error_code error;        ///< state_lost: the ring is damaged
    std::uint64_t as_of = 0; ///< the revision asked for, or a later one where that is gone
    std::int64_t time = 0;   ///< of the event after it, or else the newest there is
    dict content;
    std::uint64_t oldest = 0; ///< revision that can be told whole
    std::uint64_t latest = 0; ///< of the namespace
};

using key_filter = std::function<bool(std::string_view)>;

/// The keys that `wants` (empty: all) as they were at a revision. Where the events after it are no
/// longer retained, also because the writer has lapped the scan: as of the last revision whose
/// successor is. (Of a large value whose place was overwritten, what it has become.)
moment moment_at(const journal::reader& ring, std::string_view name_space, std::uint64_t revision,
                 const key_filter& wants = {});

struct key_history {
    error_code error;
    std::vector<event> events; ///< each with the one change, oldest first
};

key_history history_of(const journal::reader& ring, std::string_view name_space,
                       std::string_view key);

struct point {
    error_code error;
    std::uint64_t revision = 0; ///< the last one not after the time asked for
    bool certain = false;       ///< otherwise some revisions between are gone: it is the latest
                                ///< that may have been
    std::uint64_t known = 0;    ///< the last one that certainly was not after that time
    std::uint64_t oldest = 0;   ///< revision that can be told
};

point point_at(const journal::reader& ring, std::string_view name_space, std::int64_t time);

/// What has to change for `from` to become `to`.
std::vector<change> difference(const dict& from, const dict& to);

} // namespace zproc::store
