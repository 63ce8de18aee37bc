#pragma once

#include "journal/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace zproc::journal {

/// Makes a ring of segments, as it was when they were written: the same records at the same
/// positions. A ring that was copied to another one is copied again.
class replay {
public:
    explicit replay(std::uint64_t largest_capacity) : largest_(largest_capacity) {}

    enum class outcome {
        good,
        unexpected, ///< the segment does not continue what came before it
        too_large,  ///< no permitted ring can hold it
    };

    /// Takes the next segment of the chain; the first may be one that continues others, which
    /// nothing needs any more.
    outcome add(const segment_contents& segment);

    /// The ring, once every segment was added; empty when something is missing that it needs.
    std::span<std::byte> finish();
    /// A ring without a history: what comes of `finish` is under another instance.
    void set_instance(const std::array<std::byte, 16>& instance) { header_.instance = instance; }

    const ring_header& header() const noexcept { return header_; }
    std::uint64_t commit() const noexcept { return commit_; }
    std::uint64_t records() const noexcept { return records_; } ///< that are events
    position tail() const noexcept { return tail_; }
    position head() const noexcept { return head_; }

private:
    std::span<std::byte> region() { return std::as_writable_bytes(std::span(words_)); }
    bool make_region(std::uint64_t capacity);
    void begin(const segment_header& header);
    outcome move_to(const segment_header& header);
    void put(const extent& what);
    void publish();

    std::uint64_t largest_;
    std::vector<std::uint64_t> words_;
    ring_header header_;
    bool begun_ = false;
    position first_ = 0; ///< nothing is here of what lies before it
    position tail_ = 0;
    position head_ = 0;
    std::uint64_t commit_ = 0;
    std::uint64_t records_ = 0;
};

} // namespace zproc::journal
