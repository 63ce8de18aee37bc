#include "journal/header.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"

#include <algorithm>

namespace zproc::journal {

std::array<std::byte, at_header::head> encode_header(const ring_header& header)
{
    std::array<std::byte, at_header::head> bytes{};
    std::byte* page = bytes.data();
    std::memcpy(page + at_header::magic, ring_magic.data(), ring_magic.size());
    save(page + at_header::version, layout_version);
    save(page + at_header::data, static_cast<std::uint32_t>(data_offset));
    std::copy(header.instance.begin(), header.instance.end(), page + at_header::instance);
    save(page + at_header::epoch, header.epoch);
    save(page + at_header::capacity, header.capacity);
    save(page + at_header::commit, header.commit);
    save(page + at_header::previous_epoch, header.moved.previous_epoch);
    save(page + at_header::moved_tail, header.moved.tail);
    save(page + at_header::moved_wrap, header.moved.wrap);
    save(page + at_header::moved_pad, header.moved.pad);
    save(page + at_header::moved_head, header.moved.head);
    save(page + at_header::crc, crc32c(std::span(bytes).first(at_header::crc)));
    return bytes;
}

std::optional<ring_header> decode_header(std::span<const std::byte> bytes)
{
    if (bytes.size() < at_header::head)
        return std::nullopt;
    const std::byte* page = bytes.data();
    if (std::memcmp(page + at_header::magic, ring_magic.data(), ring_magic.size()) != 0 ||
        load<std::uint32_t>(page + at_header::version) != layout_version ||
        load<std::uint32_t>(page + at_header::data) != data_offset ||
        load<std::uint32_t>(page + at_header::crc) != crc32c(bytes.first(at_header::crc)))
        return std::nullopt;
    ring_header header;
    std::copy_n(page + at_header::instance, header.instance.size(), header.instance.begin());
    header.epoch = load<std::uint64_t>(page + at_header::epoch);
    header.capacity = load<std::uint64_t>(page + at_header::capacity);
    header.commit = load<std::uint64_t>(page + at_header::commit);
    header.moved.previous_epoch = load<std::uint64_t>(page + at_header::previous_epoch);
    header.moved.tail = load<std::uint64_t>(page + at_header::moved_tail);
    header.moved.wrap = load<std::uint64_t>(page + at_header::moved_wrap);
    header.moved.pad = load<std::uint64_t>(page + at_header::moved_pad);
    header.moved.head = load<std::uint64_t>(page + at_header::moved_head);
    if (header.capacity % 8 != 0 || header.capacity < smallest_capacity)
        return std::nullopt;
    return header;
}

std::optional<ring_header> read_header(std::span<const std::byte> region)
{
    if (region.size() < region_size(smallest_capacity))
        return std::nullopt;
    auto header = decode_header(region);
    if (header && header->capacity > region.size() - data_offset)
        header.reset();
    return header;
}

} // namespace zproc::journal
