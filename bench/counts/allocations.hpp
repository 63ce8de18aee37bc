#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zproc::bench {

/// Counts what one process takes from the heap: malloc and its relatives, which `operator new` ends
/// in as well. They are replaced in the whole program, so also in the processes that are forked
/// from it; what they count lies in memory that all of them share.
class allocation_count {
public:
    /// Maps that memory. Before the first process is made.
    static void prepare();

    /// From now on, in that process; with `places`, also who asks, which takes long.
    explicit allocation_count(pid_t of, bool places = false);
    ~allocation_count();
    allocation_count(const allocation_count&) = delete;
    allocation_count& operator=(const allocation_count&) = delete;

    std::uint64_t so_far() const;

    /// The stacks of who asked, with how often, the most frequent first.
    struct place {
        std::uint64_t times = 0;
        std::vector<std::string> stack; ///< the innermost first
    };
    std::vector<place> places() const;
};

} // namespace zproc::bench
