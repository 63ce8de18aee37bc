#pragma once

#include "journal/reader.hpp"

#include <zproc/dict.hpp>

#include <cstdint>
#include <functional>
#include <string_view>

namespace zproc::client {

/// What some keys of a namespace were as of one revision.
struct base {
    std::uint64_t revision = 0;
    std::int64_t time = 0; ///< of the event after it, or else the newest there is
    dict values;
};

/// What the wanted keys were as of a revision, from one scan of the ring: the first event after it
/// that tells of a key says what that was before, and carries say what nothing tells of.
///
/// Where events after that revision are no longer retained, also because the writer has lapped the
/// scan: as of the last revision whose successor is. (Of a large value whose place was overwritten,
/// what it has become.)
base base_at(journal::reader reader, std::string_view name_space, std::uint64_t revision,
             const std::function<bool(std::string_view)>& wants);

/// The last revision known to be not after `time`. One whose successor is no longer retained if
/// there may have been others after that time: they were missed.
std::uint64_t revision_before(journal::reader reader, std::string_view name_space,
                              std::int64_t time);

} // namespace zproc::client
