#include "journal/replay.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"
#include "journal/recovery.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::journal {

bool replay::make_region(std::uint64_t capacity)
{
    if (capacity > largest_)
        return false;
    words_.assign((region_size(capacity) + 7) / 8, 0);
    return true;
}

/// What lies before it is not needed, or not here.
void replay::begin(const segment_header& header)
{
    header_ = header.ring;
    first_ = header.from;
    tail_ = header.tail;
    head_ = header.from;
    commit_ = header.commit;
}

/// The ring's own words, so that it can be read as one.
void replay::publish()
{
    const auto page = encode_header(header_);
    std::ranges::copy(page, region().begin());
    save(region().data() + at_header::head, head_);
    save(region().data() + at_header::tail, tail_);
}

/// As its writer did it: the copy has the same positions, or this is not what it was copied from.
replay::outcome replay::move_to(const segment_header& header)
{
    const auto& moved = header.ring.moved;
    if (moved.previous_epoch != header_.epoch || moved.head != head_ || moved.tail < tail_)
        return outcome::unexpected;
    tail_ = moved.tail;
    publish();
    const auto old = std::move(words_);
    if (!make_region(header.ring.capacity))
        return outcome::too_large;
    ring_header fresh = header.ring;
    fresh.moved = {};
    writer copy(region(), fresh);
    const auto done = replicate(std::as_bytes(std::span(old)), copy);
    if (!done || *done != moved || copy.head() != header.from)
        return outcome::unexpected;
    begin(header);
    first_ = 0;
    return outcome::good;
}

replay::outcome replay::add(const segment_contents& segment)
{
    const auto& header = segment.header;
    const bool goes_back =
        header.kind == segment_kind::moved && begun_ && header.ring.moved.tail >= first_;
    if (goes_back) {
        if (const auto done = move_to(header); done != outcome::good)
            return done;
    } else if (header.kind == segment_kind::continued && begun_) {
        if (header.ring.epoch != header_.epoch || header.ring.capacity != header_.capacity ||
            header.from != head_ || header.tail < tail_)
            return outcome::unexpected;
        tail_ = header.tail;
    } else {
        if (!make_region(header.ring.capacity))
            return outcome::too_large;
        begin(header);
    }
    begun_ = true;
    for (const extent& each : segment.extents)
        put(each);
    tail_ = segment.tail;
    head_ = segment.head;
    commit_ = std::max(commit_, segment.commit);
    return outcome::good;
}

void replay::put(const extent& what)
{
    const std::uint64_t capacity = header_.capacity;
    auto* const data = region().data() + data_offset;
    if (what.at != head_) {
        const std::uint64_t pad = what.at - head_;
        save(data + head_ % capacity, encode_pad(head_, pad));
    }
    std::memcpy(data + what.at % capacity, what.records.data(), what.records.size());
    for (std::size_t at = 0; at < what.records.size();) {
        const auto record = view_of(what.records.data() + at);
        records_ += static_cast<std::uint64_t>(record.is_event());
        at += record.size;
    }
    head_ = what.end();
}

std::span<std::byte> replay::finish()
{
    if (!begun_ || tail_ < first_ || head_ - tail_ > header_.capacity)
        return {};
    header_.commit = std::max(header_.commit, commit_);
    publish();
    return region();
}

} // namespace zproc::journal
