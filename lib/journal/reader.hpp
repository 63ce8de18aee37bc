#pragma once

#include "journal/bytes.hpp"
#include "journal/header.hpp"
#include "journal/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace zproc::journal {

enum class read_result {
    got,     ///< `record()` is the next record
    none,    ///< nothing published after `where()` yet
    lapped,  ///< the writer has overtaken this reader: `where()` is the tail now
    damaged, ///< bytes that no writer writes: the ring is not to be trusted
};

/// Reads a ring while its writer, in this process or another, goes on writing. Lock-free; costs
/// the writer nothing; never reads outside the region, whatever it holds.
///
/// One reader is for one thread at a time; any number of readers share a region.
class reader {
public:
    /// Nothing if the region holds no ring that this library reads. The region (8-byte aligned,
    /// may be mapped read-only) outlives the reader. Begins at the tail.
    static std::optional<reader> open(std::span<const std::byte> region);

    const ring_header& header() const noexcept { return header_; }

    /// One acquire load: everything before it is committed.
    position head() const noexcept { return load_word(region_.data() + at_header::head); }
    position tail() const noexcept { return load_word(region_.data() + at_header::tail); }

    position where() const noexcept { return where_; }
    void seek(position at) noexcept
    {
        where_ = at;
        index_ = at % header_.capacity;
    }

    /// Copies the next record, event or carry, and steps over it. After `lapped` the next call
    /// goes on at the tail.
    read_result next();
    /// The next record, or the next event, of this namespace; whatever else is passed is not
    /// copied.
    read_result next(std::string_view name_space);
    read_result next_event(std::string_view name_space);
    /// What `next` got; until the next call of it.
    const record_view& record() const noexcept { return record_; }

    struct mark {
        position at = 0;
        std::uint64_t commit = 0;
        std::uint64_t revision = 0;
    };
    /// The oldest event still retained, of any namespace; nothing if there is none.
    std::optional<mark> oldest() const;

    struct found {
        /// Of the first event of the namespace after the revision asked for; where there is none
        /// yet, the end of what was searched.
        position at = 0;
        std::uint64_t revision = 0; ///< of that event; 0 if there is none yet
        std::uint64_t latest = 0;   ///< of the namespace at the end of what was searched
        /// Some revisions after the one asked for are no longer retained.
        bool missed(std::uint64_t asked) const noexcept
        {
            return revision != 0 ? revision > asked + 1 : latest > asked;
        }
    };
    /// Searches from the tail; starts again when it is lapped. Does not move this reader.
    /// Complexity: one visit of each retained record's first bytes.
    std::optional<found> find(std::string_view name_space, std::uint64_t revision) const;

    /// Copies a value (of `change_view::before_at`, `after_at`); false when it is not retained.
    bool fetch(value_place place, std::vector<std::byte>& out) const;

private:
    reader(std::span<const std::byte> region, const ring_header& header);

    struct glance {
        std::uint32_t size = 0;
        bool pad = false;
    };
    read_result look(position at, std::uint64_t index, position head, glance& out) const;
    read_result advance(const std::string_view* name_space, bool events_only);
    read_result go_to_tail();
    void fetch_ahead(std::uint64_t size) const noexcept;
    void step(std::uint32_t size) noexcept;
    bool belongs(std::uint64_t index, std::uint32_t size, std::string_view name_space) const;
    std::uint64_t word(std::uint64_t index) const noexcept
    {
        return load_word(region_.data() + data_offset + index);
    }

    std::span<const std::byte> region_;
    ring_header header_;
    position where_ = 0;
    std::uint64_t index_ = 0; ///< of `where_` in the ring
    position head_ = 0;       ///< when it was last looked at: not before what is known is read
    std::vector<std::uint64_t> buffer_;
    record_view record_;
};

} // namespace zproc::journal
