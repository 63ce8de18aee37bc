#include "protocol/body.hpp"
#include "protocol/messages.hpp"

/// The reads. A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

namespace {

void put_nothing(buffer& out)
{
    body_writer(out).list(0);
}

error_code take_nothing(bytes_view body, const limits& within)
{
    body_reader in(body, within);
    in.list(0);
    return in.finish();
}

void put_place(buffer& out, std::string_view name_space, std::string_view key)
{
    body_writer(out).list(2).text(name_space).text(key);
}

error_code take_place(bytes_view body, std::string_view& name_space, std::string_view& key,
                      const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    name_space = in.name_space();
    key = in.key();
    return in.finish();
}

void put_space(buffer& out, std::string_view name_space)
{
    body_writer(out).list(1).text(name_space);
}

error_code take_space(bytes_view body, std::string_view& name_space, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    name_space = in.name_space();
    return in.finish();
}

} // namespace

void encode(buffer& out, const ping_request&)
{
    put_nothing(out);
}

error_code decode(bytes_view body, ping_request&, const limits& within)
{
    return take_nothing(body, within);
}

void encode(buffer& out, const ping_reply& m)
{
    body_writer(out).list(2).put(m.pid).put_signed(m.time);
}

error_code decode(bytes_view body, ping_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.pid = in.number32();
    m.time = in.signed_number();
    return in.finish();
}

void encode(buffer& out, const get_request& m)
{
    put_place(out, m.name_space, m.key);
}

error_code decode(bytes_view body, get_request& m, const limits& within)
{
    return take_place(body, m.name_space, m.key, within);
}

void encode(buffer& out, const get_reply& m)
{
    body_writer(out).list(3).put(m.revision).put(m.modified).maybe(m.value);
}

error_code decode(bytes_view body, get_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.revision = in.number();
    m.modified = in.number();
    m.value = in.maybe();
    return in.finish();
}

void encode(buffer& out, const contains_request& m)
{
    put_place(out, m.name_space, m.key);
}

error_code decode(bytes_view body, contains_request& m, const limits& within)
{
    return take_place(body, m.name_space, m.key, within);
}

void encode(buffer& out, const contains_reply& m)
{
    body_writer(out).list(1).flag(m.found);
}

error_code decode(bytes_view body, contains_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.found = in.flag();
    return in.finish();
}

void encode(buffer& out, const size_request& m)
{
    put_space(out, m.name_space);
}

error_code decode(bytes_view body, size_request& m, const limits& within)
{
    return take_space(body, m.name_space, within);
}

void encode(buffer& out, const size_reply& m)
{
    body_writer(out).list(1).put(m.size);
}

error_code decode(bytes_view body, size_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.size = in.number();
    return in.finish();
}

void encode(buffer& out, const keys_request& m)
{
    put_space(out, m.name_space);
}

error_code decode(bytes_view body, keys_request& m, const limits& within)
{
    return take_space(body, m.name_space, within);
}

void encode(buffer& out, const keys_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    writer.texts(m.keys);
}

error_code decode(bytes_view body, keys_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    in.texts(m.keys);
    return in.finish();
}

void encode(buffer& out, const snapshot_request& m)
{
    body_writer(out).list(2).text(m.name_space).put(m.turn);
}

error_code decode(bytes_view body, snapshot_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.name_space = in.name_space();
    m.turn = in.number();
    return in.finish();
}

void encode(buffer& out, const snapshot_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    writer.items(m.items);
}

error_code decode(bytes_view body, snapshot_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    in.items(m.items);
    return in.finish();
}

void encode(buffer& out, const read_request& m)
{
    body_writer(out).list(3).text(m.name_space).texts(m.keys).put(m.turn);
}

error_code decode(bytes_view body, read_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.name_space = in.name_space();
    in.keys(m.keys);
    m.turn = in.number();
    return in.finish();
}

void encode(buffer& out, const read_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    writer.items(m.items);
}

error_code decode(bytes_view body, read_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    in.items(m.items);
    return in.finish();
}

void encode(buffer& out, const who_request& m)
{
    body_writer(out).list(1).put(m.session);
}

error_code decode(bytes_view body, who_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.session = in.number();
    return in.finish();
}

void encode(buffer& out, const who_reply& m)
{
    body_writer(out).list(2).put(m.pid).text(m.name);
}

error_code decode(bytes_view body, who_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.pid = in.number32();
    m.name = in.text();
    return in.finish();
}

void encode(buffer& out, const namespaces_request&)
{
    put_nothing(out);
}

error_code decode(bytes_view body, namespaces_request&, const limits& within)
{
    return take_nothing(body, within);
}

void encode(buffer& out, const namespaces_reply& m)
{
    body_writer writer(out);
    writer.list(m.namespaces.size());
    for (const auto& facts : m.namespaces)
        writer.list(3).text(facts.name).put(facts.revision).put(facts.size);
}

error_code decode(bytes_view body, namespaces_reply& m, const limits& within)
{
    body_reader in(body, within);
    const auto count = in.list();
    m.namespaces.clear();
    for (std::size_t i = 0; i != count && in.good(); ++i) {
        namespace_facts facts;
        in.list(3);
        facts.name = in.text();
        facts.revision = in.number();
        facts.size = in.number();
        m.namespaces.push_back(facts);
    }
    return in.finish();
}

} // namespace zproc::protocol
