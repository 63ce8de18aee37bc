#pragma once

#include "journal/layout.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace zproc::journal {

/// Where the records of one ring went when they were copied to the next: in the same order,
/// without pads, from position 0.
struct relocation {
    std::uint64_t previous_epoch = 0; ///< 0: nothing was copied
    position tail = 0;                ///< the first position copied
    position wrap = 0;                ///< the pad that was left out, and
    std::uint64_t pad = 0;            ///< its size; 0 if there was none
    position head = 0;                ///< the end of what was copied

    /// The new position of what was at `old`; nothing when that was not retained.
    std::optional<position> operator()(position old) const noexcept
    {
        if (old < tail || old > head)
            return std::nullopt;
        if (pad != 0 && old > wrap)
            return old - tail - pad;
        return old - tail;
    }
    bool operator==(const relocation&) const = default;
};

/// Which ring this is.
struct ring_header {
    std::array<std::byte, 16> instance{}; ///< one life of a state with its data
    std::uint64_t epoch = 1;              ///< counts the rings of an instance
    std::uint64_t capacity = 0;           ///< bytes of the data part
    std::uint64_t commit = 0;             ///< commits made before this ring
    relocation moved;                     ///< from the ring before this one

    bool operator==(const ring_header&) const = default;
};

/// How large a region must be for a ring of `capacity`.
constexpr std::size_t region_size(std::uint64_t capacity) noexcept
{
    return data_offset + static_cast<std::size_t>(capacity);
}

/// Reads the header of a ring; nothing if the region does not hold one that this library reads.
std::optional<ring_header> read_header(std::span<const std::byte> region);

/// The same without regard to where the data is: of the header's bytes alone.
std::optional<ring_header> decode_header(std::span<const std::byte> page);

/// The header as it stands in the ring.
std::array<std::byte, at_header::head> encode_header(const ring_header& header);

} // namespace zproc::journal
