#include "store/peer.hpp"

#include "value/msgpack.hpp"

namespace zproc::store {

void encode_peer(const peer& who, std::vector<std::byte>& out)
{
    out.clear();
    msgpack::writer writer(out);
    writer.write_array_header(3);
    writer.write_uint(who.pid);
    writer.write_str(who.name);
    writer.write_int(who.gone);
}

std::optional<peer> decode_peer(std::span<const std::byte> bytes)
{
    msgpack::reader in(bytes);
    peer who;
    in.expect_array(3);
    const auto pid = in.read_uint();
    who.pid = static_cast<std::uint32_t>(pid);
    who.name = in.read_str();
    who.gone = in.read_int();
    in.expect_end();
    return in.ok() && pid == who.pid ? std::optional(who) : std::nullopt;
}

} // namespace zproc::store
