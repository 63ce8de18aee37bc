#include "swarm/door_handshake.hpp"

#include "protocol/body.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::swarming {

using protocol::body_reader;
using protocol::body_writer;
using protocol::buffer;
using protocol::bytes_view;
using protocol::digest;

namespace {

constexpr std::size_t hello_fields = 8;
constexpr std::size_t welcome_fields = 5;
constexpr const char* stranger_text =
    "what came is no greeting of a worker: is it a program of zproc, which is to join a swarm?";
constexpr const char* no_door_text =
    "what answers there is no swarm that listens: check the address, which swarm::address gives";

bytes_view as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

std::string_view as_text(bytes_view bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put(std::string& out, frame_kind kind, const buffer& body)
{
    frame f;
    f.kind = kind;
    f.body = as_text(body);
    write_frame(out, f);
}

/// Exactly as many bytes as there is room.
template <std::size_t Size>
void take(body_reader& in, std::array<std::byte, Size>& out)
{
    const auto bytes = in.bytes();
    if (!in.good())
        return;
    if (bytes.size() != Size)
        return in.fail(errc::malformed_frame);
    std::ranges::copy(bytes, out.begin());
}

/// None, or so many.
bytes_view take_some(body_reader& in, std::size_t size)
{
    const auto bytes = in.bytes();
    if (!bytes.empty() && bytes.size() != size)
        in.fail(errc::malformed_frame);
    return bytes;
}

/// The one thing in a body.
template <std::size_t Size>
bool take_alone(std::string_view body, std::array<std::byte, Size>& out)
{
    const protocol::limits within;
    body_reader in(as_bytes(body), within);
    in.list(1);
    take(in, out);
    return !in.finish().failed();
}

} // namespace

std::string build_text(std::string_view build)
{
    constexpr std::size_t enough = 10; // bytes: to tell two of them apart
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char each : build.substr(0, enough)) {
        const auto byte = static_cast<unsigned char>(each);
        text += digits[byte >> 4];
        text += digits[byte & 0xf];
    }
    return text.empty() ? "none" : text;
}

void write_refusal(std::string& out, const error_code& ec, std::string_view text)
{
    buffer body;
    body_writer(body)
        .list(2)
        .put(static_cast<std::uint64_t>(ec.value()))
        .bytes(as_bytes(text.substr(0, max_door_body / 2)));
    put(out, frame_kind::refused, body);
}

// The owner -------------------------------------------------------------------------------------

admission::outcome admission::take(const frame& f, std::string& out)
{
    switch (step_) {
    case step::hello: return read_hello(f, out);
    case step::proof: return read_proof(f, out);
    case step::known: break;
    }
    write_refusal(out, errc::malformed_frame, "nothing was to come before the answer");
    return outcome::refused;
}

admission::outcome admission::read_hello(const frame& f, std::string& out)
{
    const auto refuse = [&](errc why, std::string_view text) {
        write_refusal(out, why, text);
        return outcome::refused;
    };
    const protocol::limits within;
    body_reader in(as_bytes(f.body), within);
    // These come first in every version, so that any two can tell each other which they speak.
    const auto count = in.list();
    const auto magic = in.bytes();
    const auto version = in.number();
    if (f.kind != frame_kind::hello || !in.good() || as_text(magic) != door_magic)
        return refuse(errc::malformed_frame, stranger_text);
    if (version != door_version)
        return refuse(errc::version_mismatch,
                      "the swarm speaks version " + std::to_string(door_version) +
                          " of its protocol, who wants to join it version " +
                          std::to_string(version) + ": copy the same executable to both machines");
    const auto role = in.number();
    const auto build = in.bytes();
    who_.host = in.number32();
    who_.worker = in.number();
    swarming::take(in, who_.token);
    const auto nonce = take_some(in, protocol::nonce_bytes);
    if (in.finish().failed() || count != hello_fields ||
        (role != static_cast<std::uint64_t>(door_role::host) &&
         role != static_cast<std::uint64_t>(door_role::worker)))
        return refuse(errc::malformed_frame, stranger_text);
    who_.role = static_cast<door_role>(role);
    build_seen_ = as_text(build);
    who_.build = build_seen_;
    if (nonce.empty() && !secret_.empty())
        return refuse(errc::secret_required,
                      "this swarm admits only who knows its secret, and this program has none: "
                      "give it the same secret file (--zproc-secret-file FILE)");
    if (!nonce.empty() && secret_.empty())
        return refuse(errc::not_authenticated,
                      "this swarm has no secret, and this program trusts only who knows its own: "
                      "give the owner of the swarm the same secret file");
    if (secret_.empty())
        return judge(out);
    const auto said = protocol::digest_of(as_bytes(f.body));
    if (!said)
        return refuse(errc::not_authenticated, "libcrypto has failed");
    std::ranges::copy(nonce, seen_.client.begin());
    seen_.server = fresh_;
    seen_.hello = *said;
    buffer body;
    body_writer(body).list(1).bytes(fresh_);
    put(out, frame_kind::challenge, body);
    step_ = step::proof;
    return outcome::more;
}

admission::outcome admission::read_proof(const frame& f, std::string& out)
{
    digest proof;
    if (f.kind != frame_kind::proof || !take_alone(f.body, proof)) {
        write_refusal(out, errc::malformed_frame,
                      "a challenge is answered with a proof, and with nothing else");
        return outcome::refused;
    }
    if (!protocol::is_same(protocol::client_proof(secret_, seen_), proof)) {
        write_refusal(out, errc::not_authenticated,
                      "this program has another secret than the owner of the swarm: give both the "
                      "same secret file");
        return outcome::refused;
    }
    return judge(out);
}

/// Functions are named by where they are in the program: that has to be the same one.
admission::outcome admission::judge(std::string& out)
{
    if (who_.build != build_) {
        write_refusal(out, errc::wrong_build,
                      "this program is another build (" + build_text(who_.build) +
                          ") than that of the swarm (" + build_text(build_) +
                          "): copy the executable of the owner to this machine, with the library "
                          "of zproc where that is a shared one");
        return outcome::refused;
    }
    step_ = step::known;
    return outcome::known;
}

bool admission::welcome(const door_welcome& what, std::string& out) const
{
    const digest later{};
    const bool proves = !secret_.empty();
    buffer body;
    body_writer(body)
        .list(welcome_fields)
        .put(what.host)
        .bytes(what.token)
        .put(what.silence_ms)
        .bytes(as_bytes(std::string_view(what.name).substr(0, max_door_body / 2)))
        .bytes(proves ? bytes_view(later) : bytes_view());
    if (proves) {
        const auto proof = protocol::server_proof(
            secret_, seen_, bytes_view(body).first(body.size() - protocol::digest_bytes));
        if (!proof)
            return false;
        std::ranges::copy(*proof, body.end() - static_cast<std::ptrdiff_t>(protocol::digest_bytes));
    }
    put(out, frame_kind::welcome, body);
    return true;
}

// Who comes -------------------------------------------------------------------------------------

error_code introduction::begin(door_hello who, std::string_view secret,
                               const protocol::nonce& fresh, std::string& out)
{
    secret_ = secret;
    if (!secret_.empty()) {
        seen_.client = fresh;
        who.nonce = seen_.client;
    }
    buffer body;
    body_writer(body)
        .list(hello_fields)
        .bytes(as_bytes(door_magic))
        .put(door_version)
        .put(static_cast<std::uint64_t>(who.role))
        .bytes(as_bytes(who.build))
        .put(who.host)
        .put(who.worker)
        .bytes(who.token)
        .bytes(who.nonce);
    if (!secret_.empty()) {
        const auto said = protocol::digest_of(body);
        if (!said)
            return errc::not_authenticated;
        seen_.hello = *said;
    }
    put(out, frame_kind::hello, body);
    return {};
}

introduction::outcome introduction::refuse(errc why, std::string_view text)
{
    error_ = why;
    text_ = text;
    return outcome::refused;
}

introduction::outcome introduction::take(const frame& f, std::string& out)
{
    if (f.kind == frame_kind::refused)
        return read_refusal(f);
    if (f.kind == frame_kind::challenge && !proven_)
        return answer(f, out);
    return f.kind == frame_kind::welcome ? read_welcome(f)
                                         : refuse(errc::not_a_zproc_server, no_door_text);
}

introduction::outcome introduction::answer(const frame& f, std::string& out)
{
    if (!take_alone(f.body, seen_.server))
        return refuse(errc::not_a_zproc_server, no_door_text);
    if (secret_.empty())
        return refuse(errc::secret_required,
                      "the swarm asks for a secret, and this program was given none: give it the "
                      "same secret file (--zproc-secret-file FILE)");
    const auto proof = protocol::client_proof(secret_, seen_);
    if (!proof)
        return refuse(errc::not_authenticated, "libcrypto has failed");
    buffer body;
    body_writer(body).list(1).bytes(*proof);
    put(out, frame_kind::proof, body);
    proven_ = true;
    return outcome::more;
}

introduction::outcome introduction::read_welcome(const frame& f)
{
    const protocol::limits within;
    body_reader in(as_bytes(f.body), within);
    in.list(welcome_fields);
    door_welcome said;
    said.host = in.number32();
    swarming::take(in, said.token);
    said.silence_ms = in.number();
    said.name = as_text(in.bytes());
    const auto proof = take_some(in, protocol::digest_bytes);
    if (in.finish().failed() || said.silence_ms == 0 ||
        std::chrono::milliseconds(longest_silence) <
            std::chrono::duration<std::uint64_t, std::milli>(said.silence_ms))
        return refuse(errc::not_a_zproc_server, no_door_text);
    if (!secret_.empty()) {
        const auto before = as_bytes(f.body).first(f.body.size() - proof.size());
        if (!proven_ || !protocol::is_same(protocol::server_proof(secret_, seen_, before), proof))
            return refuse(errc::not_authenticated,
                          "what answers there has not proven that it knows the secret of this "
                          "program");
    }
    said_ = std::move(said);
    return outcome::welcome;
}

introduction::outcome introduction::read_refusal(const frame& f)
{
    const protocol::limits within;
    body_reader in(as_bytes(f.body), within);
    in.list(2);
    const auto why = in.number();
    const auto text = in.bytes();
    if (in.finish().failed() || why == 0 || why > static_cast<std::uint64_t>(last_errc))
        return refuse(errc::not_a_zproc_server, no_door_text);
    return refuse(static_cast<errc>(why), as_text(text));
}

} // namespace zproc::swarming
