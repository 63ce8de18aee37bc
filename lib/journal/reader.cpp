#include "journal/reader.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::journal {

namespace {

// A search that is lapped so often cannot keep up: the caller asks the server instead.
constexpr int most_restarts = 16;

bool is_transaction(std::uint64_t labels) noexcept
{
    return static_cast<std::uint8_t>(labels >> 32) ==
           static_cast<std::uint8_t>(record_kind::transaction);
}

} // namespace

reader::reader(std::span<const std::byte> region, const ring_header& header)
    : region_(region), header_(header)
{
    where_ = tail();
}

std::optional<reader> reader::open(std::span<const std::byte> region)
{
    const auto header = read_header(region);
    if (!header)
        return std::nullopt;
    return reader(region, *header);
}

std::uint64_t reader::word(position at) const noexcept
{
    return load_word(region_.data() + data_offset + at % header_.capacity);
}

// What is at `at`, with a length that can be trusted: within the ring and below the head.
read_result reader::look(position at, position head, glance& out) const
{
    if (at >= head)
        return read_result::none;
    if (at < tail())
        return read_result::lapped;
    if (at % 8 != 0)
        return read_result::damaged;
    const std::uint64_t first = word(at);
    if (at < tail())
        return read_result::lapped;

    const auto size_word = static_cast<std::uint32_t>(first);
    out.size = size_word & ~padding_mark;
    out.pad = (size_word & padding_mark) != 0;
    const std::uint64_t index = at % header_.capacity;
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

read_result reader::next()
{
    for (;;) {
        glance seen;
        const read_result result = look(where_, head(), seen);
        if (result == read_result::lapped)
            where_ = tail();
        if (result != read_result::got)
            return result;
        if (seen.pad) {
            where_ += seen.size;
            continue;
        }
        buffer_.resize(std::max<std::size_t>(buffer_.size(), seen.size / 8));
        const std::byte* from = region_.data() + data_offset + where_ % header_.capacity;
        for (std::size_t i = 0; i != seen.size / 8; ++i)
            buffer_[i] = load_word(from + 8 * i);
        if (const position now = tail(); where_ < now) {
            where_ = now;
            return read_result::lapped;
        }
        const auto bytes = std::as_bytes(std::span(buffer_)).first(seen.size);
        if (!decode(bytes, where_, checksum::verified, record_) || record_.size != seen.size)
            return read_result::damaged;
        where_ += seen.size;
        return read_result::got;
    }
}

// Only means something if the tail is still behind `at` afterwards.
bool reader::belongs(position at, std::uint32_t size, std::string_view name_space) const
{
    const std::uint64_t labels = word(at + at_record::handle);
    if (labels >> 48 != name_space.size() || at_record::body + name_space.size() > size)
        return false;
    for (std::size_t i = 0; i < name_space.size(); i += 8) {
        const std::uint64_t there = word(at + at_record::body + i);
        if (std::memcmp(&there, name_space.data() + i,
                        std::min<std::size_t>(8, name_space.size() - i)) != 0)
            return false;
    }
    return true;
}

read_result reader::next(std::string_view name_space)
{
    return next_of(name_space, false);
}

read_result reader::next_event(std::string_view name_space)
{
    return next_of(name_space, true);
}

read_result reader::next_of(std::string_view name_space, bool events_only)
{
    for (;;) {
        glance seen;
        const read_result result = look(where_, head(), seen);
        if (result == read_result::lapped)
            where_ = tail();
        if (result != read_result::got)
            return result;
        if (!seen.pad) {
            if (belongs(where_, seen.size, name_space) &&
                (!events_only || is_transaction(word(where_ + at_record::handle))))
                return next();
            if (const position now = tail(); where_ < now) {
                where_ = now;
                return read_result::lapped;
            }
        }
        where_ += seen.size;
    }
}

std::optional<reader::mark> reader::oldest() const
{
    position at = tail();
    for (int restarts = 0; restarts != most_restarts;) {
        glance seen;
        const read_result result = look(at, head(), seen);
        if (result == read_result::none || result == read_result::damaged)
            return std::nullopt;
        mark candidate{at, 0, 0};
        bool event = false;
        if (result == read_result::got && !seen.pad) {
            candidate.commit = word(at + at_record::commit);
            candidate.revision = word(at + at_record::revision);
            event = is_transaction(word(at + at_record::handle));
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
        const read_result looked = look(at, head(), seen);
        if (looked == read_result::damaged)
            return std::nullopt;
        if (looked == read_result::none) {
            result.at = at;
            return result;
        }
        std::uint64_t here = 0;
        bool event = false;
        bool counter = false;
        if (looked == read_result::got && !seen.pad && belongs(at, seen.size, name_space)) {
            const std::uint64_t labels = word(at + at_record::handle);
            here = word(at + at_record::revision);
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
