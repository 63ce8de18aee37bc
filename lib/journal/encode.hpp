#pragma once

#include "journal/record.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zproc::journal {

/// The size of the record of a transaction, padding included.
std::uint64_t encoded_size(const transaction& what);

/// Encodes a transaction, of `encoded_size`, into `words`: all but position, commit number and
/// checksum. `values` receives where in the record each change's `after` begins.
void encode(const transaction& what, std::vector<std::uint64_t>& words,
            std::vector<value_place>& values);

/// What of a record is still live.
struct live_part {
    bool counter = false;
    bool reply = false;
    std::span<const change_view> changes;

    bool empty() const noexcept { return !counter && !reply && changes.empty(); }
};

/// Encodes what is live of `source` as a carry: never larger than `source`.
void encode_carry(const record_view& source, const live_part& live,
                  std::vector<std::uint64_t>& words);

/// Translates every pointer to a `before` elsewhere by `where(position) → optional<position>`.
template <class Where>
void translate(std::vector<std::uint64_t>& words, const Where& where);

/// Completes an encoded record for its place.
void seal(std::span<std::uint64_t> words, position at);
void set_commit(std::span<std::uint64_t> words, std::uint64_t commit);

/// The one word of a pad of `size` bytes at `at`.
std::uint64_t encode_pad(position at, std::uint64_t size);

namespace detail {
void store_before(std::vector<std::uint64_t>& words, std::size_t change, position at);
} // namespace detail

template <class Where>
void translate(std::vector<std::uint64_t>& words, const Where& where)
{
    const auto record = view_of(reinterpret_cast<const std::byte*>(words.data()));
    for (const change_view& change : record.changes)
        if (change.before == before_kind::elsewhere)
            detail::store_before(words, change.offset,
                                 where(change.before_at.at).value_or(nowhere));
}

} // namespace zproc::journal
