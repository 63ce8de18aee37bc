#include "server/session_table.hpp"

#include <algorithm>

namespace zproc::serving {

void session_table::come_back(const whereabouts& from)
{
    if (!from.at)
        away_.erase(from.since);
}

std::optional<seat> session_table::sit(std::uint64_t session, seat where)
{
    const auto [it, fresh] = known_.try_emplace(session);
    if (!fresh)
        come_back(it->second);
    return std::exchange(it->second.at, where);
}

void session_table::leave(std::uint64_t session, seat where, std::int64_t now)
{
    if (sits(session, where))
        away(session, now);
}

void session_table::away(std::uint64_t session, std::int64_t now)
{
    const auto [it, fresh] = known_.try_emplace(session);
    if (!fresh)
        come_back(it->second);
    it->second = {std::nullopt, away_.emplace(now, session)};
}

void session_table::forget(std::uint64_t session)
{
    const auto it = known_.find(session);
    if (it == known_.end())
        return;
    come_back(it->second);
    known_.erase(it);
}

bool session_table::sits(std::uint64_t session, seat where) const
{
    const auto it = known_.find(session);
    return it != known_.end() && it->second.at == where;
}

std::int64_t session_table::away_since(std::int64_t gone, std::int64_t wall, std::int64_t now,
                                       std::int64_t limit)
{
    if (gone == 0 || gone >= wall)
        return now;
    return now - std::min(wall - gone, limit - limit / 8);
}

std::vector<std::uint64_t> session_table::expire(std::int64_t now, std::int64_t limit)
{
    std::vector<std::uint64_t> gone;
    while (away_.size() > most_away || (!away_.empty() && now - away_.begin()->first >= limit)) {
        gone.push_back(away_.begin()->second);
        known_.erase(away_.begin()->second);
        away_.erase(away_.begin());
    }
    return gone;
}

} // namespace zproc::serving
