#pragma once

#include "stress/watchers/round.hpp"

#include <cstddef>
#include <cstdint>

namespace zproc::test::watching {

/// What was compared.
struct verdict {
    std::size_t transactions = 0; ///< of the truth
    std::size_t events = 0;       ///< that watchers were given
    std::size_t resyncs = 0;
    std::size_t overruns = 0;
    std::uint64_t missed = 0; ///< by them, altogether
};

/// Compares what each watcher was given with what it had to be. What is wrong goes to the notes.
verdict judge_round();

} // namespace zproc::test::watching
