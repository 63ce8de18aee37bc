#include "journal/record.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"

namespace zproc::journal {

namespace {

std::string_view text(const std::byte* at, std::size_t size)
{
    return {reinterpret_cast<const char*>(at), size};
}

// The bytes of the change at `at`, all of it; 0 when it does not fit into `left`.
std::uint64_t checked_extent(const std::byte* at, std::uint64_t left)
{
    if (left < at_change::body)
        return 0;
    const auto flags = load<std::uint32_t>(at + at_change::flags);
    if ((flags & ~std::uint32_t{before_mask | after_present | identical_value}) != 0)
        return 0;
    const auto before = static_cast<before_kind>(flags & before_mask);
    const std::uint64_t before_size = load<std::uint32_t>(at + at_change::before_size);
    const std::uint64_t after_size = load<std::uint32_t>(at + at_change::after_size);
    if ((before == before_kind::absent && before_size != 0) ||
        ((flags & after_present) == 0 && after_size != 0))
        return 0;
    std::uint64_t size =
        at_change::body + load<std::uint32_t>(at + at_change::key_size) + after_size;
    if (before == before_kind::inlined)
        size += before_size;
    else if (before != before_kind::absent)
        size += sizeof(position);
    return size <= left ? size : 0;
}

bool checksum_holds(std::span<const std::byte> record)
{
    const std::uint32_t crc =
        crc32c(record.subspan(at_record::position), crc32c(record.first(at_record::crc)));
    return crc == load<std::uint32_t>(record.data() + at_record::crc);
}

} // namespace

bool decode(std::span<const std::byte> bytes, position at, checksum check, record_view& out)
{
    if (bytes.size() < at_record::body)
        return false;
    const std::byte* record = bytes.data();
    const auto size = load<std::uint32_t>(record + at_record::size);
    if ((size & padding_mark) != 0 || size % 8 != 0 || size < at_record::body ||
        size > bytes.size() || load<position>(record + at_record::position) != at)
        return false;
    if (check == checksum::verified && !checksum_holds(bytes.first(size)))
        return false;

    const auto kind = load<std::uint8_t>(record + at_record::kind);
    const auto flags = load<std::uint8_t>(record + at_record::flags);
    if ((kind != static_cast<std::uint8_t>(record_kind::transaction) &&
         kind != static_cast<std::uint8_t>(record_kind::carry)) ||
        (flags & ~(holds_counter | holds_reply)) != 0)
        return false;

    const std::size_t name_space_size = load<std::uint16_t>(record + at_record::name_space_size);
    const std::size_t reply_size = load<std::uint32_t>(record + at_record::reply_size);
    const auto count = load<std::uint32_t>(record + at_record::change_count);
    std::uint64_t next = std::uint64_t{at_record::body} + name_space_size + reply_size;
    if (next > size)
        return false;
    for (std::uint32_t i = 0; i != count; ++i) {
        const std::uint64_t extent = checked_extent(record + next, size - next);
        if (extent == 0)
            return false;
        next += extent;
    }
    if (size - next >= 8)
        return false;

    out = view_of(record);
    return true;
}

// All of it at once: what is made empty and filled then, is zeroed by an instruction that takes longer
// than all the rest.
record_view view_of(const std::byte* record)
{
    const std::size_t name_space_size = load<std::uint16_t>(record + at_record::name_space_size);
    const std::size_t reply_size = load<std::uint32_t>(record + at_record::reply_size);
    const std::byte* const reply = record + at_record::body + name_space_size;
    const auto flags = load<std::uint8_t>(record + at_record::flags);
    const auto at = load<position>(record + at_record::position);
    return {
        .at = at,
        .size = load<std::uint32_t>(record + at_record::size),
        .kind = static_cast<record_kind>(load<std::uint8_t>(record + at_record::kind)),
        .counter = (flags & holds_counter) != 0,
        .kept_reply = (flags & holds_reply) != 0,
        .commit = load<std::uint64_t>(record + at_record::commit),
        .revision = load<std::uint64_t>(record + at_record::revision),
        .time = load<std::int64_t>(record + at_record::time),
        .by = {load<std::uint64_t>(record + at_record::session),
               load<std::uint32_t>(record + at_record::handle)},
        .request = load<std::uint64_t>(record + at_record::request),
        .name_space = text(record + at_record::body, name_space_size),
        .reply = {reply, reply_size},
        .reply_at = {at + at_record::body + name_space_size,
                     static_cast<std::uint32_t>(reply_size)},
        .changes = change_range(record, at, at_record::body + name_space_size + reply_size,
                                load<std::uint32_t>(record + at_record::change_count)),
    };
}

change_range::iterator change_range::begin() const
{
    return iterator(*this);
}

change_range::iterator::iterator(const change_range& all)
    : record_(all.record_),
      at_(all.at_),
      next_(all.first_),
      left_(all.count_),
      change_(left_ != 0 ? load() : change_view())
{
}

change_range::iterator& change_range::iterator::operator++()
{
    if (--left_ != 0)
        change_ = load();
    return *this;
}

/// The change at `next_`, which goes on to the one after it.
change_view change_range::iterator::load()
{
    const std::size_t offset = next_;
    const std::byte* at = record_ + offset;
    const auto flags = journal::load<std::uint32_t>(at + at_change::flags);
    const std::size_t key_size = journal::load<std::uint32_t>(at + at_change::key_size);
    const auto before_size = journal::load<std::uint32_t>(at + at_change::before_size);
    const auto after_size = journal::load<std::uint32_t>(at + at_change::after_size);

    const auto before = static_cast<before_kind>(flags & before_mask);
    value_place before_at;
    at += at_change::body;
    if (before == before_kind::elsewhere || before == before_kind::gone) {
        before_at.size = before_size;
        if (before == before_kind::elsewhere)
            before_at.at = journal::load<position>(at);
        at += sizeof(position);
    }
    const auto* const key = at;
    at += key_size;
    const auto* const value_before = at;
    const std::size_t inlined = before == before_kind::inlined ? before_size : 0;
    at += inlined;
    const bool present = (flags & after_present) != 0;
    next_ = static_cast<std::size_t>(at - record_) + after_size;
    return {
        .key = text(key, key_size),
        .before = before,
        .before_bytes = {value_before, inlined},
        .before_at = before_at,
        .after = present ? std::optional(std::span(at, after_size)) : std::nullopt,
        .after_at = present ? value_place{at_ + static_cast<position>(at - record_), after_size}
                            : value_place(),
        .identical = (flags & identical_value) != 0,
        .offset = offset,
        .extent = next_ - offset,
    };
}

} // namespace zproc::journal
