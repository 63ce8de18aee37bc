#pragma once

#include "descriptor.hpp"
#include "protocol/frame.hpp"
#include "protocol/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace zproc::bench {

enum class batched { set, increment, get, update, exchange, commit };

/// What a batch_client is to do.
struct batches_of {
    batched what = batched::set;
    std::size_t depth = 1;   ///< requests in one batch
    std::size_t batches = 1; ///< how many of these
    std::size_t ahead = 1;   ///< under way at a time
};

/// A client that sends exactly so many requests in one write each, of ten keys in turn. What a server
/// does for a batch can be counted only when it is one. Blocking.
class batch_client {
public:
    /// Connects to a Unix socket ("unix:///…") and says hello.
    explicit batch_client(const std::string& address);

    /// Until all of it is answered; throws when something is refused.
    void run(const batches_of& work);

    /// One batch of these, and what answers it.
    void send(const batches_of& work);
    void receive(const batches_of& work);

private:
    void add(batched what, std::size_t key);
    /// The next reply, which must be no error.
    protocol::frame receive();

    descriptor socket_;
    protocol::frame_parser parser_{protocol::max_reply_bytes};
    protocol::buffer out_;
    protocol::buffer value_;
    std::uint32_t correlation_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t answered_ = 0;
};

} // namespace zproc::bench
