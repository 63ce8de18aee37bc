#pragma once

#include <cstddef>
#include <vector>

#include <sys/types.h>

namespace zproc::bench {

/// A process at the other end of a Unix socket that answers every message of `request` bytes with
/// one of `reply` bytes, and does nothing else: what a round trip costs at least.
class echo_process {
public:
    echo_process(std::size_t request, std::size_t reply);
    ~echo_process();

    echo_process(const echo_process&) = delete;
    echo_process& operator=(const echo_process&) = delete;

    /// This end of the socket, blocking; it stays the echo's.
    int socket() const noexcept { return socket_; }
    pid_t pid() const noexcept { return pid_; }

private:
    int socket_ = -1;
    pid_t pid_ = -1;
};

/// The same for many at once, who may send many messages in one write: all that one look finds is
/// answered in one write.
class echo_crowd {
public:
    echo_crowd(std::size_t connections, std::size_t request, std::size_t reply);
    ~echo_crowd();

    echo_crowd(const echo_crowd&) = delete;
    echo_crowd& operator=(const echo_crowd&) = delete;

    /// Blocking, also for processes that are forked from here; it stays the crowd's.
    int socket(std::size_t connection) const { return sockets_[connection]; }

private:
    std::vector<int> sockets_;
    pid_t pid_ = -1;
};

/// Reads or writes all of it; false at the end of the stream.
bool read_all(int fd, char* data, std::size_t size);
bool write_all(int fd, const char* data, std::size_t size);

} // namespace zproc::bench
