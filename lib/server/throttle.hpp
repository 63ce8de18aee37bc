#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace zproc::serving {

/// Who has failed too often to show that it knows the secret has to wait. Pure: time is an
/// argument, in ns.
///
/// The table is bounded: when it is full, the peer that failed longest ago is forgotten. So its
/// size limits what it remembers, and never who is served.
class throttle {
public:
    /// An address; of IPv6 the first half, which is what one customer gets.
    using peer = std::array<std::byte, 16>;

    /// So many failures cost nothing.
    explicit throttle(unsigned free_failures = usual_failures) : free_failures_(free_failures) {}

    bool admits(const peer& who, std::int64_t now) const;
    void failed(const peer& who, std::int64_t now);
    /// It took its time, and had to go: half a failure, as it may just be far away.
    void dawdled(const peer& who, std::int64_t now);
    void succeeded(const peer& who);

    std::size_t size() const { return known_.size(); }

    static constexpr unsigned usual_failures = 10;
    static constexpr unsigned most_doublings = 8;
    static constexpr std::int64_t first_wait = 5'000'000'000;
    static constexpr std::int64_t longest_wait = 60'000'000'000;
    /// Without another failure, a peer is as good as new after it.
    static constexpr std::int64_t memory = 120'000'000'000;
    static constexpr std::size_t most = 1024;

private:
    void blame(const peer& who, std::int64_t now, unsigned halves);

    struct record {
        unsigned halves = 0; ///< of failures
        std::int64_t last = 0;
        std::int64_t until = 0; ///< refused
    };
    std::map<peer, record> known_;
    unsigned free_failures_;
};

} // namespace zproc::serving
