#include "client/request_call.hpp"

#include "value/decode.hpp"
#include "value/msgpack.hpp"

namespace zproc::client {

using detail::operation;
namespace wire = protocol;

request_call::request_call(const detail::state_identity& from, detail::request&& r,
                           asio::any_io_executor io)
    : call(detail::is_mutation(r.what)),
      what_(r.what),
      handle_(from.handle),
      name_space_(from.name_space),
      key_(std::move(r.key)),
      io_(std::move(io))
{
}

std::unique_ptr<request_call> request_call::make(const detail::state_identity& from,
                                                 detail::request&& r,
                                                 std::unique_ptr<detail::pending>& p,
                                                 asio::any_io_executor io, error_code& ec)
{
    auto made = std::make_unique<request_call>(from, std::move(r), std::move(io));
    switch (made->what_) {
    case operation::update:
    case operation::replace:
        for (const auto& [key, v] : r.first.as_dict()) {
            made->entries_.emplace_back(key, wire::buffer());
            ec = msgpack::encode(v, made->entries_.back().second);
            if (ec)
                return nullptr;
        }
        break;
    case operation::compare_exchange:
        if (!r.first.is_null())
            ec = encode(r.first, made->first_);
        if (!ec && !r.second.is_null())
            ec = encode(r.second, made->second_);
        break;
    case operation::set:
    case operation::set_default:
    case operation::increment:
    case operation::decrement:
    case operation::append: ec = encode(r.first, made->first_); break;
    default: break;
    }
    if (ec)
        return nullptr;
    made->pending_ = std::move(p);
    return made;
}

error_code request_call::encode(const value& from, small_buffer& to)
{
    thread_local wire::buffer encoded;
    encoded.clear();
    const auto ec = msgpack::encode(from, encoded);
    to.assign(encoded.begin(), encoded.end());
    constexpr std::size_t kept = 4096; // of what a large one took
    if (encoded.capacity() > kept)
        wire::buffer().swap(encoded);
    return ec;
}

std::optional<wire::bytes_view> request_call::optional_value(const small_buffer& bytes) const
{
    if (bytes.empty())
        return std::nullopt;
    return wire::bytes_view(bytes);
}

std::vector<wire::entry> request_call::entries() const
{
    std::vector<wire::entry> all;
    all.reserve(entries_.size());
    for (const auto& [key, bytes] : entries_)
        all.push_back({key, bytes});
    return all;
}

void request_call::write(wire::buffer& out, std::uint32_t correlation, const wire::mutation& stamp)
{
    wire::mutation by = stamp;
    by.handle = handle_;
    const auto put = [&](const auto& message) { wire::write_request(out, correlation, message); };
    switch (what_) {
    case operation::get: return put(wire::get_request{name_space_, key_});
    case operation::contains: return put(wire::contains_request{name_space_, key_});
    case operation::size: return put(wire::size_request{name_space_});
    case operation::keys: return put(wire::keys_request{name_space_});
    case operation::snapshot: return put(wire::snapshot_request{name_space_});
    case operation::revision: return put(wire::read_request{name_space_, {}});
    case operation::namespaces: return put(wire::namespaces_request{});
    case operation::set: return put(wire::set_request{by, name_space_, key_, first_});
    case operation::erase: return put(wire::erase_request{by, name_space_, {key_}});
    case operation::update: return put(wire::update_request{by, name_space_, entries()});
    case operation::replace: return put(wire::replace_request{by, name_space_, entries()});
    case operation::clear: return put(wire::clear_request{by, name_space_});
    case operation::pop: return put(wire::pop_request{by, name_space_, key_});
    case operation::pop_item: return put(wire::pop_item_request{by, name_space_});
    case operation::set_default:
        return put(wire::set_default_request{by, name_space_, key_, first_});
    case operation::increment:
        return put(
            wire::increment_request{wire::operation::increment, by, name_space_, key_, first_});
    case operation::decrement:
        return put(
            wire::increment_request{wire::operation::decrement, by, name_space_, key_, first_});
    case operation::append: return put(wire::append_request{by, name_space_, key_, first_});
    case operation::compare_exchange:
        return put(wire::compare_exchange_request{by, name_space_, key_, optional_value(first_),
                                                  optional_value(second_)});
    }
}

void request_call::done(error_code ec, wire::bytes_view body)
{
    detail::response r;
    if (!ec)
        ec = is_mutation() ? read_mutation(body, r) : read(body, r);
    else
        r.text = wire::error_text(body);
    pending_->complete(io_, ec, std::move(r));
}

error_code request_call::read(wire::bytes_view body, detail::response& r) const
{
    error_code ec;
    switch (what_) {
    case operation::get: {
        wire::get_reply reply;
        ec = wire::decode(body, reply);
        r.revision = reply.revision;
        if (!ec && !reply.value)
            ec = errc::no_such_key;
        return ec ? ec : decode_any(*reply.value, r.result);
    }
    case operation::contains: {
        wire::contains_reply reply;
        ec = wire::decode(body, reply);
        r.result = reply.found;
        return ec;
    }
    case operation::size: {
        wire::size_reply reply;
        ec = wire::decode(body, reply);
        r.result = reply.size;
        return ec;
    }
    case operation::keys: {
        wire::keys_reply reply;
        ec = wire::decode(body, reply);
        r.revision = reply.revision;
        r.result = reply.keys;
        return ec;
    }
    case operation::revision: {
        wire::read_reply reply;
        ec = wire::decode(body, reply);
        r.revision = reply.revision;
        return ec;
    }
    case operation::namespaces: {
        wire::namespaces_reply reply;
        ec = wire::decode(body, reply);
        list all;
        for (const auto& each : reply.namespaces)
            all.push_back(list_of(each.name, each.revision, each.size));
        r.result = std::move(all);
        return ec;
    }
    default: {
        wire::snapshot_reply reply;
        ec = wire::decode(body, reply);
        r.revision = reply.revision;
        dict all;
        for (const auto& each : reply.items) {
            value v;
            if (!ec && each.value)
                ec = decode_any(*each.value, v);
            all.insert_or_assign(each.key, std::move(v));
        }
        r.result = std::move(all);
        return ec;
    }
    }
}

error_code request_call::read_mutation(wire::bytes_view body, detail::response& r) const
{
    wire::mutation_reply reply;
    error_code ec = wire::decode(body, reply);
    if (ec)
        return ec;
    r.revision = reply.revision;
    switch (what_) {
    case operation::erase: {
        std::uint64_t count = 0;
        ec = reply.result ? wire::decode_result(*reply.result, count) : error_code();
        r.result = count > 0;
        return ec;
    }
    case operation::pop:
        if (!reply.result)
            return errc::no_such_key;
        return decode_any(*reply.result, r.result);
    case operation::pop_item: {
        wire::entry item;
        if (!reply.result)
            return errc::no_such_key;
        value v;
        ec = wire::decode_result(*reply.result, item);
        if (!ec)
            ec = decode_any(item.value, v);
        r.result = list_of(item.key, std::move(v));
        return ec;
    }
    case operation::set_default:
    case operation::increment:
    case operation::decrement:
        return reply.result ? decode_any(*reply.result, r.result) : errc::malformed_frame;
    case operation::compare_exchange: {
        wire::exchange_result exchange;
        if (!reply.result)
            return errc::malformed_frame;
        ec = wire::decode_result(*reply.result, exchange);
        r.result = exchange.exchanged;
        return ec;
    }
    default: return ec;
    }
}

} // namespace zproc::client
