#include "store/kept_reply.hpp"

#include "value/msgpack.hpp"

#include <algorithm>

namespace zproc::store {

void encode_kept_reply(const kept_reply& reply, std::uint64_t request, std::vector<std::byte>& out)
{
    out.clear();
    msgpack::writer writer(out);
    // The distance is a byte where the number would be up to nine.
    writer.write_uint(request - std::min(request, reply.acknowledged));
    writer.write_uint(reply.revision);
    if (reply.result)
        writer.write_raw(*reply.result);
}

std::optional<kept_reply> decode_kept_reply(std::span<const std::byte> bytes, std::uint64_t request)
{
    msgpack::reader in(bytes);
    kept_reply reply;
    const auto distance = in.read_uint();
    reply.acknowledged = request - std::min(request, distance);
    reply.revision = in.read_uint();
    if (!in.ok())
        return std::nullopt;
    if (!in.at_end())
        reply.result = in.rest();
    return reply;
}

} // namespace zproc::store
