#include "store/events.hpp"

#include "value/decode.hpp"

#include <chrono>
#include <string>

namespace zproc::store {

event event_of(const journal::record_view& record)
{
    event e;
    e.revision = record.revision;
    e.time = decltype(e.time)(std::chrono::nanoseconds(record.time));
    e.origin = {record.by.session, record.by.handle};
    return e;
}

change change_of(const journal::change_view& from, const fetch_value& fetch,
                 std::vector<std::byte>& scratch)
{
    change c;
    c.key = std::string(from.key);
    if (from.before == journal::before_kind::inlined)
        c.before = decode_any(from.before_bytes);
    else if (from.before == journal::before_kind::elsewhere && fetch(from.before_at, scratch))
        c.before = decode_any(scratch);
    if (from.after)
        c.after = decode_any(*from.after);
    return c;
}

} // namespace zproc::store
