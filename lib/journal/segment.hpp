#pragma once

#include "journal/header.hpp"
#include "journal/layout.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Segments: files that hold what a ring held, unrolled. A segment is a header and extents; an
/// extent is a run of the ring's bytes, records as they stand there. doc/disk.md explains them.
namespace zproc::journal {

inline constexpr std::array<char, 8> segment_magic{'Z', 'P', 'R', 'O', 'C', 'D', '\r', '\n'};
inline constexpr std::uint32_t segment_version = 1;
inline constexpr std::size_t segment_header_bytes = 256;
inline constexpr std::size_t extent_header_bytes = 40;

namespace at_segment {
inline constexpr std::size_t magic = 0;
inline constexpr std::size_t version = 8;
inline constexpr std::size_t size = 12;
inline constexpr std::size_t ring = 16; // as at_header, up to its head
inline constexpr std::size_t number = 144;
inline constexpr std::size_t follows = 152;
inline constexpr std::size_t follows_end = 160;
inline constexpr std::size_t from = 168;
inline constexpr std::size_t tail = 176;
inline constexpr std::size_t commit = 184;
inline constexpr std::size_t kind = 192;
inline constexpr std::size_t flags = 193; // six zero bytes follow
inline constexpr std::size_t boot = 200;
inline constexpr std::size_t synced = 216;
inline constexpr std::size_t crc = 252; // CRC32C of [0, 252); what is between is zero
} // namespace at_segment

namespace at_extent {
inline constexpr std::size_t mark = 0;
inline constexpr std::size_t size = 4; // of what follows the header
inline constexpr std::size_t position = 8;
inline constexpr std::size_t tail = 16;
inline constexpr std::size_t synced = 24;
inline constexpr std::size_t zero = 32;
inline constexpr std::size_t crc = 36; // CRC32C of [0, 36); records have their own
} // namespace at_extent

inline constexpr std::uint32_t extent_mark = 0x31545845u; // "EXT1"
inline constexpr std::uint64_t largest_extent = 1u << 30; // but for a larger record

enum class segment_kind : std::uint8_t {
    whole = 1,     ///< begins with all that the ring holds: nothing before it is needed
    moved = 2,     ///< of a new ring, into which everything was copied that the last one held
    continued = 3, ///< of the same ring, from where the one before it ends
};

// Segment flags.
inline constexpr std::uint8_t segment_synced_commits = 1; ///< its writer syncs before it publishes
inline constexpr std::uint8_t segment_clean_end = 2;      ///< its writer ended here in good order

struct segment_header {
    ring_header ring;
    std::uint64_t number = 1;
    /// The segment that it continues, which counts up to that byte, and was synced so far.
    std::uint64_t follows = 0;
    std::uint64_t follows_end = 0;
    position from = 0; ///< in the ring: where its first extent begins
    position tail = 0; ///< of the ring, when it was begun
    std::uint64_t commit = 0;
    segment_kind kind = segment_kind::whole;
    bool synced_commits = false;
    bool clean_end = false;
    std::array<std::byte, 16> boot{}; ///< of the machine: page caches do not survive it
    std::uint64_t synced = 0;         ///< of this file, when it got its name

    bool operator==(const segment_header&) const = default;
};

std::array<std::byte, segment_header_bytes> encode_segment_header(const segment_header& header);

enum class segment_check {
    good,
    foreign,       ///< not a segment
    other_version, ///< one of another version of zproc
    damaged,
};

segment_check read_segment_header(std::span<const std::byte> file, segment_header& out);

struct extent_header {
    std::uint32_t size = 0;
    position at = 0;
    position tail = 0;        ///< of the ring, when it was written
    std::uint64_t synced = 0; ///< of the file: bytes that were on the disk for certain by then

    bool operator==(const extent_header&) const = default;
};

std::array<std::byte, extent_header_bytes> encode_extent_header(const extent_header& header);
std::optional<extent_header> read_extent_header(std::span<const std::byte> bytes);

/// Appends to `out` what a ring holds of [from, to), which are ends of records, as extents. Returns
/// the commit number of the last transaction; 0 without one.
std::uint64_t encode_extents(std::span<const std::byte> region, std::uint64_t capacity,
                             position from, position to, position tail, std::uint64_t synced,
                             std::vector<std::byte>& out, std::uint64_t largest = largest_extent);

/// One extent as it was found; of a torn one, the records that are whole.
struct extent {
    position at = 0;
    position tail = 0;
    std::uint64_t offset = 0; ///< of its records in the file
    std::span<const std::byte> records;

    position end() const noexcept { return at + records.size(); }
};

/// What a segment holds, as far as it can be trusted. Refers to the file's bytes.
struct segment_contents {
    segment_header header;
    std::vector<extent> extents;
    std::uint64_t end = 0;    ///< bytes of the file up to which all is well
    std::uint64_t torn = 0;   ///< bytes after it that were begun, and not completed
    std::uint64_t commit = 0; ///< of the last transaction, or before the first one
    position head = 0;        ///< the end of what the extents hold
    position tail = 0;
    /// Something before `end_of_damage` was on the disk, and is not what was written any more.
    bool damaged = false;
    std::uint64_t end_of_damage = 0;

    /// The byte of the file that stands for a position of the ring; nothing outside of it.
    std::optional<std::uint64_t> offset_of(position at) const;
};

/// Reads a segment whose header is good. `complete`: how many of its bytes the next segment vouches
/// for; it counts up to there, and not further. Without one, a torn end is what a crash leaves.
/// Never reads outside of `file`, whatever it holds.
segment_contents read_segment(std::span<const std::byte> file, const segment_header& header,
                              std::optional<std::uint64_t> complete = std::nullopt);

/// Where the ring goes on after `at`, when the next record lies at `next`: the same, or the start
/// of a lap, after a pad.
bool goes_on(position at, position next, std::uint64_t capacity) noexcept;

} // namespace zproc::journal
