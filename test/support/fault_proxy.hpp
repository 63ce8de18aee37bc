#pragma once

#include "descriptor.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <random>
#include <vector>

namespace zproc::test {

/// What goes wrong in between. In memory that several processes share, it may be changed at any
/// time. Chances are out of 1000.
struct faults {
    std::atomic<unsigned> delay = 0;         ///< µs that every piece takes, at most
    std::atomic<unsigned> largest_piece = 0; ///< bytes that go on at once; 0: any
    std::atomic<unsigned> cut = 0;           ///< chance that a piece is the last of its connection
    std::atomic<unsigned> repeat = 0;        ///< chance that a new connection is made twice: what
                                             ///< its client has said is said again by somebody else
    std::atomic<bool> swallow_requests = false; ///< nothing more arrives at the server
    std::atomic<bool> swallow_replies = false;  ///< … at the clients
    std::atomic<bool> refuse = false;           ///< new connections are closed at once
    std::atomic<unsigned> cut_all = 0;          ///< raised: all connections end now

    // what has happened
    std::atomic<std::uint64_t> connections = 0;
    std::atomic<std::uint64_t> cuts = 0;
    std::atomic<std::uint64_t> repeats = 0;
    std::atomic<std::uint64_t> pieces = 0;
};

/// A connection to a port of this machine, as clients and servers set theirs; empty when nobody is
/// there.
descriptor connect_on_loopback(std::uint16_t port);

/// Stands between clients and a server, and makes a bad network of a good one. One thread.
class fault_proxy {
public:
    /// Takes connections from a listening socket; for each, `connect` makes one to the server (an
    /// empty descriptor when it is not there).
    fault_proxy(descriptor listener, std::function<descriptor()> connect, faults& what,
                unsigned seed);

    /// Waits up to so long for something to do, and does it.
    void turn(int milliseconds);

private:
    struct piece {
        std::int64_t due = 0;
        std::vector<std::byte> bytes;
        std::size_t sent = 0;
    };
    struct direction {
        int from = -1;
        int to = -1;
        std::deque<piece> queue;
        std::size_t waiting = 0; ///< bytes
        bool ended = false;      ///< nothing more comes
        bool closed = false;     ///< and that was said
    };
    struct pair {
        descriptor client;
        descriptor server;
        direction up;
        direction down;
        std::vector<std::byte> said; ///< by the client, to be said again
        bool to_repeat = false;
        bool dead = false;
    };

    void accept();
    void add(descriptor client, descriptor server);
    void read(pair& p, direction& d, bool up);
    void write(pair& p, direction& d);
    void repeat(const pair& p);
    bool chance(unsigned of_1000) { return of_1000 != 0 && random_() % 1000 < of_1000; }

    descriptor listener_;
    std::function<descriptor()> connect_;
    faults& faults_;
    std::minstd_rand random_;
    std::list<pair> pairs_;
    unsigned cut_seen_ = 0;
};

} // namespace zproc::test
