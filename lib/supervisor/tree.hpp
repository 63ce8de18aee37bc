#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

namespace zproc::supervision {

/// Who is under whom: the logical tree, in which a spawned child hangs under the process that
/// spawned it, although all are children of the supervisor. Pure.
///
/// A member that has ended stays until nothing is left below it; only then is it gone.
class tree {
public:
    using id = std::uint64_t;

    static constexpr id root = 0;

    enum class kin {
        child,
        service, ///< ends after all else that its owner owns
        orphan,  ///< left behind by one or several that died at once
    };

    /// What follows from somebody's end.
    struct departure {
        std::vector<id> gone; ///< members with nothing left below them, lowest first; now removed
        std::vector<id> due;  ///< services whose turn to end has come
    };

    tree();

    /// `owner` must be a member that lives.
    void add(id member, id owner, kin kind);

    /// Puts an orphan below all who may have left it. An orphan among those passes it on to
    /// whoever it hangs under itself, so that a chain of daemons does not grow. With none of them
    /// known (any more), it hangs under the root.
    void adopt(id orphan, std::span<const id> bereaved);

    /// Marks as ended. Orphans that it left must have been adopted before.
    departure ended(id member);

    bool contains(id member) const;
    bool alive(id member) const;
    bool is_service(id member) const;

    /// Whether `member` is below `commander`, at any depth.
    bool below(id member, id commander) const;

    /// Everyone alive below `member`, nearest first, who has to end together with it; it itself
    /// is not listed. Services, and what these own, wait for their turn.
    std::vector<id> to_stop(id member) const;

    /// One of the members it hangs under; the root for itself.
    id owner(id member) const;

    std::size_t size() const noexcept { return nodes_.size(); }

private:
    struct node {
        kin kind = kin::child;
        bool alive = true;
        std::vector<id> owners;
        std::set<id> dependants; // ordered: stops happen in the order of the spawns
    };

    bool only_services_left(const node& n) const;

    std::map<id, node> nodes_;
};

} // namespace zproc::supervision
