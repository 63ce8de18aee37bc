#pragma once

#include "client/contention.hpp"
#include "protocol/messages.hpp"

#include <zproc/draft.hpp>
#include <zproc/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::client {

/// One atomic function on its way to its commit. Pure: runs of the function and replies go in,
/// with the time; out comes what to do next.
///
///     run ──(a key is missing)──► ask: read, snapshot ──► run
///      └──(it came to its end)──► ask: commit ──(conflict: present values)──► run
///                                   │    └──(the third)──► ask: a turn ──(has begun)──► run
///                                   └──► finish
///
/// Where conflicts are to be expected, a turn is asked for in place of the first fetch.
///
/// In a turn nobody else changes what the function has read; its lease is for two attempts, since
/// the first may meet what this connection had sent before. A function that throws, or only
/// reads, has its reads validated by a commit without writes, unless they all came at one
/// revision; in a turn also then, to end it.
class transaction_fsm {
public:
    using time = std::int64_t; ///< ns, of any clock of the caller's

    enum class action {
        run,    ///< the function, on a draft of `source()`; then `ran`
        ask,    ///< the server, by what `write` writes; then `answered`
        finish, ///< with `error()`, or as the function's last run came to its end
    };

    /// So many conflicts in a row are taken as chance.
    static constexpr unsigned patience = 3;
    /// Keys that are fetched on suspicion, beside one that is needed.
    static constexpr std::size_t most_prefetched = 256;

    /// Tickets are numbered from `first_ticket` on: what others of the connection do not use.
    transaction_fsm(std::string name_space, std::uint32_t handle, std::uint64_t first_ticket);

    const detail::draft_source& source() const noexcept { return source_; }

    action ran(const draft& d, bool threw);
    action answered(error_code ec, protocol::bytes_view body, time now);

    /// Appends the request that is to be sent, as often as it has to be sent again.
    void write(protocol::buffer& out, std::uint32_t correlation,
               const protocol::mutation& by) const;
    bool asks_commit() const noexcept { return asking_ == question::commit; }

    bool asks_turn() const noexcept { return asking_ == question::turn; }

    /// It asks for the first that it needs to know.
    bool asks_first() const noexcept;
    /// Then: asks for a turn that brings it.
    void begin_with_turn();

    /// What others of its kind can learn from its end, and how long its attempts took.
    contention::lesson lesson() const noexcept { return lesson_; }
    time took() const noexcept { return round_trip_; }

    /// The turn it has, as far as it knows; 0 for none.
    std::uint64_t turn() const noexcept { return until_ != 0 ? ticket_ : 0; }
    time turn_until() const noexcept { return until_; }
    /// The ticket that the server may know of, waiting or having its turn; 0 for none.
    std::uint64_t ticket() const noexcept { return ticket_; }

    const error_code& error() const noexcept { return error_; }

private:
    enum class question { nothing, read, snapshot, commit, turn };

    action ask(question what);
    action ask_for_turn();
    action committed(time now);
    action fail(error_code ec);
    error_code take_changes(const draft& d);
    action fetched(protocol::bytes_view body, bool everything);
    action conflicted(protocol::bytes_view body, time now);
    action begun(protocol::bytes_view body, time now);
    void want(std::vector<std::string> keys);
    void forget();
    error_code learn(const std::vector<protocol::present>& items);

    std::string name_space_;
    std::uint32_t handle_;

    // What the function is given.
    detail::draft_source source_;
    unsigned fetches_ = 0;          ///< at different revisions, of what `source_` holds
    std::vector<std::string> lost_; ///< was known in the attempt before, and is not now

    // What its last run left.
    std::vector<std::string> wanted_;
    bool scanned_ = false;
    std::vector<detail::draft_read> reads_;
    std::vector<std::pair<std::string, std::optional<protocol::buffer>>> writes_;
    std::vector<std::pair<std::string, protocol::buffer>> additions_;

    question asking_ = question::nothing;
    error_code error_;

    // Its turn, asked for or begun.
    std::vector<std::string> protected_;
    bool protects_all_ = false;
    bool began_with_turn_ = false;
    bool crowded_ = false; ///< others wanted theirs
    contention::lesson lesson_ = contention::lesson::none;

    unsigned conflicts_ = 0;
    time began_ = 0;      ///< the attempt, with present values; 0: the first
    time round_trip_ = 0; ///< of the longest attempt since
    std::uint64_t ticket_ = 0;
    std::uint64_t last_ticket_;
    time until_ = 0; ///< its turn lasts; 0: it has none
};

} // namespace zproc::client
