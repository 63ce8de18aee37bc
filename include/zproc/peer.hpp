#pragma once

#include <string>

#include <sys/types.h>

namespace zproc {

/// The process behind an origin, as it said of itself when its session began.
struct peer {
    pid_t pid = 0;
    /// Of a spawned process the name that its handle shows, else the program's.
    std::string name;

    friend bool operator==(const peer&, const peer&) = default;
};

} // namespace zproc
