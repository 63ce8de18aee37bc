#include "protocol/stream_messages.hpp"

#include "protocol/body.hpp"

/// A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

void encode(buffer& out, const stream_request& m)
{
    body_writer(out).list(3).put(m.epoch).put(m.from).put(m.limit);
}

error_code decode(bytes_view body, stream_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.epoch = in.number();
    m.from = in.number();
    m.limit = in.number();
    return in.finish();
}

void encode(buffer& out, const stream_more_request& m)
{
    body_writer(out).list(1).put(m.limit);
}

error_code decode(bytes_view body, stream_more_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.limit = in.number();
    return in.finish();
}

void encode(buffer& out, const stream_end& m)
{
    body_writer(out).list(2).put(m.epoch).put(m.head);
}

error_code decode(bytes_view body, stream_end& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.epoch = in.number();
    m.head = in.number();
    return in.finish();
}

void encode(buffer& out, const stream_begun& m)
{
    body_writer(out)
        .list(10)
        .put(m.epoch)
        .put(m.capacity)
        .put(m.commit)
        .put(m.previous_epoch)
        .put(m.moved_tail)
        .put(m.moved_wrap)
        .put(m.moved_pad)
        .put(m.moved_head)
        .put(m.from)
        .put(m.head);
}

error_code decode(bytes_view body, stream_begun& m, const limits& within)
{
    body_reader in(body, within);
    in.list(10);
    m.epoch = in.number();
    m.capacity = in.number();
    m.commit = in.number();
    m.previous_epoch = in.number();
    m.moved_tail = in.number();
    m.moved_wrap = in.number();
    m.moved_pad = in.number();
    m.moved_head = in.number();
    m.from = in.number();
    m.head = in.number();
    return in.finish();
}

void encode(buffer& out, const stream_piece& m)
{
    body_writer(out).list(3).put(m.at).put(m.end).bytes(m.records);
}

error_code decode(bytes_view body, stream_piece& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.at = in.number();
    m.end = in.number();
    m.records = in.bytes();
    return in.finish();
}

} // namespace zproc::protocol
