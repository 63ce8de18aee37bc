#include "journal/encode.hpp"

#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"

#include <array>
#include <cstring>

namespace zproc::journal {

namespace {

std::byte* bytes_of(std::vector<std::uint64_t>& words)
{
    return reinterpret_cast<std::byte*>(words.data());
}

before_kind kind_of_before(const change_draft& change)
{
    if (!change.before)
        return before_kind::absent;
    if (change.before->size() <= largest_inline_before)
        return before_kind::inlined;
    return change.before_at == nowhere ? before_kind::gone : before_kind::elsewhere;
}

std::uint64_t extent(const change_draft& change)
{
    std::uint64_t size = at_change::body + change.key.size();
    const before_kind before = kind_of_before(change);
    if (before == before_kind::inlined)
        size += change.before->size();
    else if (before != before_kind::absent)
        size += sizeof(position);
    if (change.after)
        size += change.after->size();
    return size;
}

std::byte* put(std::byte* at, const void* data, std::size_t size)
{
    if (size != 0)
        std::memcpy(at, data, size);
    return at + size;
}

void put_header(std::byte* record, const record_view& what)
{
    save(record + at_record::size, what.size);
    save(record + at_record::commit, what.commit);
    save(record + at_record::revision, what.revision);
    save(record + at_record::time, what.time);
    save(record + at_record::session, what.by.session);
    save(record + at_record::handle, what.by.handle);
    save(record + at_record::kind, what.kind);
    const unsigned flags =
        (what.counter ? holds_counter : 0u) | (what.kept_reply ? holds_reply : 0u);
    save(record + at_record::flags, static_cast<std::uint8_t>(flags));
    save(record + at_record::name_space_size, static_cast<std::uint16_t>(what.name_space.size()));
    save(record + at_record::request, what.request);
    save(record + at_record::change_count, what.changes.size());
    save(record + at_record::reply_size, static_cast<std::uint32_t>(what.reply.size()));
    std::byte* at = put(record + at_record::body, what.name_space.data(), what.name_space.size());
    put(at, what.reply.data(), what.reply.size());
}

void put_change_header(std::byte* at, std::uint32_t flags, std::size_t key, std::size_t before,
                       std::size_t after)
{
    save(at + at_change::flags, flags);
    save(at + at_change::key_size, static_cast<std::uint32_t>(key));
    save(at + at_change::before_size, static_cast<std::uint32_t>(before));
    save(at + at_change::after_size, static_cast<std::uint32_t>(after));
}

std::byte* put_change(std::byte* at, const change_draft& change)
{
    const before_kind before = kind_of_before(change);
    const std::uint32_t flags = static_cast<std::uint32_t>(before) |
                                (change.after ? after_present : 0u) |
                                (change.identical ? identical_value : 0u);
    put_change_header(at, flags, change.key.size(), change.before ? change.before->size() : 0,
                      change.after ? change.after->size() : 0);
    at += at_change::body;
    if (before == before_kind::elsewhere || before == before_kind::gone) {
        save(at, change.before_at);
        at += sizeof(position);
    }
    at = put(at, change.key.data(), change.key.size());
    if (before == before_kind::inlined)
        at = put(at, change.before->data(), change.before->size());
    return at;
}

std::byte* put_carried(std::byte* at, const change_view& change)
{
    put_change_header(at, after_present, change.key.size(), 0, change.after->size());
    at = put(at + at_change::body, change.key.data(), change.key.size());
    return put(at, change.after->data(), change.after->size());
}

} // namespace

std::uint64_t encoded_size(const transaction& what)
{
    std::uint64_t size = at_record::body + what.name_space.size() + what.reply.size();
    for (const change_draft& change : what.changes)
        size += extent(change);
    return (size + 7) / 8 * 8;
}

void encode(const transaction& what, std::vector<std::uint64_t>& words,
            std::vector<value_place>& values)
{
    const auto size = static_cast<std::size_t>(encoded_size(what));
    words.resize(size / 8);
    words.back() = 0;
    std::byte* record = bytes_of(words);

    put_header(record, {.size = static_cast<std::uint32_t>(size),
                        .counter = true,
                        .kept_reply = what.request != 0,
                        .revision = what.revision,
                        .time = what.time,
                        .by = what.by,
                        .request = what.request,
                        .name_space = what.name_space,
                        .reply = what.reply,
                        .reply_at = {},
                        .changes = change_range(nullptr, 0, 0,
                                                static_cast<std::uint32_t>(what.changes.size()))});

    std::byte* at = record + at_record::body + what.name_space.size() + what.reply.size();
    values.clear();
    for (const change_draft& change : what.changes) {
        at = put_change(at, change);
        if (!change.after) {
            values.emplace_back();
            continue;
        }
        values.push_back(
            {static_cast<position>(at - record), static_cast<std::uint32_t>(change.after->size())});
        at = put(at, change.after->data(), change.after->size());
    }
}

void encode_carry(const record_view& source, const live_part& live,
                  std::vector<std::uint64_t>& words)
{
    record_view header = source;
    header.kind = record_kind::carry;
    header.counter = live.counter;
    header.kept_reply = live.reply;
    if (!live.reply)
        header.reply = {};
    if (!live.counter && live.changes.empty())
        header.name_space = {};
    header.changes = change_range(nullptr, 0, 0, static_cast<std::uint32_t>(live.changes.size()));

    std::size_t size = at_record::body + header.name_space.size() + header.reply.size();
    for (const change_view& change : live.changes)
        size += at_change::body + change.key.size() + change.after->size();
    size = (size + 7) / 8 * 8;
    header.size = static_cast<std::uint32_t>(size);

    words.resize(size / 8);
    words.back() = 0;
    put_header(bytes_of(words), header);
    std::byte* at =
        bytes_of(words) + at_record::body + header.name_space.size() + header.reply.size();
    for (const change_view& change : live.changes)
        at = put_carried(at, change);
}

void set_commit(std::span<std::uint64_t> words, std::uint64_t commit)
{
    words[at_record::commit / 8] = commit;
}

void seal(std::span<std::uint64_t> words, position at)
{
    words[at_record::position / 8] = at;
    const auto bytes = std::as_writable_bytes(words);
    const std::uint32_t crc =
        crc32c(bytes.subspan(at_record::position), crc32c(bytes.first(at_record::crc)));
    save(bytes.data() + at_record::crc, crc);
}

std::uint64_t encode_pad(position at, std::uint64_t size)
{
    std::array<std::byte, 12> covered;
    const auto marked = static_cast<std::uint32_t>(size) | padding_mark;
    save(covered.data(), marked);
    save(covered.data() + 4, at);
    return marked | std::uint64_t{crc32c(covered)} << 32;
}

void detail::store_before(std::vector<std::uint64_t>& words, std::size_t change, position at)
{
    std::byte* place = bytes_of(words) + change;
    if (at == nowhere) {
        const auto flags = load<std::uint32_t>(place + at_change::flags);
        save(place + at_change::flags,
             (flags & ~std::uint32_t{before_mask}) | static_cast<std::uint32_t>(before_kind::gone));
    }
    save(place + at_change::body, at);
}

} // namespace zproc::journal
