#pragma once

#include "journal/record.hpp"

#include <boost/circular_buffer.hpp>

#include <cstdint>
#include <unordered_map>

namespace zproc::store {

/// Who has which replies kept for it. A reply is kept until its session acknowledges it or ends;
/// while it is, a request of the same number is a duplicate.
class sessions {
public:
    struct kept {
        std::uint64_t request = 0;
        journal::position record = journal::nowhere;
        journal::value_place place;
    };

    bool open(std::uint64_t id) { return open_.try_emplace(id).second; }
    void close(std::uint64_t id);
    bool knows(std::uint64_t id) const { return at(id) != nullptr; }
    std::size_t count() const { return open_.size(); }

    /// The reply kept for that request, if it is one that was answered before.
    const kept* find(std::uint64_t id, std::uint64_t request) const;
    kept* find(std::uint64_t id, std::uint64_t request);
    std::size_t kept_by(std::uint64_t id) const;
    /// What those take in the ring when they have to be carried.
    std::uint64_t bytes_kept_by(std::uint64_t id) const;
    std::uint64_t acknowledged(std::uint64_t id) const;
    /// The largest number that a reply is kept for; 0 without one.
    std::uint64_t latest(std::uint64_t id) const;

    /// Keeps a reply, in place of an older one to the same request. Nothing for a session that is
    /// not open, and for a request that was acknowledged.
    void keep(std::uint64_t id, const kept& reply);
    /// Forgets every reply up to that number.
    void acknowledge(std::uint64_t id, std::uint64_t upto);

    template <class Visitor>
    void for_each(Visitor&& visit) const
    {
        for (const auto& [id, each] : open_)
            visit(id);
    }
    template <class Visitor>
    void for_each_kept(Visitor&& visit)
    {
        for (auto& [id, each] : open_)
            for (auto& reply : each.replies)
                visit(reply);
    }

    /// What the kept replies take in the ring when they have to be carried.
    std::uint64_t live_bytes() const { return live_; }

private:
    struct session {
        std::uint64_t acknowledged = 0;
        std::uint64_t live = 0;
        boost::circular_buffer<kept> replies; // by request; they come nearly in order
    };

    const session* at(std::uint64_t id) const;
    session* at(std::uint64_t id);

    using named_session = std::unordered_map<std::uint64_t, session>::value_type;
    std::unordered_map<std::uint64_t, session> open_;
    mutable const named_session* latest_ = nullptr; ///< what was asked for last is asked for again
    std::uint64_t live_ = 0;
};

} // namespace zproc::store
