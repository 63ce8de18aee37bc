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

// Its lengths were checked.
void refer_to(const std::byte* record, record_view& out)
{
    const std::size_t name_space_size = load<std::uint16_t>(record + at_record::name_space_size);
    const std::size_t reply_size = load<std::uint32_t>(record + at_record::reply_size);
    const auto flags = load<std::uint8_t>(record + at_record::flags);
    out.at = load<position>(record + at_record::position);
    out.size = load<std::uint32_t>(record + at_record::size);
    out.kind = static_cast<record_kind>(load<std::uint8_t>(record + at_record::kind));
    out.counter = (flags & holds_counter) != 0;
    out.kept_reply = (flags & holds_reply) != 0;
    out.commit = load<std::uint64_t>(record + at_record::commit);
    out.revision = load<std::uint64_t>(record + at_record::revision);
    out.time = load<std::int64_t>(record + at_record::time);
    out.by.session = load<std::uint64_t>(record + at_record::session);
    out.by.handle = load<std::uint32_t>(record + at_record::handle);
    out.request = load<std::uint64_t>(record + at_record::request);
    out.name_space = text(record + at_record::body, name_space_size);
    out.reply = {record + at_record::body + name_space_size, reply_size};
    out.reply_at = {out.at + at_record::body + name_space_size,
                    static_cast<std::uint32_t>(reply_size)};
    out.changes = change_range(record, out.at, at_record::body + name_space_size + reply_size,
                               load<std::uint32_t>(record + at_record::change_count));
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

    refer_to(record, out);
    return true;
}

record_view view_of(const std::byte* record)
{
    record_view out;
    refer_to(record, out);
    return out;
}

change_range::iterator change_range::begin() const
{
    iterator first;
    first.record_ = record_;
    first.at_ = at_;
    first.next_ = first_;
    first.left_ = count_;
    if (count_ != 0)
        first.load();
    return first;
}

change_range::iterator& change_range::iterator::operator++()
{
    if (--left_ != 0)
        load();
    return *this;
}

void change_range::iterator::load()
{
    const std::byte* at = record_ + next_;
    const auto flags = journal::load<std::uint32_t>(at + at_change::flags);
    const std::size_t key_size = journal::load<std::uint32_t>(at + at_change::key_size);
    const auto before_size = journal::load<std::uint32_t>(at + at_change::before_size);
    const auto after_size = journal::load<std::uint32_t>(at + at_change::after_size);

    change_.offset = next_;
    change_.identical = (flags & identical_value) != 0;
    change_.before = static_cast<before_kind>(flags & before_mask);
    change_.before_bytes = {};
    change_.before_at = {};
    at += at_change::body;
    if (change_.before == before_kind::elsewhere || change_.before == before_kind::gone) {
        change_.before_at.size = before_size;
        if (change_.before == before_kind::elsewhere)
            change_.before_at.at = journal::load<position>(at);
        at += sizeof(position);
    }
    change_.key = text(at, key_size);
    at += key_size;
    if (change_.before == before_kind::inlined) {
        change_.before_bytes = {at, before_size};
        at += before_size;
    }
    if ((flags & after_present) != 0) {
        change_.after.emplace(at, after_size);
        change_.after_at = {at_ + static_cast<position>(at - record_), after_size};
    } else {
        change_.after.reset();
        change_.after_at = {};
    }
    next_ = static_cast<std::size_t>(at - record_) + after_size;
    change_.extent = next_ - change_.offset;
}

} // namespace zproc::journal
