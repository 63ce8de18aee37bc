#include "journal/encode.hpp"
#include "journal/writer.hpp"

#include <algorithm>

/// What a transaction needs, and what the writer says when the ring cannot give it.
namespace zproc::journal {

namespace {

constexpr std::uint64_t page = 4096;

std::uint64_t round_up(std::uint64_t capacity)
{
    return (capacity + page - 1) / page * page;
}

} // namespace

writer::room_request writer::measure(const transaction& what, std::uint64_t live) const
{
    room_request request;
    request.record = encoded_size(what);
    request.valid = what.name_space.size() <= largest_name_space;
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    for (const change_draft& change : what.changes) {
        if (change.before)
            before += carried_value_size(what.name_space.size(), change.key.size(),
                                         change.before->size());
        if (change.after)
            after +=
                carried_value_size(what.name_space.size(), change.key.size(), change.after->size());
    }
    request.grows = after > before;
    if (what.request != 0)
        after += carried_reply_size(what.reply.size());
    request.live = live + (after > before ? after - before : 0);
    return request;
}

// need = record + padding + live + reserve ≤ capacity. Transactions that do not make the values
// larger may use a quarter of the reserve: erasing works when nothing else does.
bool writer::suffices(const room_request& request, std::uint64_t capacity,
                      std::uint64_t pad) const noexcept
{
    std::uint64_t reserve = capacity / reserve_share;
    if (!request.grows)
        reserve -= reserve / 4;
    return request.record <= capacity / record_share && request.record < padding_mark &&
           request.record + pad + request.live + reserve <= capacity;
}

std::optional<append_result> writer::refuse(const room_request& request) const
{
    if (!request.valid) {
        append_result result;
        result.outcome = append_outcome::too_large;
        return result;
    }
    if (suffices(request, header_.capacity, pad_before(request.record)))
        return std::nullopt;
    std::uint64_t capacity = round_up(header_.capacity + header_.capacity / 2);
    while (capacity < options_.largest_capacity && !suffices(request, capacity, 0))
        capacity = round_up(capacity + capacity / 2);
    capacity = std::min(capacity, options_.largest_capacity / page * page);
    if (!suffices(request, capacity, 0))
        capacity = 0;
    return grow(capacity);
}

append_result writer::grow(std::uint64_t capacity) const
{
    append_result result;
    capacity = std::min(round_up(capacity), options_.largest_capacity / page * page);
    if (capacity > header_.capacity) {
        result.outcome = append_outcome::grow_first;
        result.capacity = capacity;
    } else {
        result.outcome = append_outcome::too_large;
    }
    return result;
}

} // namespace zproc::journal
