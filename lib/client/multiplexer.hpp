#pragma once

#include "client/call.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace zproc::client {

/// Many calls over one connection, and over the next one when it breaks. Pure.
///
/// A call is *queued* until written, then *written* until its reply. A broken connection makes
/// every written call queued again, in the order they were written. An *abandoned* call is one whose
/// user was told already: its late reply is dropped, and it is not sent again.
///
/// Mutations are numbered when they are first written; what is sent again keeps its number, so that
/// the server knows it. `acknowledged` goes with each: no smaller number is still waited for.
///
/// While an atomic function of this connection has its turn, other mutations are *held back*: the
/// server does not make them wait, and they would change what it has read.
///
/// Complexity: O(1) per call, but for `disconnected` and `expire`.
class multiplexer {
public:
    using ticket = std::uint64_t; ///< names a call for as long as the multiplexer lives
    using time = std::int64_t;    ///< any clock of the caller's

    /// Takes a call; it may take until `deadline`. 0, and `what` untouched, when a million calls
    /// are pending already.
    ticket add(std::unique_ptr<call>& what, time deadline);

    /// Appends the frames of the queued calls, as far as fences, turns and the window of mutations
    /// allow. Those whose body exceeds `largest` bytes are taken out instead, and returned.
    std::vector<std::unique_ptr<call>> write(protocol::buffer& out, std::size_t largest, time now);

    /// Mutations that are not urgent are not written, until `until` or `let_go(turn)`.
    void hold_back(std::uint64_t turn, time until);
    void let_go(std::uint64_t turn);

    /// The call a reply belongs to; null for a late one. The caller tells it.
    std::unique_ptr<call> reply(std::uint32_t correlation);

    /// Whether a call can still be taken back: it was not written yet.
    enum class standing { unknown, queued, written };
    standing of(ticket t) const;

    /// Takes a call out; null when it is gone. A written one leaves its place to its late reply.
    std::unique_ptr<call> abandon(ticket t);

    /// The connection is gone: everything is to be written again.
    void disconnected();

    /// The next connection does not know the session. Mutations that were ever written cannot be
    /// sent again, since they may have been applied: they are taken out.
    std::vector<std::unique_ptr<call>> session_lost();

    /// Takes out everything whose deadline has passed; first what was written.
    struct expired {
        std::unique_ptr<call> what;
        bool written;
    };
    std::vector<expired> expire(time now);
    /// Gives patient calls that are written until `until` instead, when their time is over; true
    /// when there was one.
    bool postpone(time now, time until);
    std::vector<expired> drain();
    /// The earliest deadline, or when nothing is held back any more; max when nothing is pending.
    time next_deadline() const;

    bool empty() const noexcept { return pending_ == 0; }
    bool anything_to_write() const noexcept { return !queue_.empty() || !urgent_.empty(); }
    std::size_t size() const noexcept { return pending_; }
    std::uint64_t acknowledged() const noexcept { return first_number_ - 1; }

private:
    struct slot {
        std::unique_ptr<call> what;
        ticket id = 0;
        time deadline = 0;
        std::uint64_t number = 0; ///< of a mutation that was ever written
        std::uint64_t order = 0;  ///< in which it was first written
        std::uint32_t generation = 0;
        bool written = false;
        bool fence = false; ///< written, and not answered yet
        bool sent_once = false;
    };

    const slot* find(ticket t) const;
    bool may_write(const slot& s, bool held) const;
    void write(slot& s, std::uint32_t index, protocol::buffer& out);
    bool holding(time now);
    void answered(std::uint64_t number);
    std::unique_ptr<call> take(slot& from);
    void free_slot(std::uint32_t index);
    template <class Which>
    std::vector<expired> take_if(Which which);

    // A ticket is a sequence above the index of its slot; a correlation the slot's generation.
    static constexpr unsigned index_bits = 20;
    static constexpr std::uint32_t index_mask = (1u << index_bits) - 1;
    /// The server keeps the replies of so many mutations of a session, and more.
    static constexpr std::uint64_t window = 8192;

    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    std::deque<ticket> queue_;                          ///< queued calls; some may be gone
    std::deque<ticket> urgent_;                         ///< likewise, in front of the others
    std::vector<std::pair<std::uint64_t, time>> turns_; ///< that hold others back, and until when
    std::size_t pending_ = 0;
    std::size_t fences_ = 0;
    std::uint64_t next_sequence_ = 1;
    std::uint64_t next_order_ = 1;

    std::uint64_t first_number_ = 1; ///< the smallest still waited for
    std::deque<bool> finished_;      ///< of first_number_, first_number_ + 1, …
};

} // namespace zproc::client
