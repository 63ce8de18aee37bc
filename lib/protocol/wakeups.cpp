#include "protocol/body.hpp"
#include "protocol/messages.hpp"

/// What it takes to be woken. A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

void encode(buffer& out, const watch_request& m)
{
    body_writer writer(out);
    writer.list(3).put(m.id).text(m.name_space);
    writer.texts(m.keys);
}

error_code decode(bytes_view body, watch_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.id = in.number();
    m.name_space = in.name_space();
    in.keys(m.keys);
    return in.finish();
}

void encode(buffer& out, const watch_reply& m)
{
    body_writer(out).list(4).put(m.revision).put(m.epoch).put(m.head).put(m.commit);
}

error_code decode(bytes_view body, watch_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(4);
    m.revision = in.number();
    m.epoch = in.number();
    m.head = in.number();
    m.commit = in.number();
    return in.finish();
}

void encode(buffer& out, const unwatch_request& m)
{
    body_writer(out).list(1).put(m.id);
}

error_code decode(bytes_view body, unwatch_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.id = in.number();
    return in.finish();
}

void encode(buffer& out, const empty_reply&)
{
    body_writer(out).list(0);
}

error_code decode(bytes_view body, empty_reply&, const limits& within)
{
    body_reader in(body, within);
    in.list(0);
    return in.finish();
}

void encode(buffer& out, const attach_request& m)
{
    body_writer(out).list(1).flag(m.with_eventfd);
}

error_code decode(bytes_view body, attach_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.with_eventfd = in.flag();
    return in.finish();
}

void encode(buffer& out, const attach_reply& m)
{
    body_writer(out).list(3).put(m.epoch).put(m.generation).put(m.ring_bytes);
}

error_code decode(bytes_view body, attach_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.epoch = in.number();
    m.generation = in.number();
    m.ring_bytes = in.number();
    return in.finish();
}

} // namespace zproc::protocol
