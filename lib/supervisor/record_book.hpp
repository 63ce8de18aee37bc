#pragma once

#include "supervisor/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace zproc::supervision {

/// What a service has still to be told of the table of processes. Pure.
///
/// Reports are numbered, sent in order, and kept until the service has committed them; a successor
/// gets again what its predecessor did not confirm. When the service lags behind, older reports
/// of a process give way to its newest. Of those that have ended, the oldest are forgotten.
class record_book {
public:
    static constexpr std::size_t in_flight = 32;
    static constexpr std::size_t most_waiting = 4096;
    static constexpr std::size_t most_ended = 1024;

    void add(message::report line);

    /// The next one to be sent, if any may be now; it counts as sent.
    const message::report* next();

    void committed(std::uint64_t number);

    /// The service runs anew: what was sent counts no more.
    void begin_anew() noexcept { sent_ = 0; }

    std::size_t waiting() const noexcept { return waiting_.size(); }

private:
    void append(message::report line);

    std::deque<message::report> waiting_;
    std::size_t sent_ = 0; ///< the first so many of them
    std::uint64_t last_number_ = 0;
    std::deque<std::uint64_t> ended_;
};

} // namespace zproc::supervision
