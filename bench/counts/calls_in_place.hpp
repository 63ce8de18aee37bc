#pragma once

#include <cstdint>
#include <map>

#include <sys/types.h>

namespace zproc::bench {

/// Counts what one process asks of the kernel to read, write and wait, while it runs at full speed: the
/// functions of the C library are replaced in the whole program, so also in the processes that are
/// forked from it. What else it asks is not seen (see `count_system_calls`).
class call_count {
public:
    /// Maps the memory that all of them share. Before the first process is made.
    static void prepare();

    /// From now on, in that process.
    explicit call_count(pid_t of);
    ~call_count();
    call_count(const call_count&) = delete;
    call_count& operator=(const call_count&) = delete;

    /// By the number of the call.
    std::map<long, std::uint64_t> so_far() const;
    /// Those that looked for something without waiting, and found nothing; and those that let others run.
    std::uint64_t looks_in_vain() const;
};

} // namespace zproc::bench
