#include "store/events.hpp"

#include "value/decode.hpp"

#include <chrono>
#include <optional>
#include <span>

namespace zproc::store {

namespace {

void decode_to(std::span<const std::byte> bytes, std::optional<value>& out)
{
    if (decode_any(bytes, out.emplace()))
        out.reset();
}

} // namespace

void describe(const journal::record_view& record, event& out)
{
    out.revision = record.revision;
    out.time = decltype(out.time)(std::chrono::nanoseconds(record.time));
    out.origin = {record.by.session, record.by.handle};
}

void add_change(const journal::change_view& from, const fetch_value& fetch,
                std::vector<std::byte>& scratch, change_list& out)
{
    change& c = out.emplace_back();
    c.key = from.key;
    if (from.before == journal::before_kind::inlined)
        decode_to(from.before_bytes, c.before);
    else if (from.before == journal::before_kind::elsewhere && fetch(from.before_at, scratch))
        decode_to(scratch, c.before);
    if (from.after)
        decode_to(*from.after, c.after);
}

} // namespace zproc::store
