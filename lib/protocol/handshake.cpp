#include "protocol/handshake.hpp"

#include "protocol/body.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::protocol {

namespace {

// Elements of the two hellos. Magic and version come first in every version of the protocol, so
// that any two can tell each other which they speak.
constexpr std::size_t client_fields = 10;
constexpr std::size_t server_fields = 11;
constexpr std::size_t limit_fields = 5;

constexpr auto last_status = static_cast<std::uint16_t>(last_errc);

struct raw_header {
    std::uint32_t length;
    std::uint16_t code;
    std::uint16_t status;
};

raw_header parse(bytes_view header)
{
    const auto u16 = [&](std::size_t at) {
        return static_cast<std::uint16_t>(std::to_integer<unsigned>(header[at]) |
                                          std::to_integer<unsigned>(header[at + 1]) << 8);
    };
    const auto low = u16(length_at);
    const auto high = u16(length_at + 2);
    return {std::uint32_t{low} | std::uint32_t{high} << 16, u16(operation_at), u16(status_at)};
}

template <std::size_t Size>
void take(body_reader& in, std::array<std::byte, Size>& out)
{
    const auto bytes = in.bytes();
    if (in.good() && bytes.size() != out.size())
        in.fail(errc::malformed_frame);
    else if (in.good())
        std::memcpy(out.data(), bytes.data(), out.size());
}

/// The one element of a body.
template <std::size_t Size>
bool take_alone(bytes_view body, std::array<std::byte, Size>& out)
{
    const limits within;
    body_reader in(body, within);
    in.list(1);
    take(in, out);
    return !in.finish().failed();
}

/// None, or as many bytes as there have to be.
bytes_view take_some(body_reader& in, std::size_t size)
{
    const auto bytes = in.bytes();
    if (!bytes.empty() && bytes.size() != size)
        in.fail(errc::malformed_frame);
    return bytes;
}

/// Magic and version; the rest of the body can be read only when they are ours.
std::uint16_t take_greeting(body_reader& in)
{
    if (in.list() < 2 || in.text() != magic)
        in.fail(errc::malformed_frame);
    const auto spoken = in.number();
    if (spoken > 0xffff)
        in.fail(errc::malformed_frame);
    return static_cast<std::uint16_t>(spoken);
}

std::string mismatch(std::string_view theirs, std::uint64_t their_version, std::string_view ours)
{
    std::string text = "the ";
    text += theirs;
    text += " speaks version " + std::to_string(their_version) + " of the protocol, the ";
    text += ours;
    text += " version " + std::to_string(version) + ": build both against the same zproc";
    return text;
}

} // namespace

void write_hello(buffer& out, std::uint32_t correlation, const client_hello& hello)
{
    const auto at = begin_frame(out, correlation, operation::hello);
    body_writer(out)
        .list(client_fields)
        .text(magic)
        .put(hello.version)
        .put(hello.session)
        .bytes(hello.instance)
        .put(hello.acknowledged)
        .put(hello.pid)
        .text(hello.name)
        .text(hello.build_id)
        .flag(hello.observer)
        .bytes(hello.nonce);
    end_frame(out, at);
}

void write_welcome(buffer& out, std::uint32_t correlation, const server_hello& hello)
{
    const auto at = begin_frame(out, correlation, operation::hello);
    body_writer(out)
        .list(server_fields)
        .text(magic)
        .put(hello.version)
        .bytes(hello.instance)
        .put(hello.epoch)
        .put(hello.session)
        .flag(hello.resumed)
        .put(hello.pid)
        .put(static_cast<std::uint64_t>(hello.durability))
        .list(limit_fields)
        .put(hello.limits.request_bytes)
        .put(hello.limits.value_bytes)
        .put(hello.limits.key_bytes)
        .put(hello.limits.namespace_bytes)
        .put(hello.limits.depth)
        .text(hello.build_id)
        .bytes(hello.proof);
    end_frame(out, at);
}

error_code write_proven_welcome(buffer& out, std::uint32_t correlation, const server_hello& hello,
                                std::string_view secret, const transcript& seen)
{
    const digest later{};
    auto proven = hello;
    proven.proof = later;
    const auto at = out.size();
    write_welcome(out, correlation, proven);
    const auto body = bytes_view(out).subspan(at + header_bytes);
    const auto proof = server_proof(secret, seen, body.first(body.size() - digest_bytes));
    if (!proof) {
        out.resize(at);
        return errc::not_authenticated;
    }
    std::ranges::copy(*proof, out.end() - static_cast<std::ptrdiff_t>(digest_bytes));
    return {};
}

void write_challenge(buffer& out, std::uint32_t correlation, const nonce& fresh)
{
    const auto at = begin_frame(out, correlation, operation::challenge);
    body_writer(out).list(1).bytes(fresh);
    end_frame(out, at);
}

void write_proof(buffer& out, std::uint32_t correlation, const digest& proof)
{
    const auto at = begin_frame(out, correlation, operation::proof);
    body_writer(out).list(1).bytes(proof);
    end_frame(out, at);
}

error_code read_challenge(const frame& f, nonce& fresh, std::string& text)
{
    if (f.code != operation::challenge || f.status != 0 || !take_alone(f.body, fresh)) {
        text = "what answers there sent a challenge that is none: check the address";
        return errc::not_a_zproc_server;
    }
    return {};
}

error_code read_proof(const frame& f, digest& proof, std::string& text)
{
    if (f.code != operation::proof || f.status != 0 || !take_alone(f.body, proof)) {
        text = "a challenge is answered with a proof, and with nothing else";
        return errc::malformed_frame;
    }
    return {};
}

error_code check_first_header(std::span<const std::byte, header_bytes> header, std::string& text)
{
    const auto first = parse(header);
    if (first.code != static_cast<std::uint16_t>(operation::hello) || first.status != 0) {
        text = "the first bytes are no hello of zproc: is this client a zproc program?";
        return errc::malformed_frame;
    }
    if (first.length > max_hello_bytes) {
        text = "a hello of " + std::to_string(first.length) + " bytes; " +
               std::to_string(max_hello_bytes) + " are the most";
        return errc::frame_too_large;
    }
    return {};
}

error_code read_hello(const frame& first, client_hello& hello, std::string& text)
{
    const limits within;
    body_reader in(first.body, within);
    hello.version = take_greeting(in);
    if (!in.good()) {
        text = "the first frame is no hello of zproc: is this client a zproc program?";
        return errc::malformed_frame;
    }
    if (hello.version != version) {
        text = mismatch("client", hello.version, "server");
        return errc::version_mismatch;
    }
    hello.session = in.number();
    take(in, hello.instance);
    hello.acknowledged = in.number();
    hello.pid = in.number32();
    hello.name = in.text();
    if (hello.name.size() > max_peer_name_bytes)
        in.fail(errc::malformed_frame);
    hello.build_id = in.text();
    hello.observer = in.flag();
    hello.nonce = take_some(in, nonce_bytes);
    if (hello.observer && hello.session != 0)
        in.fail(errc::malformed_frame);
    if (in.finish().failed()) {
        text = "the hello has the right magic and version, but its fields are damaged";
        return errc::malformed_frame;
    }
    return {};
}

error_code check_first_reply(bytes_view received)
{
    // Of what has not come yet, zeros are believed.
    std::array<std::byte, header_bytes> header{};
    const auto there = std::min(received.size(), header.size());
    std::copy_n(received.begin(), there, header.begin());
    const auto first = parse(header);
    const bool known = first.code == static_cast<std::uint16_t>(operation::hello) ||
                       first.code == static_cast<std::uint16_t>(operation::challenge);
    if (first.length > max_hello_bytes || (there >= status_at && !known) ||
        (there == header_bytes && first.status > last_status))
        return errc::not_a_zproc_server;
    return {};
}

error_code read_welcome(const frame& first, server_hello& hello, std::string& text, bool observer)
{
    if (first.code != operation::hello || first.status > last_status)
        return errc::not_a_zproc_server;
    if (first.status != 0) {
        text = error_text(first.body);
        return first.error();
    }
    const limits within;
    body_reader in(first.body, within);
    hello.version = take_greeting(in);
    if (!in.good()) {
        text = "what answers there does not speak the protocol of zproc: check the address";
        return errc::not_a_zproc_server;
    }
    if (hello.version != version) {
        text = mismatch("server", hello.version, "client");
        return errc::version_mismatch;
    }
    take(in, hello.instance);
    hello.epoch = in.number();
    hello.session = in.number();
    hello.resumed = in.flag();
    hello.pid = in.number32();
    const auto kept = in.number();
    if (kept > static_cast<std::uint64_t>(durability::disk))
        in.fail(errc::malformed_frame);
    hello.durability = static_cast<durability>(kept);
    in.list(limit_fields);
    hello.limits.request_bytes = in.number32();
    hello.limits.value_bytes = in.number32();
    hello.limits.key_bytes = in.number32();
    hello.limits.namespace_bytes = in.number32();
    hello.limits.depth = in.number32();
    hello.build_id = in.text();
    hello.proof = take_some(in, digest_bytes);
    if (in.finish().failed() || (hello.session == 0) != observer) {
        text = "the welcome has the right magic and version, but its fields are damaged";
        return errc::not_a_zproc_server;
    }
    return {};
}

} // namespace zproc::protocol
