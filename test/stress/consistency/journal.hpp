#pragma once

#include "stress/consistency/round.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zproc::test::consistency {

/// One operation of a lane, on one key or several.
struct transaction {
    space where{};
    std::uint32_t lane = 0;
    std::uint32_t number = 0;
    std::int64_t invoked = 0;
    std::int64_t responded = 0;
    std::uint64_t revision = 0; ///< as it was told, or as the events say; 0: not known
    std::vector<key_operation> parts;
};

struct journal_verdict {
    std::size_t matched = 0;
    std::size_t snapshots = 0;
};

/// Compares the events of a namespace, which are all of them, with what the lanes did there:
///
/// - revisions follow one another, time does not go back, what was before is what was left;
/// - each lane's mutations are there, each once, in its order, and nothing else;
/// - a snapshot is what the events up to its revision make;
/// - what was answered before something else was asked for has the smaller revision.
journal_verdict judge_journal(space where, std::vector<transaction>& all);

} // namespace zproc::test::consistency
