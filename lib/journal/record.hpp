#pragma once

#include "journal/layout.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

namespace zproc::journal {

/// Who made a change: one handle of one session.
struct origin {
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    auto operator<=>(const origin&) const = default;
};

/// Where the bytes of a value lie in the ring.
struct value_place {
    position at = nowhere;
    std::uint32_t size = 0;
    bool operator==(const value_place&) const = default;
};

/// One change of a transaction to be appended. The keys of one transaction are distinct.
struct change_draft {
    std::string_view key;
    /// The value so far, absent if the key was; it may lie in the ring.
    std::optional<std::span<const std::byte>> before;
    /// Where the value so far lies in the ring; needed only when it is over 1 KiB.
    position before_at = nowhere;
    /// The value from now on; absent erases the key.
    std::optional<std::span<const std::byte>> after;
    /// The value is equal to the one before.
    bool identical = false;
};

/// A transaction to be appended. `request` 0 means: no reply is kept.
struct transaction {
    std::string_view name_space;
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    origin by;
    std::uint64_t request = 0;
    std::span<const std::byte> reply;
    std::span<const change_draft> changes;
};

/// One change as it stands in a record.
struct change_view {
    std::string_view key;
    before_kind before = before_kind::absent;
    std::span<const std::byte> before_bytes; ///< when inlined
    value_place before_at;                   ///< when elsewhere; only its size when gone
    std::optional<std::span<const std::byte>> after;
    value_place after_at; ///< where `after` lies in the ring
    bool identical = false;
    std::size_t offset = 0; ///< of this change in its record
    std::size_t extent = 0; ///< its bytes there
};

/// The changes of a record that was checked.
class change_range {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = change_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const change_view*;
        using reference = const change_view&;

        iterator() = default;
        reference operator*() const noexcept { return change_; }
        pointer operator->() const noexcept { return &change_; }
        iterator& operator++();
        void operator++(int) { ++*this; }
        bool operator==(const iterator& other) const noexcept { return left_ == other.left_; }

    private:
        friend class change_range;
        explicit iterator(const change_range& all);
        change_view load();

        const std::byte* record_ = nullptr;
        position at_ = 0;
        std::size_t next_ = 0;
        std::uint32_t left_ = 0;
        change_view change_;
    };

    change_range() = default;
    change_range(const std::byte* record, position at, std::size_t first, std::uint32_t count)
        : record_(record), at_(at), first_(first), count_(count)
    {
    }
    iterator begin() const;
    iterator end() const { return {}; }
    std::uint32_t size() const noexcept { return count_; }

private:
    const std::byte* record_ = nullptr;
    position at_ = 0;
    std::size_t first_ = 0;
    std::uint32_t count_ = 0;
};

/// A record that was checked: its lengths can be trusted. It refers to the bytes it was decoded
/// from, and lives as long as they do.
///
/// Recovery treats both kinds alike: every change with an `after` is the newest value of its key
/// so far (a transaction's change without one erases the key), `counter` says that `revision` is
/// the namespace's newest, `kept_reply` that `reply` answers (by.session, request).
struct record_view {
    position at = 0;
    std::uint32_t size = 0;
    record_kind kind = record_kind::transaction;
    bool counter = false;
    bool kept_reply = false;
    std::uint64_t commit = 0;
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    origin by;
    std::uint64_t request = 0;
    std::string_view name_space;
    std::span<const std::byte> reply;
    value_place reply_at; ///< where `reply` lies in the ring
    change_range changes;

    position end() const noexcept { return at + size; }
    bool is_event() const noexcept { return kind == record_kind::transaction; }
};

enum class checksum : bool { skipped, verified };

/// Decodes the record of position `at` from `bytes`, which begin with it and may go on after it.
/// Nothing is read outside `bytes`, whatever they are; false if they are no such record, or a pad.
bool decode(std::span<const std::byte> bytes, position at, checksum check, record_view& out);

/// The same for bytes that are known to hold a record, without another look at its changes.
record_view view_of(const std::byte* record);

} // namespace zproc::journal
