#pragma once

#include "stress/nasty_trees/model.hpp"
#include "stress/nasty_trees/observer.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace zproc::test::nasty {

struct round_result {
    std::size_t escapes = 0;
    std::chrono::milliseconds cleanup{0}; ///< from the death until nobody is left who has to end
    std::vector<std::string> objections;
};

/// Starts a program that grows the tree beside another one, lets `d` happen, looks at what is
/// left, and ends the program. Afterwards nothing of it is left, whatever happened.
round_result run_round(observer& from_outside, const tree_kind& kind, death d,
                       isolation_level isolation, fault injected = fault::none);

} // namespace zproc::test::nasty
