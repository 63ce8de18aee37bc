#pragma once

#include "journal/header.hpp"
#include "journal/live_index.hpp"
#include "journal/memory.hpp"
#include "journal/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace zproc::journal {

struct writer_options {
    std::uint64_t largest_capacity = 1u << 30; ///< beyond it: `too_large`, never `grow_first`
};

enum class append_outcome {
    written,
    grow_first, ///< nothing was written; replicate to a ring of `capacity`, and append there
    too_large,  ///< nothing was written; no permitted ring can take it
};

struct append_result {
    append_outcome outcome = append_outcome::written;
    position record = nowhere;           ///< where the record begins
    std::uint64_t commit = 0;            ///< its commit number
    value_place reply;                   ///< where the bytes of the reply lie
    std::span<const value_place> values; ///< of each change's `after`; until the next append
    std::uint64_t capacity = 0;          ///< when `grow_first`

    explicit operator bool() const noexcept { return outcome == append_outcome::written; }
};

struct live_part;

/// What a writer has done, in bytes of the ring.
struct writer_statistics {
    std::uint64_t appended = 0; ///< transactions
    std::uint64_t carried = 0;  ///< carry records
    std::uint64_t padded = 0;
    std::uint64_t looked_at = 0;    ///< by the carry cursor
    std::uint64_t most_carried = 0; ///< by one append
    std::uint64_t forced = 0;       ///< carries beyond the pace
};

/// The only writer of a ring.
///
/// Order, always: write records and carries → publish the head → store the tail → overwrite. The
/// tail never passes a record unless what made it dead and every carry made for it is committed;
/// `append` commits by itself, in the middle of a batch, when it needs that for room.
class writer {
public:
    /// Makes an empty ring of `region`, which is zeroed, 8-byte aligned and
    /// `region_size(capacity)` large. `header.capacity` is taken from its size.
    writer(std::span<std::byte> region, ring_header header, writer_options options = {});
    /// The same through a `memory` that outlives the writer.
    writer(memory& through, ring_header header, writer_options options = {});
    /// The same through one of its own.
    writer(std::unique_ptr<memory> through, ring_header header, writer_options options = {});
    ~writer();
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    /// Writes a transaction; readers see it after `commit`. May carry, commit and advance the tail
    /// first: spans from `bytes` end here, also when nothing was written (those in `what` are copied
    /// before).
    append_result append(const transaction& what, live_index& index);

    /// Publishes everything appended so far. Returns the number of the last transaction.
    std::uint64_t commit();
    bool pending() const noexcept { return written_ != head_; }

    /// Restores the lead of the carry cursor after `replicate`, without regard to the pace.
    void catch_up(live_index& index);

    /// The bytes of a live value, in place, until the next append.
    std::span<const std::byte> bytes(value_place place) const;

    position head() const noexcept { return head_; }       ///< end of what is published
    position written() const noexcept { return written_; } ///< end of what is written
    position tail() const noexcept { return tail_; }
    std::uint64_t capacity() const noexcept { return header_.capacity; }
    std::uint64_t last_commit() const noexcept { return commit_; }
    const ring_header& header() const noexcept { return header_; }
    const writer_statistics& statistics() const noexcept { return statistics_; }
    std::span<const std::byte> region() const noexcept { return memory_.region(); }

    /// What `replicate` uses: a record of another ring is written again, as it is but for its
    /// position and its pointers; and the header learns where everything went.
    void copy_in(std::span<const std::byte> record, const relocation& moved);
    void finish_copy(const relocation& moved, std::uint64_t commit);

private:
    // writer.cpp
    void format();
    void write_header();
    std::uint64_t room() const noexcept { return header_.capacity - (written_ - tail_); }
    std::uint64_t lead() const noexcept { return header_.capacity - (written_ - cursor_); }
    const std::byte* in_place(position at) const;
    std::uint64_t extent(position at) const;
    std::uint64_t pad_before(std::uint64_t size) const noexcept;
    position put(std::span<std::uint64_t> words);
    bool make_room(std::uint64_t size);
    void advance_tail(std::uint64_t need);

    // room.cpp
    struct room_request {
        std::uint64_t record = 0; // its size
        std::uint64_t live = 0;   // after it
        bool grows = false;       // the values get larger
        bool valid = false;
    };
    room_request measure(const transaction& what, std::uint64_t live) const;
    bool suffices(const room_request& request, std::uint64_t capacity,
                  std::uint64_t pad) const noexcept;
    std::optional<append_result> refuse(const room_request& request) const;
    append_result grow(std::uint64_t capacity) const;

    // carry.cpp
    std::uint64_t part_size() const noexcept { return header_.capacity / record_share; }
    void remember_size(std::uint64_t size);
    bool behind(std::uint64_t size) const;
    void pace(std::uint64_t size, live_index& index);
    bool force_room(std::uint64_t size, live_index& index);
    bool carry_some(live_index& index);
    bool write_carry(const record_view& source, const live_part& live, live_index& index);
    void pass(std::uint64_t size) noexcept;

    std::unique_ptr<memory> own_memory_;
    memory& memory_;
    ring_header header_;
    writer_options options_;

    // shared with readers, as last stored
    position head_ = 0;
    position tail_ = 0;

    position written_ = 0;
    std::uint64_t commit_ = 0;

    // The carry cursor: what lies before it is dead or carried. In the record it stands at, so many
    // changes were looked at, and the next one is at that offset.
    position cursor_ = 0;
    std::uint32_t looked_ = 0;
    std::size_t resume_ = 0;
    position releasable_ = 0; // the cursor at the last commit: the tail may go so far
    std::int64_t credit_ = 0; // bytes the cursor may still look at

    // The largest record in each part of the ring; a lap and a pad touch less than 16 parts.
    std::array<std::uint64_t, 16> largest_{};
    std::uint64_t part_ = 0;

    std::vector<std::uint64_t> staged_;
    std::vector<value_place> values_;
    std::vector<std::uint64_t> carry_;
    std::vector<change_view> carried_;
    writer_statistics statistics_;
};

} // namespace zproc::journal
