#pragma once

#include "server/interests.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace zproc::serving {

/// Which session sits where, and how long the others have been away. Pure: time is an argument,
/// in ns.
class session_table {
public:
    /// The session sits at `where` now; answers where it sat until now, if anywhere.
    std::optional<seat> sit(std::uint64_t session, seat where);
    /// The connection is gone. Nothing if the session has moved to another one.
    void leave(std::uint64_t session, seat where, std::int64_t now);
    /// Known, but nobody has come for it: what a successor finds.
    void away(std::uint64_t session, std::int64_t now);
    void forget(std::uint64_t session);

    bool sits(std::uint64_t session, seat where) const;
    bool nobody_away() const { return away_.empty(); }
    /// Since when the one has been away that will expire first.
    std::optional<std::int64_t> longest_away() const
    {
        return away_.empty() ? std::nullopt : std::optional(away_.begin()->first);
    }

    /// Sessions that have been away for `limit`, and the oldest where there are too many; they are
    /// forgotten.
    std::vector<std::uint64_t> expire(std::int64_t now, std::int64_t limit);

    static constexpr std::size_t most_away = 1u << 16;

    /// Since when, by the clock of the others, a session has been away that a successor finds:
    /// `gone` (0: unknown) and `wall` are of another clock, which may have been set meanwhile. Who
    /// is about to come back has an eighth of `limit` left for it.
    static std::int64_t away_since(std::int64_t gone, std::int64_t wall, std::int64_t now,
                                   std::int64_t limit);

private:
    using departures = std::multimap<std::int64_t, std::uint64_t>;
    struct whereabouts {
        std::optional<seat> at;
        departures::iterator since{}; ///< while it is away
    };
    std::unordered_map<std::uint64_t, whereabouts> known_;
    departures away_;

    void come_back(const whereabouts& from);
};

} // namespace zproc::serving
