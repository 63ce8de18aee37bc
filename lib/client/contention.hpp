#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>

namespace zproc::client {

/// What atomic functions have met, for the next ones of their kind: where only a turn has helped,
/// they had better begin with one. Pure.
///
/// A turn in place of the first fetch is one round trip like that, and brings the same: who is
/// alone loses nothing by it. But others wait meanwhile, so it is given up as soon as nobody else
/// wanted one, when it was in vain, or when it took long: where each has to wait for a processor,
/// or for a network, the turns of all wait for it one after the other, but their attempts at once.
class contention {
public:
    using time = std::int64_t; ///< ns

    /// How a function came to its end.
    enum class lesson {
        none,      ///< without a turn
        fought,    ///< it had to take a turn, after conflicts
        crowded,   ///< it began with one, and others wanted theirs
        alone,     ///< it began with one, and nobody else did
        only_read, ///< it began with one, and changed nothing: no others would have disturbed it
    };

    /// Kinds that are kept in mind.
    static constexpr std::size_t most = 256;
    /// An attempt that takes longer makes too many wait.
    static constexpr time slow = 500'000;

    /// Whether one had better begin with a turn.
    bool expected(std::string_view name_space, std::type_index kind) const;

    /// `took`: the longest attempt of that function.
    void learn(std::string_view name_space, std::type_index kind, lesson what, time took);

private:
    std::set<std::pair<std::string, std::type_index>> met_;
};

} // namespace zproc::client
