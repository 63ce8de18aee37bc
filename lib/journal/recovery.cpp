#include "journal/recovery.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"

#include <algorithm>

namespace zproc::journal {

scanner::scanner(std::span<const std::byte> region) : region_(region), header_(read_header(region))
{
    if (!header_) {
        damaged_ = true;
        return;
    }
    head_ = load<position>(region.data() + at_header::head);
    tail_ = load<position>(region.data() + at_header::tail);
    where_ = tail_;
    damaged_ = tail_ > head_ || head_ - tail_ > header_->capacity || tail_ % 8 != 0;
}

const record_view* scanner::next()
{
    if (damaged_ || where_ == head_)
        return nullptr;
    const std::uint64_t index = where_ % header_->capacity;
    const std::uint64_t left = std::min(header_->capacity - index, head_ - where_);
    const auto bytes = region_.subspan(data_offset + static_cast<std::size_t>(index),
                                       static_cast<std::size_t>(left));

    if (left >= smallest_pad && pad_ == 0 && index != 0 &&
        load<std::uint64_t>(bytes.data()) == encode_pad(where_, left)) {
        wrap_ = where_;
        pad_ = left;
        where_ += left;
        return next();
    }
    if (!decode(bytes, where_, checksum::verified, record_)) {
        damaged_ = true;
        return nullptr;
    }
    where_ += record_.size;
    return &record_;
}

std::optional<relocation> replicate(std::span<const std::byte> old, writer& fresh)
{
    scanner records(old);
    if (records.damaged() || fresh.capacity() < records.head() - records.tail() ||
        fresh.written() != 0)
        return std::nullopt;
    relocation moved;
    moved.previous_epoch = records.header()->epoch;
    moved.tail = records.tail();
    moved.head = records.head();
    std::uint64_t commit = records.header()->commit;
    while (const record_view* record = records.next()) {
        // Pointers lead backwards: a pad they cross has been passed.
        moved.wrap = records.wrap();
        moved.pad = records.pad();
        commit = std::max(commit, record->commit);
        const std::uint64_t index = record->at % records.header()->capacity;
        fresh.copy_in(old.subspan(data_offset + static_cast<std::size_t>(index), record->size),
                      moved);
    }
    if (records.damaged())
        return std::nullopt;
    moved.wrap = records.wrap();
    moved.pad = records.pad();
    fresh.finish_copy(moved, commit);
    return moved;
}

} // namespace zproc::journal
