#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace zproc::bench {

/// Ways to start a process, each waited for in its own way.
enum class spawn_way : std::uint8_t {
    fork,            ///< and _exit, and waitpid
    posix_spawn,     ///< of /bin/true, and waitpid
    spawn,           ///< zproc's, of a function, until it is said to run
    spawn_to_result, ///< the same, until its result is there
    command,         ///< zproc's, of /bin/true, until its status is there
};

/// A program of its own that has touched so many bytes, and starts processes when it is told to.
class spawning_root {
public:
    explicit spawning_root(std::size_t bytes);
    ~spawning_root();
    spawning_root(const spawning_root&) = delete;
    spawning_root& operator=(const spawning_root&) = delete;

    pid_t pid() const { return pid_; }

    /// So many, one after the other.
    void run(spawn_way how, std::size_t times) const;

private:
    void hear() const;

    pid_t pid_ = -1;
    int socket_ = -1;
};

} // namespace zproc::bench
