#pragma once

#include "stress/watchers/ring_view.hpp"
#include "stress/watchers/specs.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zproc::test::watching {

/// Writes down what one watcher is given; in a round with a fault, not quite.
class sightings {
public:
    sightings(unsigned which, const std::string& address)
        : which_(which), spec_(specs()[which]), address_(address)
    {
    }

    /// False if it was the last one.
    bool take(const event& e);
    /// `next()` has failed with journal_overrun; `missed` is the watcher's.
    void overrun(std::uint64_t missed);
    /// What came before some revision from `low` to `high` was passed on purpose.
    void skipped(std::uint64_t low, std::uint64_t high);

    /// Of what was taken last.
    std::uint64_t revision() const { return revision_; }
    std::size_t taken() const { return taken_; }

private:
    using entries = std::vector<seen_entry>;

    entries entries_of(const event& e);
    void look_at_tail(entries& all);
    void write(const entries& all);
    void write_with_faults(entries all);
    entries needless_resync(const entries& in_place_of);
    void follow(const event& e);

    unsigned which_;
    const spec& spec_;
    std::string address_;
    std::unique_ptr<ring_view> ring_;
    std::uint64_t revision_ = 0;
    std::size_t taken_ = 0;
    std::uint64_t missed_ = 0;
    std::optional<entries> held_;
    std::map<std::uint32_t, std::int64_t> mirror_; ///< of who watches everything
};

} // namespace zproc::test::watching
