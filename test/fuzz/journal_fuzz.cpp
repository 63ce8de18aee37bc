#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "journal/encode.hpp"
#include "journal/reader.hpp"
#include "journal/recovery.hpp"
#include "oracle.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace zproc;

namespace {

using fuzz::require;
using fuzz::touch;

std::size_t touch(const journal::record_view& record)
{
    std::size_t sum = touch(std::as_bytes(std::span(record.name_space))) + touch(record.reply);
    std::uint32_t count = 0;
    for (const journal::change_view& change : record.changes) {
        sum += touch(std::as_bytes(std::span(change.key))) + touch(change.before_bytes);
        if (change.after) {
            require(change.after_at.at >= record.at &&
                    change.after_at.size == change.after->size() &&
                    change.after_at.at + change.after_at.size <= record.end());
            sum += touch(*change.after);
        }
        ++count;
    }
    require(count == record.changes.size());
    return sum;
}

// Checksums that hold, wherever lengths lead: or nothing behind them would ever be reached.
void repair(std::span<std::byte> data, std::uint64_t tail, std::uint64_t head)
{
    const std::uint64_t capacity = data.size();
    for (std::uint64_t at = tail; at < head && head - at <= capacity;) {
        const std::uint64_t index = at % capacity;
        const auto word = journal::load<std::uint32_t>(data.data() + index);
        std::uint64_t size = word & ~journal::padding_mark;
        if ((word & journal::padding_mark) != 0) {
            size = capacity - index;
            journal::save(data.data() + index, journal::encode_pad(at, size));
        } else {
            if (size < journal::at_record::body || size % 8 != 0 || size > capacity - index)
                size = (size % 512 + journal::at_record::body) / 8 * 8;
            if (size > capacity - index)
                return;
            journal::save(data.data() + index, static_cast<std::uint32_t>(size));
            journal::save(data.data() + index + journal::at_record::position, at);
            const auto record = std::span<const std::byte>(data).subspan(index, size);
            journal::save(data.data() + index + journal::at_record::crc,
                          journal::crc32c(record.subspan(8), journal::crc32c(record.first(4))));
        }
        at += size;
    }
}

void read(std::span<const std::byte> region, std::uint64_t seek)
{
    std::size_t sum = 0;
    journal::scan(region, [&sum](const journal::record_view& record) { sum += touch(record); });
    auto reader = journal::reader::open(region);
    if (!reader)
        return;
    std::vector<std::byte> out;
    for (int start = 0; start != 2; ++start) {
        for (int laps = 0; laps != 3;) {
            const auto result = reader->next();
            if (result == journal::read_result::lapped) {
                ++laps;
                continue;
            }
            if (result != journal::read_result::got)
                break;
            sum += touch(reader->record());
            for (const journal::change_view& change : reader->record().changes) {
                if (reader->fetch(change.before_at, out))
                    require(out.size() == change.before_at.size);
                if (reader->fetch(change.after_at, out))
                    require(std::ranges::equal(out, *change.after));
            }
        }
        reader->seek(seek);
        while (reader->next_event("n") == journal::read_result::got)
            sum += touch(reader->record());
        reader->seek(seek);
    }
    if (const auto found = reader->find("n", seek % 8))
        sum += found->revision;
    if (const auto oldest = reader->oldest())
        sum += oldest->commit;
    reader->fetch({seek, static_cast<std::uint32_t>(seek >> 32)}, out);

    std::vector<std::uint64_t> words(region.size() / 8);
    journal::writer fresh(std::as_writable_bytes(std::span(words)), {});
    if (journal::replicate(region, fresh))
        require(journal::scan(fresh.region(), [](const auto&) {}).complete);
    volatile std::size_t keep = sum;
    static_cast<void>(keep);
}

} // namespace

// Byte 0: what to do; 8 bytes each: tail, head, where to seek; the rest is the ring's data.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size)
{
    constexpr std::size_t options = 25;
    const auto* bytes = reinterpret_cast<const std::byte*>(input);
    if (size < options)
        return 0;
    const unsigned what = input[0];
    const auto tail = journal::load<std::uint64_t>(bytes + 1);
    const auto head = journal::load<std::uint64_t>(bytes + 9);
    const auto seek = journal::load<std::uint64_t>(bytes + 17);
    const std::span<const std::byte> rest(bytes + options, size - options);

    const std::uint64_t capacity = journal::smallest_capacity + what % 4 * 8;
    std::vector<std::uint64_t> words(journal::region_size(capacity) / 8);
    const auto region = std::as_writable_bytes(std::span(words));
    if ((what & 64) != 0) { // all of it garbage, the header's checksum perhaps not
        std::copy_n(rest.begin(), std::min(rest.size(), region.size()), region.begin());
        if ((what & 128) != 0)
            journal::save(region.data() + journal::at_header::crc,
                          journal::crc32c(region.first(journal::at_header::crc)));
        read(region, seek);
        return 0;
    }
    journal::ring_header header;
    header.capacity = capacity;
    const auto page = journal::encode_header(header);
    std::copy(page.begin(), page.end(), region.begin());
    const auto data = region.subspan(journal::data_offset);
    std::copy_n(rest.begin(), std::min(rest.size(), data.size()), data.begin());
    const std::uint64_t from = (what & 32) != 0 ? tail : tail % (2 * capacity) / 8 * 8;
    const std::uint64_t to = (what & 32) != 0 ? head : from + head % (capacity + 8) / 8 * 8;
    journal::save(region.data() + journal::at_header::tail, from);
    journal::save(region.data() + journal::at_header::head, to);
    if ((what & 128) == 0)
        repair(data, from, to);
    read(region, (what & 16) != 0 ? seek : from + seek % (capacity + 64));
    return 0;
}
