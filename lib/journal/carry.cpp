#include "journal/bytes.hpp"
#include "journal/encode.hpp"
#include "journal/writer.hpp"

#include <algorithm>

/// The carry cursor: it runs ahead of the tail and writes again what is still live there.
namespace zproc::journal {

// A large record gives its room back only when all of it was looked at: where one is coming, the
// cursor begins that much earlier. What is about to be appended counts as if it were there: after a
// large record, and its pad, there must still be room to carry a large one.
bool writer::behind(std::uint64_t size) const
{
    const std::uint64_t part = cursor_ / part_size();
    const std::uint64_t coming =
        std::max(largest_[part % largest_.size()], largest_[(part + 1) % largest_.size()]);
    return cursor_ != written_ &&
           lead() < header_.capacity / lead_share + coming + pad_before(size) + size;
}

void writer::remember_size(std::uint64_t size)
{
    const std::uint64_t part = written_ / part_size();
    if (part != part_) {
        part_ = part;
        largest_[part % largest_.size()] = 0;
    }
    std::uint64_t& largest = largest_[part % largest_.size()];
    largest = std::max(largest, size);
}

// Every appended byte pays for a look at four bytes at the cursor. A look that went further than
// was paid for (a value is not divided) is a debt, paid before the next one.
void writer::pace(std::uint64_t size, live_index& index)
{
    credit_ += static_cast<std::int64_t>(look_ratio * size);
    while (credit_ > 0 && behind(size))
        if (!carry_some(index))
            break; // what room there is must do
    credit_ = std::min<std::int64_t>(credit_, 0);
}

// The pace keeps room enough; where a few huge records leave less, it is forgotten.
bool writer::force_room(std::uint64_t size, live_index& index)
{
    const position all = written_;
    while (!make_room(size)) {
        if (cursor_ >= all)
            return false;
        const std::uint64_t carried = statistics_.carried;
        credit_ = static_cast<std::int64_t>(size);
        if (!carry_some(index))
            return false;
        statistics_.forced += statistics_.carried - carried;
    }
    credit_ = std::min<std::int64_t>(credit_, 0);
    return true;
}

void writer::catch_up(live_index& index)
{
    const position all = written_;
    while (behind(0) && cursor_ < all) {
        credit_ = static_cast<std::int64_t>(header_.capacity / record_share);
        if (!carry_some(index))
            break;
    }
    credit_ = 0;
    commit();
}

// Looks on in the record at the cursor as long as there is credit, and writes what is live of what
// it saw. False when there is nothing to look at, or no room to carry to.
bool writer::carry_some(live_index& index)
{
    if (cursor_ == written_)
        return false;
    const std::uint64_t size = extent(cursor_);
    if ((load<std::uint32_t>(in_place(cursor_)) & padding_mark) != 0) {
        pass(smallest_pad);
        cursor_ += size;
        return true;
    }

    const std::byte* record = in_place(cursor_);
    const record_view source = view_of(record);
    const std::uint64_t header = at_record::body + source.name_space.size();
    live_part live;
    std::uint64_t gathered = 0;
    change_range rest = source.changes;
    if (looked_ == 0) {
        pass(header + source.reply.size());
        live.counter = source.counter && index.counter_live(source.name_space, cursor_);
        live.reply =
            source.kept_reply && index.reply_live(source.by.session, source.request, cursor_);
        gathered = live.reply ? source.reply.size() : 0;
    } else {
        rest = change_range(record, cursor_, resume_, source.changes.size() - looked_);
    }

    // At least one change; and a carry that was begun goes on until its items outweigh its header,
    // or many small ones would take much more than their source did.
    carried_.clear();
    std::uint32_t looked = looked_;
    std::size_t resume = resume_;
    for (const change_view& change : rest) {
        pass(change.extent);
        ++looked;
        resume = change.offset + change.extent;
        if (change.after && index.value_live(source.name_space, change.key, cursor_)) {
            carried_.push_back(change);
            gathered += change.extent;
        }
        if (credit_ <= 0 && (carried_.empty() || gathered >= header))
            break;
    }
    live.changes = carried_;
    if (!live.empty() && !write_carry(source, live, index))
        return false;

    if (looked == source.changes.size()) {
        cursor_ += size;
        looked_ = 0;
        resume_ = 0;
    } else {
        looked_ = looked;
        resume_ = resume;
    }
    return true;
}

bool writer::write_carry(const record_view& source, const live_part& live, live_index& index)
{
    encode_carry(source, live, carry_);
    const std::uint64_t size = std::span(carry_).size_bytes();
    if (!make_room(size))
        return false;
    const position at = put(carry_);
    statistics_.carried += size;

    const record_view carry = view_of(in_place(at));
    for (const change_view& change : carry.changes)
        index.value_moved(carry.name_space, change.key, at, change.after_at);
    if (carry.counter)
        index.counter_moved(carry.name_space, at);
    if (carry.kept_reply)
        index.reply_moved(carry.by.session, carry.request, at, carry.reply_at);
    return true;
}

void writer::pass(std::uint64_t size) noexcept
{
    credit_ -= static_cast<std::int64_t>(size);
    statistics_.looked_at += size;
}

} // namespace zproc::journal
