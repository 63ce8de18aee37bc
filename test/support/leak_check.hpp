#pragma once

#include "support/processes.hpp"

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace zproc::test {

/// What this process holds of the machine at one moment.
struct holdings {
    std::vector<process_entry> processes;
    std::map<int, std::string> descriptors; ///< number → what /proc says it is
    std::map<std::string, int> mappings;    ///< memfd → how often it is mapped
    std::set<std::string> files;            ///< in the sandbox, and ours in /tmp and /dev/shm

    static holdings now();
};

/// Compares what is held at its end with what was held at its beginning.
///
/// What existed before (a supervisor that outlives a test case) may stay. What came since must be
/// gone: no process, zombie, descriptor, mapping or file. Processes get `patience` to end.
class leak_check {
public:
    explicit leak_check(std::chrono::milliseconds patience = std::chrono::seconds(5));

    /// One line for everything that was left; empty when all is well.
    std::vector<std::string> leaks() const;

private:
    holdings before_;
    std::chrono::milliseconds patience_;
};

/// Gives every test case of the program a leak check around all its fixtures.
void check_leaks_in_every_case();

} // namespace zproc::test
