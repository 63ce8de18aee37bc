#include "journal/mirror.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"
#include "journal/record.hpp"
#include "journal/writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace zproc::journal {

namespace {

struct extent_of {
    std::uint64_t size = 0;
    bool pad = false;
};

extent_of look(const std::byte* record)
{
    const auto word = load<std::uint32_t>(record);
    return {word & ~padding_mark, (word & padding_mark) != 0};
}

extent_of look(const writer& ring, position at)
{
    return look(ring.bytes({at, sizeof(std::uint32_t)}).data());
}

} // namespace

std::optional<piece> next_piece(const writer& ring, position at, std::size_t most)
{
    if (at >= ring.head())
        return std::nullopt;
    piece next{at, at, {}};
    std::uint64_t size = 0;
    while (next.end != ring.head()) {
        const auto record = look(ring, next.end);
        const auto bytes = record.pad ? smallest_pad : record.size;
        if (size != 0 && size + bytes > most)
            break;
        size += bytes;
        next.end += record.size;
        if (next.end % ring.capacity() == 0) // as a pad's always is
            break;
    }
    next.bytes = ring.bytes({at, static_cast<std::uint32_t>(size)});
    return next;
}

bool is_boundary(const writer& ring, position at)
{
    if (at == ring.head())
        return true;
    if (at < ring.tail() || at > ring.head() || at % 8 != 0)
        return false;
    const std::uint64_t left = ring.capacity() - at % ring.capacity();
    const auto most = std::min({left, ring.head() - at, std::uint64_t{padding_mark}});
    const auto bytes = ring.bytes({at, static_cast<std::uint32_t>(most)});
    record_view record;
    return load<std::uint64_t>(bytes.data()) == encode_pad(at, left) ||
           decode(bytes, at, checksum::verified, record);
}

mirror::mirror(std::span<std::byte> region, const ring_header& header, position from)
    : memory_(region), header_(header), head_(from), tail_(from)
{
    const auto bytes = encode_header(header_);
    std::array<std::uint64_t, at_header::head / 8> words;
    std::memcpy(words.data(), bytes.data(), bytes.size());
    memory_.copy(0, words);
    memory_.store_head(head_);
    memory_.store_tail(tail_);
}

std::uint64_t mirror::extent(position at) const
{
    const auto index = static_cast<std::size_t>(at % header_.capacity);
    return look(memory_.region().data() + data_offset + index).size;
}

/// What it says of sizes is believed later, when the tail passes it.
bool mirror::follows(const piece& next) const
{
    const std::uint64_t left = header_.capacity - next.at % header_.capacity;
    if (next.at != head_ || next.end <= next.at || next.end - next.at > left ||
        next.bytes.size() % 8 != 0 || next.bytes.size() > next.end - next.at)
        return false;
    std::size_t seen = 0;
    position here = next.at;
    while (seen != next.bytes.size()) {
        const auto record = look(next.bytes.data() + seen);
        const auto there = record.pad ? smallest_pad : record.size;
        if (record.size % 8 != 0 || record.size < smallest_pad || there > next.bytes.size() - seen)
            return false;
        seen += static_cast<std::size_t>(there);
        here += record.size;
        if (record.pad)
            break;
    }
    return seen == next.bytes.size() && here == next.end;
}

bool mirror::append(const piece& next)
{
    if (!follows(next))
        return false;
    for (std::size_t done = 0; done != next.bytes.size();) {
        const auto record = look(next.bytes.data() + done);
        const auto size = static_cast<std::size_t>(record.pad ? smallest_pad : record.size);
        put(next.bytes.subspan(done, size), record.size);
        done += size;
    }
    return true;
}

/// One by one: a value that the tail passes is carried in front of this record, and whoever is told
/// of the tail must find that.
void mirror::put(std::span<const std::byte> record, std::uint64_t extent_there)
{
    const position end = head_ + extent_there;
    // Readers must learn that something is gone before it is overwritten.
    if (end - tail_ > header_.capacity) {
        while (end - tail_ > header_.capacity)
            tail_ += extent(tail_);
        memory_.store_tail(tail_);
    }
    words_.resize(record.size() / 8);
    std::memcpy(words_.data(), record.data(), record.size());
    memory_.copy(data_offset + static_cast<std::size_t>(head_ % header_.capacity), words_);
    head_ = end;
    memory_.store_head(head_);
}

} // namespace zproc::journal
