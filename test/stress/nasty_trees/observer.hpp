#pragma once

#include "support/processes.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

/// Looks at a family of processes from outside.
///
/// It finds them in three ways: this process gets the orphans of all that it has started, so that
/// they never cease to descend from it; they carry its mark in their environment; and those that
/// have executed something else carry one in their arguments. That nothing is left the kernel
/// says: there is nobody to wait for any more.
namespace zproc::test::nasty {

using clock = std::chrono::steady_clock;

class observer {
public:
    observer();

    /// Whether this process gets orphans. Without, only the marks are left to find them by.
    void get_orphans(bool yes);

    /// Everyone there is now, the dead that nobody has waited for included.
    std::vector<process_entry> everyone() const;

    /// Waits until nobody is left. Who is, when the time is up.
    std::vector<process_entry> wait_for_nobody(clock::time_point until);

    /// Waits until nobody is left but those who `may_stay`. Who is, when the time is up.
    std::vector<process_entry>
    wait_for_nobody_but(const std::function<bool(const process_entry&)>& may_stay,
                        clock::time_point until);

    /// Kills those, and waits for them. What it kills is always one of `everyone`.
    void remove(const std::vector<process_entry>& those);

    /// Collects those who have died and are ours to wait for; the status of `pid`, if it is among
    /// them or was before.
    int status_of(pid_t pid);
    void forget_statuses() { statuses_.clear(); }

private:
    /// False: there is nobody to wait for.
    bool collect();
    void wait_for_a_death(clock::time_point until);

    std::vector<std::pair<pid_t, int>> statuses_;
};

bool is_among(const std::vector<process_entry>& all, const process_entry& one);
std::string text_of(const std::vector<process_entry>& processes);

} // namespace zproc::test::nasty
