#include "protocol/body.hpp"
#include "protocol/messages.hpp"

/// The reads and the wake-ups. A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

namespace {

void put_present(body_writer& out, const present& item)
{
    out.list(3).text(item.key).put(item.modified).maybe(item.value);
}

present take_present(body_reader& in)
{
    present item;
    in.list(3);
    item.key = in.text();
    item.modified = in.number();
    item.value = in.maybe();
    return item;
}

void put_all(body_writer& out, const std::vector<present>& items)
{
    out.list(items.size());
    for (const auto& item : items)
        put_present(out, item);
}

void take_all(body_reader& in, std::vector<present>& items)
{
    const auto count = in.list();
    items.clear();
    items.reserve(count);
    for (std::size_t i = 0; i != count && in.good(); ++i)
        items.push_back(take_present(in));
}

void put_texts(body_writer& out, const std::vector<std::string_view>& texts)
{
    out.list(texts.size());
    for (const auto text : texts)
        out.text(text);
}

template <class Take>
void take_texts(body_reader& in, std::vector<std::string_view>& texts, Take take)
{
    const auto count = in.list();
    texts.clear();
    texts.reserve(count);
    for (std::size_t i = 0; i != count && in.good(); ++i)
        texts.push_back((in.*take)());
}

void put_nothing(buffer& out) { body_writer(out).list(0); }

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

void encode(buffer& out, const ping_request&) { put_nothing(out); }

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

void encode(buffer& out, const get_request& m) { put_place(out, m.name_space, m.key); }

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

void encode(buffer& out, const contains_request& m) { put_place(out, m.name_space, m.key); }

error_code decode(bytes_view body, contains_request& m, const limits& within)
{
    return take_place(body, m.name_space, m.key, within);
}

void encode(buffer& out, const contains_reply& m) { body_writer(out).list(1).flag(m.found); }

error_code decode(bytes_view body, contains_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.found = in.flag();
    return in.finish();
}

void encode(buffer& out, const size_request& m) { put_space(out, m.name_space); }

error_code decode(bytes_view body, size_request& m, const limits& within)
{
    return take_space(body, m.name_space, within);
}

void encode(buffer& out, const size_reply& m) { body_writer(out).list(1).put(m.size); }

error_code decode(bytes_view body, size_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.size = in.number();
    return in.finish();
}

void encode(buffer& out, const keys_request& m) { put_space(out, m.name_space); }

error_code decode(bytes_view body, keys_request& m, const limits& within)
{
    return take_space(body, m.name_space, within);
}

void encode(buffer& out, const keys_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    put_texts(writer, m.keys);
}

error_code decode(bytes_view body, keys_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    take_texts(in, m.keys, &body_reader::text);
    return in.finish();
}

void encode(buffer& out, const snapshot_request& m) { put_space(out, m.name_space); }

error_code decode(bytes_view body, snapshot_request& m, const limits& within)
{
    return take_space(body, m.name_space, within);
}

void encode(buffer& out, const snapshot_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    put_all(writer, m.items);
}

error_code decode(bytes_view body, snapshot_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    take_all(in, m.items);
    return in.finish();
}

void encode(buffer& out, const read_request& m)
{
    body_writer writer(out);
    writer.list(2).text(m.name_space);
    put_texts(writer, m.keys);
}

error_code decode(bytes_view body, read_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.name_space = in.name_space();
    take_texts(in, m.keys, &body_reader::key);
    return in.finish();
}

void encode(buffer& out, const read_reply& m)
{
    body_writer writer(out);
    writer.list(2).put(m.revision);
    put_all(writer, m.items);
}

error_code decode(bytes_view body, read_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(2);
    m.revision = in.number();
    take_all(in, m.items);
    return in.finish();
}

void encode(buffer& out, const namespaces_request&) { put_nothing(out); }

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

void encode(buffer& out, const watch_request& m)
{
    body_writer writer(out);
    writer.list(3).put(m.id).text(m.name_space);
    put_texts(writer, m.keys);
}

error_code decode(bytes_view body, watch_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.id = in.number();
    m.name_space = in.name_space();
    take_texts(in, m.keys, &body_reader::key);
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

void encode(buffer& out, const unwatch_request& m) { body_writer(out).list(1).put(m.id); }

error_code decode(bytes_view body, unwatch_request& m, const limits& within)
{
    body_reader in(body, within);
    in.list(1);
    m.id = in.number();
    return in.finish();
}

void encode(buffer& out, const empty_reply&) { put_nothing(out); }

error_code decode(bytes_view body, empty_reply&, const limits& within)
{
    return take_nothing(body, within);
}

void encode(buffer& out, const attach_request& m) { body_writer(out).list(1).flag(m.with_eventfd); }

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
