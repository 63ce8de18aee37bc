#pragma once

#include "stress/watchers/specs.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace zproc::test::watching {

/// One transaction of the truth.
struct true_event {
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    std::uint64_t at = 0;
    std::uint64_t epoch = 0;
    std::vector<std::pair<change_entry, bool>> changes; ///< with: identical

    std::pair<std::uint64_t, std::uint32_t> origin() const { return {session, handle}; }
};

/// The whole history of a namespace.
class history {
public:
    explicit history(std::span<const truth_entry> entries);

    std::span<const true_event> events() const { return events_; }
    std::uint64_t last() const { return events_.size(); }
    /// The event of a revision, which are all there, from 1.
    const true_event& at(std::uint64_t revision) const
    {
        return events_[static_cast<std::size_t>(revision - 1)];
    }
    cell value_at(std::uint32_t key, std::uint64_t revision) const;
    std::vector<std::uint32_t> keys() const;
    /// The last revision not after that time.
    std::uint64_t revision_at(std::int64_t time) const;
    /// What is wrong with it in itself; empty if nothing is.
    const std::string& flaw() const { return flaw_; }

private:
    std::vector<true_event> events_;
    std::map<std::uint32_t, std::vector<std::pair<std::uint64_t, cell>>> values_;
    std::string flaw_;
};

/// What a watcher has to see, by the words of the documentation: no line of this is the library's.
class oracle {
public:
    oracle(const spec& s, const history& h, std::pair<std::uint64_t, std::uint32_t> self)
        : spec_(s), history_(h), self_(self)
    {
    }

    bool wants(std::uint32_t key) const;
    /// Whether the condition holds as of a revision.
    bool holds(std::uint64_t revision) const;
    /// The changes of that event which it sees; none: it does not see the event.
    std::vector<change_entry> visible(std::uint64_t revision) const;
    /// The first revision after that one which it sees, or the one after the last.
    std::uint64_t next_after(std::uint64_t revision) const;

private:
    const spec& spec_;
    const history& history_;
    std::pair<std::uint64_t, std::uint32_t> self_;
};

} // namespace zproc::test::watching
