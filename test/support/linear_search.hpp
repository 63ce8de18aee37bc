#pragma once

#include "support/linearizability.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace zproc::test {

/// The search for one key; see `check_linearizability`.
class linear_search {
public:
    /// The key was one of `initial`.
    linear_search(std::span<const key_operation> history, std::span<const cell> initial,
                  std::uint64_t most_steps);

    void run();

    judgement::verdict what() const { return what_; }
    const std::string& why() const { return why_; } ///< of an undecided one
    std::uint64_t steps() const { return steps_; }

    /// What a violation needs: the operations since the last quiescent point, in the order of
    /// their invocations, and last the one whose response nothing explains.
    const std::vector<key_operation>& window() const { return window_; }
    const std::vector<cell>& before_window() const { return before_window_; }
    /// Some that are unknown began before the window.
    bool has_older_operations() const { return has_older_; }

private:
    /// A way to explain everything so far. Of the pending operations, by their places: those that
    /// have happened; and those that may happen or be left out, as unknown ones may, and writes
    /// since whose invocation another write has happened: right before that one, nobody would
    /// have noticed them. The others have yet to happen.
    struct configuration {
        cell now;
        std::uint64_t done = 0;
        std::uint64_t free = 0;
    };

    /// Configurations, without those that can do nothing that another one cannot.
    class configurations {
    public:
        /// False if it was not needed.
        bool add(const configuration& c);
        bool empty() const { return by_state_.empty(); }
        std::vector<configuration> all() const;

    private:
        std::map<cell, std::vector<configuration>> by_state_;
    };

    struct moment {
        std::int64_t time;
        bool response;
        std::size_t index;
    };

    std::vector<moment> moments() const;
    bool invoke(std::size_t index);
    bool respond(std::size_t index);
    bool expand(std::size_t place);
    configuration with_reads(configuration c) const;
    configuration after(configuration c, std::size_t place, const cell& now) const;
    void note_quiescence();
    void note_violation(std::size_t index);

    std::vector<key_operation> history_;
    std::uint64_t most_steps_;
    configurations now_;

    std::uint64_t open_ = 0;            ///< places of pending operations
    std::uint64_t writes_ = 0;          ///< those of them that write, whatever is there
    std::uint64_t endless_ = 0;         ///< those of them that never respond
    std::vector<std::size_t> at_;       ///< place → operation
    std::vector<std::size_t> place_of_; ///< operation → place
    std::vector<std::size_t> since_;    ///< operations invoked since the last quiescent point
    std::vector<std::size_t> older_;    ///< unknown ones of before, still pending
    configurations at_quiescence_;

    judgement::verdict what_ = judgement::verdict::linearizable;
    std::string why_;
    std::uint64_t steps_ = 0;
    std::vector<key_operation> window_;
    std::vector<cell> before_window_;
    bool has_older_ = false;
};

} // namespace zproc::test
