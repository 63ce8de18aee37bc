#pragma once

#include "journal/header.hpp"
#include "journal/record.hpp"
#include "journal/writer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace zproc::journal {

/// Visits the committed records of a ring that nobody writes to, in place: a dead writer's, or
/// one's own between commits. What lies above the head is ignored.
class scanner {
public:
    explicit scanner(std::span<const std::byte> region);

    /// The next record; nothing at the end, or where the ring is damaged.
    const record_view* next();

    /// The region holds no ring, or a record in it is not what was written.
    bool damaged() const noexcept { return damaged_; }
    /// Where the next record, or the damage, is.
    position where() const noexcept { return where_; }
    const std::optional<ring_header>& header() const noexcept { return header_; }

    position tail() const noexcept { return tail_; }
    position head() const noexcept { return head_; }
    /// The pad that was passed, and its size; at most one, since a ring is at most one lap.
    position wrap() const noexcept { return wrap_; }
    std::uint64_t pad() const noexcept { return pad_; }

private:
    std::span<const std::byte> region_;
    std::optional<ring_header> header_;
    bool damaged_ = false;
    position where_ = 0;
    position tail_ = 0;
    position head_ = 0;
    position wrap_ = 0;
    std::uint64_t pad_ = 0;
    record_view record_;
};

struct scan_result {
    bool complete = false;
    std::uint64_t commit = 0; ///< the last one
    position end = 0;
};

/// Calls `visit(const record_view&)` for every committed record from tail to head.
template <class Visitor>
scan_result scan(std::span<const std::byte> region, Visitor&& visit)
{
    scanner records(region);
    scan_result result;
    if (records.header())
        result.commit = records.header()->commit;
    while (const record_view* record = records.next()) {
        if (record->commit > result.commit)
            result.commit = record->commit;
        visit(*record);
    }
    result.complete = !records.damaged();
    result.end = records.where();
    return result;
}

/// Copies all committed records of a ring that nobody writes to into a fresh writer of at least
/// its capacity, and commits them: same order, commit numbers, revisions, times and origins, new
/// positions. Nothing if the old ring is damaged: then the fresh one is not to be used.
///
/// An index over the old ring follows by `relocation::operator()` for each position in it (the
/// carry cursor starts again: call `writer::catch_up`), a successor builds its own by `scan` of
/// the new ring. Readers translate the position they are at by `ring_header::moved`.
std::optional<relocation> replicate(std::span<const std::byte> old, writer& fresh);

} // namespace zproc::journal
