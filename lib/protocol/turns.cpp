#include "protocol/body.hpp"
#include "protocol/messages.hpp"

/// Tickets and turns. A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

namespace {

/// 0 is what says that there is no turn.
std::uint64_t take_id(body_reader& in)
{
    const auto id = in.number();
    if (id == 0)
        in.fail(errc::malformed_frame);
    return id;
}

} // namespace

void encode(buffer& out, const turn_request& m)
{
    body_writer writer(out);
    writer.list(5).put(m.id).text(m.name_space).texts(m.keys);
    writer.flag(m.scanned).put(m.round_trip);
}

error_code decode(bytes_view body, turn_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(5);
    m.id = take_id(in);
    m.name_space = in.name_space();
    in.keys(m.keys);
    m.scanned = in.flag();
    m.round_trip = in.number();
    return in.finish();
}

void encode(buffer& out, const turn_reply& m)
{
    body_writer writer(out);
    writer.list(5).put(m.lease).flag(m.whole).put(m.revision).items(m.items).flag(m.crowded);
}

error_code decode(bytes_view body, turn_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(5);
    m.lease = in.number();
    m.whole = in.flag();
    m.revision = in.number();
    in.items(m.items);
    m.crowded = in.flag();
    return in.finish();
}

void encode(buffer& out, const end_turn_request& m)
{
    body_writer(out).list(1).put(m.id);
}

error_code decode(bytes_view body, end_turn_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.id = take_id(in);
    return in.finish();
}

} // namespace zproc::protocol
