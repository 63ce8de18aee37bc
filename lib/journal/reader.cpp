#include "journal/reader.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "journal/encode.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::journal {

namespace {

// A search that is lapped so often cannot keep up: the caller asks the server instead.
constexpr int most_restarts = 16;

/// Up to eight bytes in a word as the ring has them; no call, as memcpy of an unknown size is one.
std::uint64_t first_bytes(std::string_view text) noexcept
{
    const char* const at = text.data();
    const auto byte = [at](std::size_t i) {
        return std::uint64_t{static_cast<unsigned char>(at[i])};
    };
    const std::size_t size = text.size();
    if (size == 0)
        return 0;
    const auto* const bytes = reinterpret_cast<const std::byte*>(at);
    if (size == 8)
        return load<std::uint64_t>(bytes);
    if (size >= 4) // the halves overlap, and agree there
        return load<std::uint32_t>(bytes) | std::uint64_t{load<std::uint32_t>(bytes + size - 4)}
                                                << 8 * (size - 4);
    return byte(0) | byte(size / 2) << 8 * (size / 2) | byte(size - 1) << 8 * (size - 1);
}

bool is_transaction(std::uint64_t labels) noexcept
{
    return static_cast<std::uint8_t>(labels >> 32) ==
           static_cast<std::uint8_t>(record_kind::transaction);
}

} // namespace

reader::reader(std::span<const std::byte> region, const ring_header& header)
    : region_(region), header_(header)
{
    seek(tail());
}

std::optional<reader> reader::open(std::span<const std::byte> region)
{
    const auto header = read_header(region);
    if (!header)
        return std::nullopt;
    return reader(region, *header);
}

// What is at `at`, which is at `index` of the ring, with a length that can be trusted: within the
// ring and below the head.
read_result reader::look(position at, std::uint64_t index, position head, glance& out) const
{
    if (at >= head)
        return read_result::none;
    if (at < tail())
        return read_result::lapped;
    if (at % 8 != 0)
        return read_result::damaged;
    const std::uint64_t first = word(index);
    if (at < tail())
        return read_result::lapped;

    const auto size_word = static_cast<std::uint32_t>(first);
    out.size = size_word & ~padding_mark;
    out.pad = (size_word & padding_mark) != 0;
    const std::uint64_t to_end = header_.capacity - index;
    if (out.size > to_end || out.size > head - at || head - at > header_.capacity)
        return read_result::damaged;
    if (out.pad) // always up to the end, never all of the ring
        return out.size == to_end && index != 0 && first == encode_pad(at, out.size)
                   ? read_result::got
                   : read_result::damaged;
    return out.size >= at_record::body && out.size % 8 == 0 ? read_result::got
                                                            : read_result::damaged;
}

read_result reader::go_to_tail()
{
    seek(tail());
    return read_result::lapped;
}

// Over a record or pad: neither wraps.
void reader::step(std::uint32_t size) noexcept
{
    where_ += size;
    index_ += size;
    if (index_ == header_.capacity)
        index_ = 0;
}

// What follows is likely to be wanted next, and lies in the cache of the writer's processor.
void reader::fetch_ahead(std::uint64_t size) const noexcept
{
    constexpr std::uint64_t line = 64;
    constexpr std::uint64_t ahead = 512;
    const std::uint64_t from = index_ + ahead;
    const std::uint64_t end = std::min(from + std::min(size, ahead), header_.capacity);
    for (std::uint64_t at = from; at < end; at += line)
        __builtin_prefetch(region_.data() + data_offset + at);
}

// Only means something if the tail is still behind the record afterwards.
bool reader::belongs(std::uint64_t index, std::uint32_t size, std::string_view name_space) const
{
    const std::uint64_t labels = word(index + at_record::handle);
    if (labels >> 48 != name_space.size() || at_record::body + name_space.size() > size)
        return false;
    std::size_t i = 0;
    for (; i + 8 <= name_space.size(); i += 8)
        if (word(index + at_record::body + i) != first_bytes(name_space.substr(i, 8)))
            return false;
    const std::size_t left = name_space.size() - i;
    const std::uint64_t mask = (std::uint64_t{1} << 8 * left) - 1;
    return left == 0 ||
           (word(index + at_record::body + i) & mask) == first_bytes(name_space.substr(i));
}

read_result reader::next()
{
    return advance(nullptr, false);
}

read_result reader::next(std::string_view name_space)
{
    return advance(&name_space, false);
}

read_result reader::next_event(std::string_view name_space)
{
    return advance(&name_space, true);
}

read_result reader::advance(const std::string_view* name_space, bool events_only)
{
    for (;;) {
        // The head is on a line that the writer stores to: it is looked at when it is needed.
        if (where_ >= head_)
            head_ = head();
        glance seen;
        const read_result result = look(where_, index_, head_, seen);
        if (result == read_result::lapped)
            return go_to_tail();
        if (result != read_result::got)
            return result;
        const bool wanted = !seen.pad && (!name_space || belongs(index_, seen.size, *name_space)) &&
                            (!events_only || is_transaction(word(index_ + at_record::handle)));
        std::uint32_t crc = 0;
        if (wanted) {
            fetch_ahead(seen.size);
            const std::size_t words = seen.size / 8;
            if (buffer_.size() < words)
                buffer_.resize(words);
            crc = copy_with_crc32c(region_.data() + data_offset + index_,
                                   std::span(buffer_).first(words));
        }
        if (!seen.pad && where_ < tail())
            return go_to_tail();
        if (wanted) {
            const auto bytes = std::as_bytes(std::span(buffer_)).first(seen.size);
            if (crc != load<std::uint32_t>(bytes.data() + at_record::crc) ||
                !decode(bytes, where_, checksum::skipped, record_) || record_.size != seen.size)
                return read_result::damaged;
        }
        step(seen.size);
        if (wanted)
            return read_result::got;
    }
}

std::optional<reader::mark> reader::oldest() const
{
    position at = tail();
    for (int restarts = 0; restarts != most_restarts;) {
        glance seen;
        const std::uint64_t index = at % header_.capacity;
        const read_result result = look(at, index, head(), seen);
        if (result == read_result::none || result == read_result::damaged)
            return std::nullopt;
        mark candidate{at, 0, 0};
        bool event = false;
        if (result == read_result::got && !seen.pad) {
            candidate.commit = word(index + at_record::commit);
            candidate.revision = word(index + at_record::revision);
            event = is_transaction(word(index + at_record::handle));
        }
        if (const position now = tail(); at < now) {
            at = now;
            ++restarts;
        } else if (event) {
            return candidate;
        } else {
            at += seen.size;
        }
    }
    return std::nullopt;
}

std::optional<reader::found> reader::find(std::string_view name_space, std::uint64_t revision) const
{
    found result;
    position at = tail();
    for (int restarts = 0; restarts != most_restarts;) {
        glance seen;
        const std::uint64_t index = at % header_.capacity;
        const read_result looked = look(at, index, head(), seen);
        if (looked == read_result::damaged)
            return std::nullopt;
        if (looked == read_result::none) {
            result.at = at;
            return result;
        }
        std::uint64_t here = 0;
        bool event = false;
        bool counter = false;
        if (looked == read_result::got && !seen.pad && belongs(index, seen.size, name_space)) {
            const std::uint64_t labels = word(index + at_record::handle);
            here = word(index + at_record::revision);
            event = is_transaction(labels);
            counter = (labels >> 40 & holds_counter) != 0;
        }
        if (const position now = tail(); at < now) {
            result = {};
            at = now;
            ++restarts;
            continue;
        }
        if (counter)
            result.latest = here;
        if (event && here > revision) {
            result.at = at;
            result.revision = here;
            return result;
        }
        at += seen.size;
    }
    return std::nullopt;
}

bool reader::fetch(value_place place, std::vector<std::byte>& out) const
{
    const position end = head();
    if (place.at < tail() || place.at > end || place.size > end - place.at ||
        end - place.at > header_.capacity)
        return false;
    const std::uint64_t index = place.at % header_.capacity;
    if (place.size > header_.capacity - index)
        return false;
    out.resize(place.size);
    // Values begin at any byte, atomic words do not.
    const std::byte* data = region_.data() + data_offset;
    for (std::uint64_t done = 0; done != place.size;) {
        const std::uint64_t from = index + done;
        const std::uint64_t skip = from % 8;
        const std::uint64_t word = load_word(data + (from - skip));
        const std::uint64_t take = std::min<std::uint64_t>(8 - skip, place.size - done);
        std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&word) + skip, take);
        done += take;
    }
    return place.at >= tail();
}

} // namespace zproc::journal
