#pragma once

#include <zproc/detail/process_core.hpp>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include <sys/types.h>

namespace zproc {

/// The namespace that holds the table of processes: one key for each, its `process::id()` in
/// decimal, whose value is a dict with the members of `process_info`. Watch it as any other.
inline constexpr const char* process_table = "zproc.processes";

/// One line of the table of processes. Of those that have ended the last thousand are kept.
struct process_info {
    std::uint64_t id = 0; ///< over all its runs; never used again
    std::string name;
    pid_t pid = 0;           ///< of the last run
    std::uint64_t owner = 0; ///< the id of the process that spawned it; 0: the root
    pid_t owner_pid = 0;
    process_status status = process_status::starting;
    int attempt = 1;         ///< counts its runs
    bool service = false;    ///< zproc's own: a state process
    std::optional<int> code; ///< how its last run that has ended did
    std::optional<int> signal;
    std::string cause; ///< as in `exit_info`
};

/// In one line.
std::ostream& operator<<(std::ostream& out, const process_info& info);

} // namespace zproc
