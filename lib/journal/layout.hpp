#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Every constant of the ring's layout; the page that explains them is doc/journal.md.
/// All numbers are little-endian.
namespace zproc::journal {

/// An absolute count of bytes within one ring (one epoch), a multiple of 8; it never wraps.
/// The byte of position p lies in the region at `data_offset + p % capacity`.
using position = std::uint64_t;
inline constexpr position nowhere = ~position{0};

inline constexpr std::array<char, 8> ring_magic{'Z', 'P', 'R', 'O', 'C', 'J', '\r', '\n'};
inline constexpr std::uint32_t layout_version = 1;
inline constexpr std::size_t data_offset = 4096;

// The header page. Head and tail have cache lines of their own (and their neighbour's, which is
// prefetched with it): every reader polls the head, and few look at the tail.
namespace at_header {
inline constexpr std::size_t magic = 0;
inline constexpr std::size_t version = 8;
inline constexpr std::size_t data = 12;
inline constexpr std::size_t instance = 16;
inline constexpr std::size_t epoch = 32;
inline constexpr std::size_t capacity = 40;
inline constexpr std::size_t commit = 48; // commits made before this ring
inline constexpr std::size_t previous_epoch = 56;
inline constexpr std::size_t moved_tail = 64;
inline constexpr std::size_t moved_wrap = 72;
inline constexpr std::size_t moved_pad = 80;
inline constexpr std::size_t moved_head = 88;
inline constexpr std::size_t crc = 96;
inline constexpr std::size_t head = 128;
inline constexpr std::size_t tail = 256;
} // namespace at_header

// A record.
namespace at_record {
inline constexpr std::size_t size = 0; // with `padding_mark`: a pad, up to the end of the ring
inline constexpr std::size_t crc = 4;  // CRC32C of [0, 4) and [8, size)
inline constexpr std::size_t position = 8;
inline constexpr std::size_t commit = 16;
inline constexpr std::size_t revision = 24;
inline constexpr std::size_t time = 32;
inline constexpr std::size_t session = 40;
inline constexpr std::size_t handle = 48;
inline constexpr std::size_t kind = 52;
inline constexpr std::size_t flags = 53;
inline constexpr std::size_t name_space_size = 54;
inline constexpr std::size_t request = 56;
inline constexpr std::size_t change_count = 64;
inline constexpr std::size_t reply_size = 68;
inline constexpr std::size_t body = 72; // namespace, reply, changes
} // namespace at_record

// A change, at any alignment.
namespace at_change {
inline constexpr std::size_t flags = 0; // three zero bytes follow
inline constexpr std::size_t key_size = 4;
inline constexpr std::size_t before_size = 8;
inline constexpr std::size_t after_size = 12;
inline constexpr std::size_t body = 16; // [position of before when elsewhere], key, [before], after
} // namespace at_change

inline constexpr std::uint32_t padding_mark = 0x8000'0000u;
inline constexpr std::size_t smallest_pad = 8;

enum class record_kind : std::uint8_t {
    transaction = 1, // an event: what one transaction changed
    carry = 2,       // what was still live of an older record; never an event
};

// Record flags: which live items, apart from the values of its changes, a record holds.
inline constexpr std::uint8_t holds_counter = 1; // the namespace's revision
inline constexpr std::uint8_t holds_reply = 2;   // the reply to (session, request)

enum class before_kind : std::uint8_t {
    absent = 0,
    inlined = 1,
    elsewhere = 2, // at a position of this ring, if that is still retained
    gone = 3,      // there was a value; only its size is known
};
inline constexpr std::uint8_t before_mask = 3;
inline constexpr std::uint8_t after_present = 4;
inline constexpr std::uint8_t identical_value = 8;
inline constexpr std::uint8_t appended_value = 16; // reserved: the after part is what was added

inline constexpr std::size_t largest_inline_before = 1024;
inline constexpr std::size_t largest_name_space = 255;
inline constexpr std::uint64_t smallest_capacity = 4096;
inline constexpr std::uint64_t default_capacity = 4u << 20;

// Room and pace: doc/journal.md derives them.
inline constexpr std::uint64_t record_share = 8;  // a record takes at most 1/8 of the capacity
inline constexpr std::uint64_t lead_share = 6;    // carrying begins below 1/6 of free space
inline constexpr std::uint64_t look_ratio = 4;    // and looks at 4 bytes for each one appended
inline constexpr std::uint64_t reserve_share = 2; // 1/2 of the capacity is never live
inline constexpr std::uint64_t slack_share = 64;  // the tail advances by at least 1/64 of it

} // namespace zproc::journal
