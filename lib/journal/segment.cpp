#include "journal/segment.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "journal/record.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::journal {

namespace {

/// The bytes after `end` that something was written to.
std::uint64_t begun_after(std::span<const std::byte> file, std::uint64_t end)
{
    std::uint64_t size = file.size();
    while (size > end && file[static_cast<std::size_t>(size - 1)] == std::byte{0})
        --size;
    return size - std::min(size, end);
}

/// The records of an extent that are whole, and the last commit among them.
std::uint64_t whole_records(std::span<const std::byte> bytes, position at, std::uint64_t& commit)
{
    std::uint64_t size = 0;
    record_view record;
    while (size != bytes.size() && decode(bytes.subspan(static_cast<std::size_t>(size)), at + size,
                                          checksum::verified, record)) {
        size += record.size;
        if (record.is_event())
            commit = std::max(commit, record.commit);
    }
    return size;
}

/// Whether an extent that lies at `offset` can follow what was found: positions go on with the bytes
/// of the file, but for a pad in each lap; and none tells of more than a lap.
bool may_follow(const segment_contents& found, const extent_header& next, std::uint64_t offset)
{
    const auto capacity = found.header.ring.capacity;
    const auto written = offset - found.end;
    const auto pads = (written / capacity + 2) * (capacity / record_share);
    return next.synced <= offset && next.at >= found.head &&
           next.at - found.head <= written + pads && next.tail >= found.tail &&
           next.tail <= next.at && next.at % capacity + next.size <= capacity &&
           next.at + next.size - next.tail <= capacity;
}

/// Up to where the file was on the disk for certain, by what extents after what was found say; 0 for
/// nothing.
std::uint64_t synced_after(std::span<const std::byte> file, const segment_contents& found)
{
    std::uint64_t synced = 0;
    const auto end = found.end;
    for (std::uint64_t at = (end + 7) / 8 * 8; at + extent_header_bytes <= file.size(); at += 8) {
        const auto bytes = file.subspan(static_cast<std::size_t>(at), extent_header_bytes);
        if (load<std::uint32_t>(bytes.data()) != extent_mark)
            continue;
        // A value can hold what looks like an extent; it does not say that it lies here.
        if (const auto header = read_extent_header(bytes); header && may_follow(found, *header, at))
            synced = std::max(synced, header->synced);
    }
    return synced;
}

} // namespace

std::array<std::byte, segment_header_bytes> encode_segment_header(const segment_header& header)
{
    std::array<std::byte, segment_header_bytes> bytes{};
    std::byte* page = bytes.data();
    std::memcpy(page + at_segment::magic, segment_magic.data(), segment_magic.size());
    save(page + at_segment::version, segment_version);
    save(page + at_segment::size, static_cast<std::uint32_t>(segment_header_bytes));
    std::ranges::copy(encode_header(header.ring), page + at_segment::ring);
    save(page + at_segment::number, header.number);
    save(page + at_segment::follows, header.follows);
    save(page + at_segment::follows_end, header.follows_end);
    save(page + at_segment::from, header.from);
    save(page + at_segment::tail, header.tail);
    save(page + at_segment::commit, header.commit);
    save(page + at_segment::kind, header.kind);
    const unsigned flags = (header.synced_commits ? segment_synced_commits : 0u) |
                           (header.clean_end ? segment_clean_end : 0u);
    save(page + at_segment::flags, static_cast<std::uint8_t>(flags));
    std::ranges::copy(header.boot, page + at_segment::boot);
    save(page + at_segment::synced, header.synced);
    save(page + at_segment::crc, crc32c(std::span(bytes).first(at_segment::crc)));
    return bytes;
}

segment_check read_segment_header(std::span<const std::byte> file, segment_header& out)
{
    if (file.size() < segment_header_bytes)
        return segment_check::damaged;
    const std::byte* page = file.data();
    if (std::memcmp(page + at_segment::magic, segment_magic.data(), segment_magic.size()) != 0)
        return segment_check::foreign;
    if (load<std::uint32_t>(page + at_segment::version) != segment_version)
        return segment_check::other_version;
    if (load<std::uint32_t>(page + at_segment::crc) != crc32c(file.first(at_segment::crc)))
        return segment_check::damaged;

    // Reading a ring's header takes a region of the size it speaks of.
    const auto ring = decode_header(file.subspan(at_segment::ring, at_header::head));
    if (!ring)
        return segment_check::damaged;
    const auto kind = load<std::uint8_t>(page + at_segment::kind);
    const auto flags = load<std::uint8_t>(page + at_segment::flags);
    if (kind < static_cast<std::uint8_t>(segment_kind::whole) ||
        kind > static_cast<std::uint8_t>(segment_kind::continued))
        return segment_check::damaged;
    out.ring = *ring;
    out.number = load<std::uint64_t>(page + at_segment::number);
    out.follows = load<std::uint64_t>(page + at_segment::follows);
    out.follows_end = load<std::uint64_t>(page + at_segment::follows_end);
    out.from = load<std::uint64_t>(page + at_segment::from);
    out.tail = load<std::uint64_t>(page + at_segment::tail);
    out.commit = load<std::uint64_t>(page + at_segment::commit);
    out.kind = static_cast<segment_kind>(kind);
    out.synced_commits = (flags & segment_synced_commits) != 0;
    out.clean_end = (flags & segment_clean_end) != 0;
    std::copy_n(page + at_segment::boot, out.boot.size(), out.boot.begin());
    out.synced = load<std::uint64_t>(page + at_segment::synced);
    const bool sound = out.from % 8 == 0 && out.tail <= out.from &&
                       out.from - out.tail <= out.ring.capacity && out.follows < out.number;
    return sound ? segment_check::good : segment_check::damaged;
}

std::array<std::byte, extent_header_bytes> encode_extent_header(const extent_header& header)
{
    std::array<std::byte, extent_header_bytes> bytes{};
    save(bytes.data() + at_extent::mark, extent_mark);
    save(bytes.data() + at_extent::size, header.size);
    save(bytes.data() + at_extent::position, header.at);
    save(bytes.data() + at_extent::tail, header.tail);
    save(bytes.data() + at_extent::synced, header.synced);
    save(bytes.data() + at_extent::crc, crc32c(std::span(bytes).first(at_extent::crc)));
    return bytes;
}

std::optional<extent_header> read_extent_header(std::span<const std::byte> bytes)
{
    if (bytes.size() < extent_header_bytes ||
        load<std::uint32_t>(bytes.data() + at_extent::mark) != extent_mark ||
        load<std::uint32_t>(bytes.data() + at_extent::crc) != crc32c(bytes.first(at_extent::crc)))
        return std::nullopt;
    extent_header header;
    header.size = load<std::uint32_t>(bytes.data() + at_extent::size);
    header.at = load<std::uint64_t>(bytes.data() + at_extent::position);
    header.tail = load<std::uint64_t>(bytes.data() + at_extent::tail);
    header.synced = load<std::uint64_t>(bytes.data() + at_extent::synced);
    if (header.size == 0 || header.size % 8 != 0 || header.at % 8 != 0 || header.tail % 8 != 0)
        return std::nullopt;
    return header;
}

std::uint64_t encode_extents(std::span<const std::byte> region, std::uint64_t capacity,
                             position from, position to, position tail, std::uint64_t synced,
                             std::vector<std::byte>& out, std::uint64_t largest)
{
    const std::byte* const data = region.data() + data_offset;
    const auto put = [&](position at, position end) {
        if (at == end)
            return;
        const auto header =
            encode_extent_header({static_cast<std::uint32_t>(end - at), at, tail, synced});
        out.insert(out.end(), header.begin(), header.end());
        out.insert(out.end(), data + at % capacity, data + at % capacity + (end - at));
    };
    std::uint64_t commit = 0;
    position begin = from;
    for (position at = from; at != to;) {
        const auto size = load<std::uint32_t>(data + at % capacity);
        if ((size & padding_mark) != 0) {
            put(begin, at);
            begin = at + (size & ~padding_mark);
            at = begin;
            continue;
        }
        const auto record = view_of(data + at % capacity);
        if (record.is_event())
            commit = record.commit;
        if (at - begin + size > largest) {
            put(begin, at);
            begin = at;
        }
        at += size;
        if (at % capacity == 0) {
            put(begin, at);
            begin = at;
        }
    }
    put(begin, to);
    return commit;
}

bool goes_on(position at, position next, std::uint64_t capacity) noexcept
{
    return next == at ||
           (next > at && next - at < capacity && next % capacity == 0 && at % capacity != 0);
}

std::optional<std::uint64_t> segment_contents::offset_of(position at) const
{
    if (extents.empty())
        return at == header.from ? std::optional(std::uint64_t{segment_header_bytes})
                                 : std::nullopt;
    if (at == header.from)
        return segment_header_bytes;
    for (const extent& each : extents)
        if (at > each.at && at <= each.end())
            return each.offset + (at - each.at);
    return std::nullopt;
}

segment_contents read_segment(std::span<const std::byte> file, const segment_header& header,
                              std::optional<std::uint64_t> complete)
{
    segment_contents found;
    found.header = header;
    found.commit = header.commit;
    found.head = header.from;
    found.tail = header.tail;
    found.end = segment_header_bytes;
    const std::uint64_t limit =
        std::min<std::uint64_t>(complete.value_or(file.size()), file.size());

    std::uint64_t at = segment_header_bytes;
    while (at < limit && limit - at >= extent_header_bytes) {
        const auto rest =
            file.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(limit - at));
        const auto next = read_extent_header(rest);
        if (!next || !goes_on(found.head, next->at, header.ring.capacity) ||
            next->tail < found.tail || next->tail > next->at || next->synced > at ||
            next->at % header.ring.capacity + next->size > header.ring.capacity ||
            next->at + next->size - next->tail > header.ring.capacity)
            break;
        const auto present =
            rest.subspan(extent_header_bytes,
                         std::min<std::size_t>(next->size, rest.size() - extent_header_bytes));
        const std::uint64_t whole = whole_records(present, next->at, found.commit);
        if (whole == 0)
            break;
        const std::uint64_t offset = at + extent_header_bytes;
        found.extents.push_back(
            {next->at, next->tail, offset, present.first(static_cast<std::size_t>(whole))});
        found.head = next->at + whole;
        found.tail = next->tail;
        found.end = offset + whole;
        if (whole != next->size)
            break;
        at = found.end;
    }

    if (complete) {
        // What a later segment vouches for has to be there.
        found.damaged = found.end != *complete;
        found.end_of_damage = found.damaged ? *complete : 0;
        return found;
    }
    found.torn = begun_after(file, found.end);
    auto synced = header.synced;
    if (found.torn != 0)
        synced = std::max(synced, synced_after(file, found));
    found.damaged = synced > found.end;
    found.end_of_damage = found.damaged ? synced : 0;
    return found;
}

} // namespace zproc::journal
