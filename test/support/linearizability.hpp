#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace zproc::test {

/// What a key holds in a history: a number, or nothing.
using cell = std::optional<std::int64_t>;

/// What was asked of a key; behind the arrow, what the answer is.
enum class action : std::uint8_t {
    read,             ///< → what is there
    contains,         ///< → 1 or 0
    write,            ///< the argument (nothing: erases) → nothing
    erase,            ///< → 1 if it was there, else 0
    pop,              ///< erases → what was there
    set_default,      ///< the argument, where nothing is → what is there then
    increment,        ///< by the argument, nothing counting as 0 → the sum
    add,              ///< the argument, to nothing as to 0 → nothing
    exchange,         ///< the argument (nothing: erases) → what was there
    compare_exchange, ///< the argument, where the expected is → 1 or 0
};

inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// One operation of a history. Times are of one clock that all processes share.
///
/// An `unknown` one may or may not have happened; if it did, at any time after its invocation,
/// but not after `responded`, if somebody knows better than `never`. Its result is not looked at.
struct key_operation {
    std::uint32_t key = 0;
    std::uint32_t process = 0;
    action what = action::read;
    bool unknown = false;
    cell argument = {};
    cell expected = {};
    cell result = {};
    std::int64_t invoked = 0;
    std::int64_t responded = never;
};

/// What an operation makes of a cell, and what it says.
struct effect {
    cell after;
    cell told;
    bool operator==(const effect&) const = default;
};
effect effect_of(const key_operation& what, const cell& now);

/// `read 5`, `was told 0 by compare_exchange 5 → 7`, in words.
std::string in_words(const key_operation& o);

struct judgement {
    enum class verdict { linearizable, violated, undecided };
    verdict what = verdict::linearizable;
    /// The shortest window found that nothing explains, or why nothing was decided.
    std::string words;
    std::uint64_t steps = 0;

    bool good() const { return what == verdict::linearizable; }
};

/// Whether each key's operations could have happened one after the other, each between its
/// invocation and its response. Keys begin with nothing. More than `most_steps` for one key are
/// not taken: then it is undecided.
///
/// Linearizability is local: keys are looked at one by one. For one key it is the search of Wing
/// and Gong, as Lowe does it just in time: along the events, with the set of all configurations
/// (what the key is, which of the pending operations have happened) that explain everything so
/// far. An operation is made to happen only when its response, or that of one that needs it,
/// comes. So nothing is explored twice, and at each quiescent point all that is left is what the
/// key may be: the cost is linear in the length of a history, whatever its outcome.
///
/// Source: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for
/// linearizability" (2017); Herlihy and Wing (1990) for locality.
judgement check_linearizability(std::span<const key_operation> history,
                                std::uint64_t most_steps = 50'000'000);

/// How much of a history is concurrent at all.
struct overlap {
    std::size_t operations = 0;
    /// Those that overlap another of the same key by a different process.
    std::size_t overlapping = 0;

    double share() const
    {
        return operations == 0 ? 0
                               : static_cast<double>(overlapping) / static_cast<double>(operations);
    }
};
overlap overlap_of(std::span<const key_operation> history);

} // namespace zproc::test
