#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "journal/recovery.hpp"
#include "journal/replay.hpp"
#include "oracle.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

using namespace zproc;

namespace {

using fuzz::require;

constexpr std::uint64_t largest = 1u << 16;

// Checksums that hold, wherever lengths lead: or nothing behind them would ever be reached.
void repair(std::span<std::byte> file)
{
    if (file.size() < journal::segment_header_bytes)
        return;
    auto* const page = file.data();
    std::copy_n(reinterpret_cast<const std::byte*>(journal::segment_magic.data()),
                journal::segment_magic.size(), page);
    journal::save(page + journal::at_segment::version, journal::segment_version);
    journal::ring_header ring;
    ring.epoch =
        journal::load<std::uint64_t>(page + journal::at_segment::ring + journal::at_header::epoch);
    const auto capacity = journal::load<std::uint64_t>(page + journal::at_segment::ring +
                                                       journal::at_header::capacity);
    ring.capacity = 4096 + capacity % 4096 / 8 * 8 + (capacity >> 63 != 0 ? largest : 0);
    const auto words = page + journal::at_segment::ring;
    ring.moved.previous_epoch =
        journal::load<std::uint64_t>(words + journal::at_header::previous_epoch);
    ring.moved.tail = journal::load<std::uint64_t>(words + journal::at_header::moved_tail);
    ring.moved.wrap = journal::load<std::uint64_t>(words + journal::at_header::moved_wrap);
    ring.moved.pad = journal::load<std::uint64_t>(words + journal::at_header::moved_pad);
    ring.moved.head = journal::load<std::uint64_t>(words + journal::at_header::moved_head);
    std::ranges::copy(journal::encode_header(ring), words);
    journal::save(page + journal::at_segment::crc,
                  journal::crc32c(file.first(journal::at_segment::crc)));

    std::size_t at = journal::segment_header_bytes;
    while (file.size() - at >= journal::extent_header_bytes) {
        auto* const extent = page + at;
        journal::save(extent + journal::at_extent::mark, journal::extent_mark);
        journal::save(extent + journal::at_extent::crc,
                      journal::crc32c(file.subspan(at, journal::at_extent::crc)));
        const auto size = journal::load<std::uint32_t>(extent + journal::at_extent::size);
        auto position = journal::load<std::uint64_t>(extent + journal::at_extent::position);
        at += journal::extent_header_bytes;
        const auto end = at + std::min<std::size_t>(size, file.size() - at);
        while (end - at >= journal::at_record::body) {
            const auto record = journal::load<std::uint32_t>(page + at);
            if (record < journal::at_record::body || record % 8 != 0 || record > end - at)
                break;
            journal::save(page + at + journal::at_record::position, position);
            const auto bytes = std::span<const std::byte>(file).subspan(at, record);
            journal::save(page + at + journal::at_record::crc,
                          journal::crc32c(bytes.subspan(8), journal::crc32c(bytes.first(4))));
            at += record;
            position += record;
        }
        at = end;
    }
}

void check(std::span<const std::byte> file, const journal::segment_contents& found)
{
    require(found.end <= std::max<std::size_t>(file.size(), journal::segment_header_bytes));
    for (const auto& each : found.extents) {
        require(each.offset + each.records.size() <= found.end);
        require(each.at % found.header.ring.capacity + each.records.size() <=
                found.header.ring.capacity);
    }
}

} // namespace

// Byte 0: what to do; two bytes: where the first segment ends; the rest are two segments.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size)
{
    if (size < 3)
        return 0;
    const unsigned what = input[0];
    const auto* bytes = reinterpret_cast<const std::byte*>(input) + 3;
    const std::size_t rest = size - 3;
    const auto first = std::min<std::size_t>(input[1] + 256u * input[2], rest);
    std::vector<std::byte> files[2] = {{bytes, bytes + first}, {bytes + first, bytes + rest}};

    journal::replay again(largest);
    bool good = true;
    for (std::size_t i = 0; i != 2 && good; ++i) {
        if ((what & 1) != 0)
            repair(files[i]);
        journal::segment_header header;
        if (read_segment_header(files[i], header) != journal::segment_check::good)
            break;
        const auto complete =
            (what & 2) != 0 ? std::optional<std::uint64_t>(files[i].size()) : std::nullopt;
        const auto found = read_segment(files[i], header, complete);
        check(files[i], found);
        static_cast<void>(found.offset_of(found.head));
        good = again.add(found) == journal::replay::outcome::good;
    }
    if (!good)
        return 0; // nobody goes on from there
    const auto region = again.finish();
    if (!region.empty())
        require(journal::scan(region, [](const auto&) {}).end <= again.head());
    return 0;
}
