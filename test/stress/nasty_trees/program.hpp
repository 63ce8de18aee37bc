#pragma once

#include "stress/nasty_trees/model.hpp"
#include "stress/nasty_trees/observer.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace zproc::test::nasty {

/// The program of a round, from its observer's side: what it says, and what it is told.
class program {
public:
    program(const tree_kind& kind, fault injected, isolation_level isolation);
    ~program();
    program(const program&) = delete;
    program& operator=(const program&) = delete;

    /// Reads until everyone has said that he is up; false when the time was up first.
    bool wait_until_up();

    void order_root(char what) const;
    void order_child(char what) const;

    /// The next number said with this word; nothing when the time is up.
    std::optional<long> said(const char* word);

    pid_t root() const { return root_; }
    pid_t pid(const char* word) const { return static_cast<pid_t>(numbers_.at(word).front()); }
    const std::vector<long>& all(const char* word) { return numbers_[word]; }
    std::string ups() const;    ///< what has been said so far, and how often
    std::string errors() const; ///< what it and its processes wrote to standard error

private:
    bool read_more(clock::time_point until);

    tree_kind kind_;
    pid_t root_ = -1;
    int output_ = -1;
    int root_orders_ = -1;
    int child_orders_ = -1;
    std::string text_;
    std::map<std::string, std::vector<long>, std::less<>> numbers_;
    std::map<std::string, std::size_t, std::less<>> taken_;
};

} // namespace zproc::test::nasty
