#pragma once

#include "stress/nasty_trees/model.hpp"

#include <cstddef>
#include <string_view>

namespace zproc::test::nasty {

/// Makes, by forks of this process, what one letter of a recipe stands for. Each process says
/// `word` with its pid when it is what it was to become.
void make(char what, const char* word);

/// How often "up" will be said by what a recipe makes with forks.
std::size_t forks_of(std::string_view recipe);
/// How many are spawned, the one that follows the recipe included.
std::size_t spawns_of(std::string_view recipe);

/// A process that belongs to nobody, forked by this one. With `changed`, it executes something
/// else, without an environment.
void leave_a_daemon(bool changed);

} // namespace zproc::test::nasty
