#include "journal/writer.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace zproc::journal {

writer::writer(std::span<std::byte> region, ring_header header, writer_options options)
    : own_memory_(std::make_unique<memory>(region)),
      memory_(*own_memory_),
      header_(header),
      options_(options)
{
    format();
}

writer::writer(std::unique_ptr<memory> through, ring_header header, writer_options options)
    : own_memory_(std::move(through)), memory_(*own_memory_), header_(header), options_(options)
{
    format();
}

writer::writer(memory& through, ring_header header, writer_options options)
    : memory_(through), header_(header), options_(options)
{
    format();
}

writer::~writer() = default;

void writer::format()
{
    header_.capacity = (memory_.region().size() - data_offset) / 8 * 8;
    commit_ = header_.commit;
    memory_.store_head(0);
    memory_.store_tail(0);
    write_header();
}

void writer::write_header()
{
    const auto bytes = encode_header(header_);
    std::array<std::uint64_t, at_header::head / 8> words;
    std::memcpy(words.data(), bytes.data(), bytes.size());
    memory_.copy(0, words);
}

std::span<const std::byte> writer::bytes(value_place place) const
{
    const auto index = static_cast<std::size_t>(place.at % header_.capacity);
    return region().subspan(data_offset + index, place.size);
}

const std::byte* writer::in_place(position at) const
{
    return region().data() + data_offset + at % header_.capacity;
}

// The bytes of the record or pad at `at`.
std::uint64_t writer::extent(position at) const
{
    return load<std::uint32_t>(in_place(at)) & ~padding_mark;
}

std::uint64_t writer::pad_before(std::uint64_t size) const noexcept
{
    const std::uint64_t to_end = header_.capacity - written_ % header_.capacity;
    return to_end < size ? to_end : 0;
}

append_result writer::append(const transaction& what, live_index& index)
{
    const room_request request = measure(what, index.live_bytes());
    if (const auto refused = refuse(request))
        return *refused;

    // Before anything moves: what is to be copied may lie where a carry is going to be written.
    encode(what, staged_, values_);
    const std::uint64_t carried = statistics_.carried;
    pace(request.record, index);
    const bool fits = force_room(request.record, index);
    statistics_.most_carried = std::max(statistics_.most_carried, statistics_.carried - carried);
    if (!fits)
        return grow(header_.capacity + header_.capacity / 2);

    translate(staged_, [this](position before) {
        return before < tail_ ? std::nullopt : std::optional(before);
    });
    set_commit(staged_, ++commit_);
    append_result result;
    result.record = put(staged_);
    result.commit = commit_;
    statistics_.appended += request.record;
    for (value_place& value : values_)
        if (value.at != nowhere)
            value.at += result.record;
    result.values = values_;
    if (what.request != 0)
        result.reply = {result.record + at_record::body + what.name_space.size(),
                        static_cast<std::uint32_t>(what.reply.size())};
    return result;
}

// Writes a record whose room was made, and a pad before it if it would cross the end.
position writer::put(std::span<std::uint64_t> words)
{
    const std::uint64_t size = words.size_bytes();
    if (const std::uint64_t pad = pad_before(size); pad != 0) {
        const std::uint64_t word = encode_pad(written_, pad);
        memory_.copy(data_offset + static_cast<std::size_t>(written_ % header_.capacity),
                     std::span(&word, 1));
        written_ += pad;
        statistics_.padded += pad;
    }
    const position at = written_;
    remember_size(size);
    seal(words, at);
    memory_.copy(data_offset + static_cast<std::size_t>(at % header_.capacity), words);
    written_ += size;
    return at;
}

std::uint64_t writer::commit()
{
    if (written_ != head_) {
        head_ = written_;
        memory_.store_head(head_);
    }
    releasable_ = cursor_;
    return commit_;
}

// Room for `size` bytes at once, with the tail as far as it may go.
bool writer::make_room(std::uint64_t size)
{
    const std::uint64_t need = pad_before(size) + size;
    if (room() >= need)
        return true;
    advance_tail(need);
    if (room() < need && releasable_ != cursor_) {
        commit();
        advance_tail(need);
    }
    return room() >= need;
}

void writer::advance_tail(std::uint64_t need)
{
    const std::uint64_t wanted = need + header_.capacity / slack_share;
    position tail = tail_;
    while (tail != releasable_ && header_.capacity - (written_ - tail) < wanted)
        tail += extent(tail);
    if (tail == tail_)
        return;
    tail_ = tail;
    memory_.store_tail(tail);
}

void writer::copy_in(std::span<const std::byte> record, const relocation& moved)
{
    staged_.resize(record.size() / 8);
    std::memcpy(staged_.data(), record.data(), record.size());
    translate(staged_, moved);
    put(staged_);
}

void writer::finish_copy(const relocation& moved, std::uint64_t commit)
{
    header_.moved = moved;
    header_.commit = commit;
    commit_ = commit;
    write_header();
    this->commit();
}

} // namespace zproc::journal
