#include "protocol/body.hpp"
#include "protocol/messages.hpp"

/// The mutations and their replies. A struct's two functions stand together and mirror each other.
namespace zproc::protocol {

namespace {

/// Every mutation is a list of [number, acknowledged, handle, namespace, …].
constexpr std::size_t head = 4;

template <class Request>
body_writer begin(buffer& out, const Request& m, std::size_t fields)
{
    body_writer writer(out);
    writer.list(head + fields).by(m.by).text(m.name_space);
    return writer;
}

template <class Request>
body_reader begin(bytes_view body, Request& m, std::size_t fields, const limits& within)
{
    body_reader in(body, within);
    in.list(head + fields);
    m.by = in.by();
    m.name_space = in.name_space();
    return in;
}

template <class Request>
void encode_entries(buffer& out, const Request& m)
{
    auto writer = begin(out, m, 1);
    writer.list(m.entries.size());
    for (const auto& entry : m.entries)
        writer.list(2).text(entry.key).value(entry.value);
}

template <class Request>
error_code decode_entries(bytes_view body, Request& m, const limits& within)
{
    auto in = begin(body, m, 1, within);
    const auto count = in.list();
    m.entries.clear();
    m.entries.reserve(count);
    for (std::size_t i = 0; i != count && in.good(); ++i) {
        entry e;
        in.list(2);
        e.key = in.key();
        e.value = in.value();
        m.entries.push_back(e);
    }
    return in.finish();
}

template <class Request>
void encode_entry(buffer& out, const Request& m, bytes_view value)
{
    begin(out, m, 2).text(m.key).value(value);
}

template <class Request>
error_code decode_entry(bytes_view body, Request& m, bytes_view& value, const limits& within)
{
    auto in = begin(body, m, 2, within);
    m.key = in.key();
    value = in.value();
    return in.finish();
}

} // namespace

void encode(buffer& out, const set_request& m)
{
    encode_entry(out, m, m.value);
}

error_code decode(bytes_view body, set_request& m, const limits& within)
{
    return decode_entry(body, m, m.value, within);
}

void encode(buffer& out, const erase_request& m)
{
    begin(out, m, 1).texts(m.keys);
}

error_code decode(bytes_view body, erase_request& m, const limits& within)
{
    auto in = begin(body, m, 1, within);
    in.keys(m.keys);
    return in.finish();
}

void encode(buffer& out, const update_request& m)
{
    encode_entries(out, m);
}

error_code decode(bytes_view body, update_request& m, const limits& within)
{
    return decode_entries(body, m, within);
}

void encode(buffer& out, const replace_request& m)
{
    encode_entries(out, m);
}

error_code decode(bytes_view body, replace_request& m, const limits& within)
{
    return decode_entries(body, m, within);
}

void encode(buffer& out, const clear_request& m)
{
    begin(out, m, 0);
}

error_code decode(bytes_view body, clear_request& m, const limits& within)
{
    return begin(body, m, 0, within).finish();
}

void encode(buffer& out, const pop_request& m)
{
    begin(out, m, 1).text(m.key);
}

error_code decode(bytes_view body, pop_request& m, const limits& within)
{
    auto in = begin(body, m, 1, within);
    m.key = in.key();
    return in.finish();
}

void encode(buffer& out, const pop_item_request& m)
{
    begin(out, m, 0);
}

error_code decode(bytes_view body, pop_item_request& m, const limits& within)
{
    return begin(body, m, 0, within).finish();
}

void encode(buffer& out, const set_default_request& m)
{
    encode_entry(out, m, m.value);
}

error_code decode(bytes_view body, set_default_request& m, const limits& within)
{
    return decode_entry(body, m, m.value, within);
}

void encode(buffer& out, const increment_request& m)
{
    encode_entry(out, m, m.amount);
}

error_code decode(bytes_view body, increment_request& m, const limits& within)
{
    return decode_entry(body, m, m.amount, within);
}

void encode(buffer& out, const append_request& m)
{
    encode_entry(out, m, m.value);
}

error_code decode(bytes_view body, append_request& m, const limits& within)
{
    return decode_entry(body, m, m.value, within);
}

void encode(buffer& out, const compare_exchange_request& m)
{
    begin(out, m, 3).text(m.key).maybe(m.expected).maybe(m.desired);
}

error_code decode(bytes_view body, compare_exchange_request& m, const limits& within)
{
    auto in = begin(body, m, 3, within);
    m.key = in.key();
    m.expected = in.maybe();
    m.desired = in.maybe();
    return in.finish();
}

void encode(buffer& out, const commit_request& m)
{
    auto writer = begin(out, m, 5);
    if (m.scanned)
        writer.list(1).put(*m.scanned);
    else
        writer.list(0);
    writer.list(m.reads.size());
    for (const auto& read : m.reads)
        writer.list(2).text(read.key).put(read.modified);
    writer.list(m.writes.size());
    for (const auto& w : m.writes)
        writer.list(2).text(w.key).maybe(w.value);
    writer.put(m.turn).list(m.additions.size());
    for (const auto& each : m.additions)
        writer.list(2).text(each.key).value(each.amount);
}

error_code decode(bytes_view body, commit_request& m, const limits& within)
{
    auto in = begin(body, m, 5, within);
    m.scanned.reset();
    if (const auto given = in.list(); given == 1)
        m.scanned = in.number();
    else if (given != 0)
        in.fail(errc::malformed_frame);

    const auto reads = in.list();
    m.reads.clear();
    m.reads.reserve(reads);
    for (std::size_t i = 0; i != reads && in.good(); ++i) {
        read_stamp read;
        in.list(2);
        read.key = in.key();
        read.modified = in.number();
        m.reads.push_back(read);
    }

    const auto writes = in.list();
    m.writes.clear();
    m.writes.reserve(writes);
    for (std::size_t i = 0; i != writes && in.good(); ++i) {
        write w;
        in.list(2);
        w.key = in.key();
        w.value = in.maybe();
        m.writes.push_back(w);
    }
    m.turn = in.number();

    const auto additions = in.list();
    m.additions.clear();
    m.additions.reserve(additions);
    for (std::size_t i = 0; i != additions && in.good(); ++i) {
        addition each;
        in.list(2);
        each.key = in.key();
        each.amount = in.amount();
        m.additions.push_back(each);
    }
    return in.finish();
}

void encode(buffer& out, const conflict_reply& m)
{
    body_writer writer(out);
    writer.list(3).put(m.revision).flag(m.scan_failed).items(m.items);
}

error_code decode(bytes_view body, conflict_reply& m, const limits& within)
{
    body_reader in(body, within);
    in.list(3);
    m.revision = in.number();
    m.scan_failed = in.flag();
    in.items(m.items);
    return in.finish();
}

void encode(buffer& out, const mutation_reply& m)
{
    body_writer(out).list(3).put(m.revision).flag(m.made).maybe(m.result);
}

error_code decode(bytes_view body, mutation_reply& m, const limits& within)
{
    // A result may hold a value, and a little more around it.
    auto wider = within;
    wider.depth += 2;
    wider.value_bytes += 2 * wider.key_bytes;
    body_reader in(body, wider);
    in.list(3);
    m.revision = in.number();
    m.made = in.flag();
    m.result = in.maybe();
    return in.finish();
}

error_code decode_result(bytes_view result, exchange_result& out)
{
    const limits within;
    body_reader in(result, within);
    in.list(2);
    out.exchanged = in.flag();
    out.found = in.maybe();
    return in.finish();
}

error_code decode_result(bytes_view result, entry& out)
{
    const limits within;
    body_reader in(result, within);
    in.list(2);
    out.key = in.text();
    out.value = in.value();
    return in.finish();
}

error_code decode_result(bytes_view result, std::uint64_t& out)
{
    const limits within;
    body_reader in(result, within);
    out = in.number();
    return in.finish();
}

} // namespace zproc::protocol
