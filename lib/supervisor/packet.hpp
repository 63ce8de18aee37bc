#pragma once

#include "descriptor.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace zproc::supervision {

/// One packet of a SEQPACKET socket with the descriptors beside it. Never blocks, never raises
/// SIGPIPE. The system call's error, or 0.
int send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors);

struct received_packet {
    enum class outcome { got, nothing_yet, closed } what = outcome::nothing_yet;
    std::span<const std::byte> bytes; ///< in the receiver, until its next receive
    std::vector<descriptor> descriptors;
    bool incomplete = false; ///< not all descriptors found room in this process
};

/// Its buffer is made at the first packet and touched only as far as packets reach.
class packet_receiver {
public:
    /// A packet whose bytes were cut comes as an empty one.
    received_packet receive(int socket);

private:
    std::unique_ptr<std::byte[]> buffer_;
};

/// A connected pair, close-on-exec and non-blocking. Empty when there is no room (errno tells).
struct packet_pair {
    descriptor first, second;
};
packet_pair make_packet_pair();

} // namespace zproc::supervision
