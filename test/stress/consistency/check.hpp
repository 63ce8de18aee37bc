#pragma once

#include "stress/consistency/round.hpp"

#include <cstddef>
#include <cstdint>

namespace zproc::test::consistency {

/// What the judges looked at.
struct verdicts {
    std::size_t answers = 0; ///< of single keys
    overlap concurrent;      ///< of operations that are of one key only
    std::uint64_t steps = 0;
    std::size_t events = 0; ///< that were matched with what lanes did
    std::size_t snapshots = 0;
};

/// Judges a round that is over by its logs. What is wrong goes to the notes.
verdicts judge_round();

} // namespace zproc::test::consistency
