#pragma once

#include "server/interests.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace zproc::serving {

/// Who may go on with an atomic function undisturbed, and who waits for it. Pure: time is an
/// argument, in ns above 0, of any clock that does not run backwards.
///
/// Each namespace has a queue of tickets. The oldest that is eligible has the *turn*: until its
/// lease is over, mutations of other sessions that touch what it has read have to wait.
///
///     queued ──(the oldest, and nobody else's turn)──► turn ──► over: committed, given up, gone,
///                                                               or expired: its session pays
///
/// Between two turns everybody goes on who waited. So a mutation waits for one lease at most, and
/// a ticket for one lease per ticket before it.
///
/// Complexity: O(log n) in tickets, O(1) per key; O(the queue) for `give_up`, `leave`, and when a
/// turn begins or ends.
class turns {
public:
    using time = std::int64_t;

    static constexpr time shortest_lease = 2'000'000;
    static constexpr time longest_lease = 250'000'000;
    static constexpr time longest_penalty = 5'000'000'000;
    static constexpr time never = std::numeric_limits<time>::max();
    /// Tickets of one seat, and keys in them by weight. What is more is protected as everything.
    static constexpr std::size_t most = 1u << 16;

    struct ticket {
        seat where = 0;
        std::uint64_t session = 0;
        std::uint64_t id = 0;          ///< the client's, of one ticket at a time
        std::uint32_t correlation = 0; ///< of the request that waits for the turn
    };

    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const
        {
            return std::hash<std::string_view>()(text);
        }
    };
    /// What was read, and is protected.
    struct read_set {
        bool everything = false;
        std::unordered_set<std::string, text_hash, std::equal_to<>> keys;
        std::size_t weight = 0; ///< of the keys
    };

    struct holder {
        ticket who;
        std::string_view name_space; ///< while it is held
        read_set reads;
        time lease = 0;
        time deadline = 0;
        bool crowded = false; ///< it had to wait for others, or others waited when it began
    };

    /// There are no tickets, and nobody is to be resumed: time does not matter.
    bool idle() const noexcept { return tickets_.empty() && released_.empty(); }
    /// Somebody has a turn somewhere: mutations may have to wait.
    bool held() const noexcept { return held_ != 0; }

    // ---- tickets ----

    enum class answer { queued, known_already, too_many };
    /// Takes a ticket. `round_trip`: how long its owner needs, from having values to a commit.
    answer ask(const ticket& who, std::string_view name_space,
               std::span<const std::string_view> keys, bool everything, std::uint64_t round_trip);

    /// The turn of that name, while it is held.
    const holder* find(seat where, std::uint64_t id) const;
    /// It has read more. Nothing when it has no turn, or in another namespace.
    void reads(seat where, std::uint64_t id, std::string_view name_space,
               std::span<const std::string_view> keys);
    void reads_everything(seat where, std::uint64_t id, std::string_view name_space);

    /// It has committed: the turn is over, and what its session paid is forgotten.
    void committed(seat where, std::uint64_t id);
    /// The owner wants it no more, queued or held. The ticket, if it was queued: somebody waits
    /// for an answer to it.
    std::optional<ticket> give_up(seat where, std::uint64_t id);
    /// The connection is gone, with its tickets, its turns and its waiting.
    void leave(seat where);

    // ---- mutations ----

    /// Until when a mutation of these keys has to wait, at most; nullopt: it may go on. Who has a
    /// turn, anywhere, waits for nobody: its commit may be behind the mutation.
    std::optional<time> obstacle(seat where, std::string_view name_space,
                                 std::span<const std::string_view> keys, bool everything,
                                 time now) const;
    /// It waits; once, however often it is said. Only while there is an obstacle.
    void park(seat where, std::string_view name_space);

    // ---- what time brings ----

    struct step {
        seat where = 0;
        std::optional<ticket> begun; ///< its turn has begun; else: nothing bars its way any more
    };
    /// What is to be done now; again and again, until there is nothing.
    std::optional<step> next(time now);
    /// When there will be something at the latest; in the past: now.
    time next_deadline() const noexcept;

private:
    struct entry {
        ticket who;
        read_set reads;
        time lease = 0;
        bool waits = false; ///< for others, who asked before
    };
    struct space {
        std::string_view name; ///< of its key in the map
        std::deque<entry> queue;
        std::optional<holder> turn;
        std::vector<seat> parked;
        time due = never; ///< its place in the agenda
    };
    struct penalty {
        unsigned times = 0; ///< in a row
        time until = 0;     ///< not eligible before
    };
    using name = std::pair<seat, std::uint64_t>;

    holder* find(seat where, std::uint64_t id, std::string_view name_space);
    std::optional<ticket> begin(space& s, time now);
    void end(space& s);
    void punish(std::uint64_t session, time lease, time now);
    void forgive(const ticket& who);
    time eligible_at(std::uint64_t session) const;
    void plan(space& s);
    void set_due(space& s, time due);
    void unpark(seat where);
    void protect(const ticket& who, read_set& reads, std::span<const std::string_view> keys);
    void protect_everything(const ticket& who, read_set& reads);

    std::unordered_map<std::string, space, text_hash, std::equal_to<>> spaces_;
    std::map<name, space*> tickets_; ///< queued and held
    std::set<std::pair<time, space*>> agenda_;
    std::size_t held_ = 0;
    std::unordered_map<seat, std::size_t> holders_;  ///< how many turns they have
    std::unordered_map<seat, std::size_t> expenses_; ///< tickets, and keys in them
    std::unordered_map<seat, space*> parked_;
    std::deque<seat> released_; ///< parked until just now
    std::unordered_map<std::uint64_t, penalty> penalties_;
};

} // namespace zproc::serving
