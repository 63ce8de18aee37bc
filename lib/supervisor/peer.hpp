#pragma once

#include "descriptor.hpp"
#include "supervisor/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace zproc::supervision {

/// The supervisor's end of one control socket, with a queue of its own: a socket holds some 278
/// unread packets, and the supervisor waits for nobody.
class peer {
public:
    peer() = default;

    /// From now on `events` tells of it under `key`. False, and errno, when it cannot; then it is
    /// closed.
    bool open(descriptor socket, int events, std::uint64_t key);

    /// Queues what the socket does not take. `beside` travels with the message. What cannot be
    /// waited for any more is closed: both sides hear of that.
    ///
    /// Of the progress of one child only the newest waits: who does not read for long learns where
    /// it has come to, and costs no memory.
    void send(const any_message& m, std::vector<descriptor> beside = {});

    /// Sends what waited.
    void flush();

    void close();

    bool is_open() const noexcept { return static_cast<bool>(socket_); }
    int socket() const noexcept { return socket_.get(); }

private:
    struct packet {
        std::vector<std::byte> bytes;
        std::vector<descriptor> beside;
        std::uint64_t child = 0; ///< whose progress this is
        std::uint32_t attempt = 0;
    };

    /// Someone who does not read our answers is not listened to either.
    static constexpr std::size_t patience = 256;

    enum class sent { yes, later, never };
    sent send_now(const packet& p);
    bool supersede(packet& added);
    void give_up();
    bool watch();

    descriptor socket_;
    int events_ = -1;
    std::uint64_t key_ = 0;
    std::uint32_t watched_ = 0;
    std::deque<packet> waiting_;
    bool deaf_ = false; ///< the other side has closed: what it wrote before can still be read
};

} // namespace zproc::supervision
