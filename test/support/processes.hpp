#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zproc::test {

/// A line of the process table. The start time tells a process from a later one with its number.
struct process_entry {
    pid_t pid = -1;
    pid_t parent = -1;
    char state = '?'; ///< as in /proc/<pid>/stat; 'Z' is a zombie
    unsigned long long started = 0;
    std::string name;

    bool zombie() const { return state == 'Z' || state == 'X'; }
    bool same(const process_entry& other) const
    {
        return pid == other.pid && started == other.started;
    }
};

std::vector<process_entry> all_processes();

/// The processes that descend from this one by the present tree, or that carry the mark of its
/// sandbox: children of children whose parents have died.
std::vector<process_entry> own_processes();

/// The descendants of `root`, by the present tree.
std::vector<process_entry> descendants(pid_t root);

/// The highest number of a descriptor that the process has open.
unsigned highest_descriptor(pid_t pid);

/// How many descriptors the process has open; 0 when it is not there.
std::size_t open_descriptors(pid_t pid);

/// Waits until the process has ended, reaped or not; false when the time is up.
bool wait_for_end(pid_t pid, int milliseconds);

} // namespace zproc::test
