#pragma once

#include "journal/header.hpp"
#include "journal/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace zproc::journal {

class writer;

/// Some records of a ring on their way to a mirror of it.
struct piece {
    position at = 0;
    position end = 0; ///< of what it stands for
    /// Whole records that do not wrap. Of a pad, which is the last of them then, only the word.
    std::span<const std::byte> bytes;
};

/// What follows at `at` in the ring of a writer: at least one record, and no second one beyond
/// `most` bytes. Nothing at the head. `at` is where a record begins.
std::optional<piece> next_piece(const writer& ring, position at, std::size_t most);

/// Whether a record that is retained begins at `at`, or everything ends there.
/// Complexity: O(bytes of that record).
bool is_boundary(const writer& ring, position at);

/// A copy of somebody else's ring, made of pieces: the same bytes at the same positions. Who reads
/// it sees a ring like any other.
///
/// It keeps as much as it has room for, so its tail is never ahead of what the original's was when
/// that had its head here: once it has come to where the original was published, all that was live
/// there is in it. (It may begin later than the original's tail; then that holds a lap later, or as
/// soon as it has come to the head of the time it began.)
class mirror {
public:
    /// Formats a region (8-byte aligned): the ring of that header, empty, from position `from`.
    mirror(std::span<std::byte> region, const ring_header& header, position from);

    position head() const noexcept { return head_; }
    position tail() const noexcept { return tail_; }
    const ring_header& header() const noexcept { return header_; }

    /// Adds what follows, and publishes it. False, and nothing was done, when it does not follow,
    /// or is no sequence of records.
    bool append(const piece& next);

private:
    bool follows(const piece& next) const;
    void put(std::span<const std::byte> record, std::uint64_t extent_there);
    std::uint64_t extent(position at) const;

    memory memory_;
    ring_header header_;
    position head_;
    position tail_;
    std::vector<std::uint64_t> words_;
};

} // namespace zproc::journal
