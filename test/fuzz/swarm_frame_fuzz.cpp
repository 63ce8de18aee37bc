#include "oracle.hpp"
#include "swarm/frame.hpp"

#include <zproc/detail/swarm_items.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

// What a worker of a swarm may send, in pieces of any size.

using namespace zproc::swarming;

using zproc::fuzz::require;
using zproc::fuzz::touch;

namespace {

void look_at(const frame& f)
{
    static_cast<void>(touch(std::as_bytes(std::span(f.body))));
    const bool has_blob = f.kind == frame_kind::task || f.kind == frame_kind::done;
    if (!has_blob)
        return;
    require(f.blob.block != 0 || f.blob.length <= f.body.size());
    const auto inside = f.blob.block != 0 ? 0 : static_cast<std::size_t>(f.blob.length);
    if (const auto failures = read_failures(f.body.substr(inside))) {
        std::string again;
        for (const auto& each : *failures)
            write_failure(again, each);
        require(again == f.body.substr(inside));
    }
    auto rest = f.body.substr(0, inside);
    std::string_view item;
    bool absent = false;
    while (zproc::detail::next_item(rest, item, absent))
        static_cast<void>(touch(std::as_bytes(std::span(item))));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::size_t piece = data[0] + std::size_t{1};
    std::span<const std::uint8_t> rest(data + 1, size - 1);
    frame_reader reader;
    std::string again;
    std::size_t taken = 0;
    while (!rest.empty()) {
        const auto room = reader.room();
        const auto now = std::min({piece, rest.size(), room.size()});
        std::copy_n(rest.begin(), now, room.begin());
        reader.filled(now);
        rest = rest.subspan(now);
        while (const auto f = reader.next()) {
            look_at(*f);
            write_frame(again, *f);
            taken += frame_head + f->body.size();
        }
        if (reader.is_broken()) {
            require(!reader.next());
            break;
        }
    }
    require(again.size() == taken && taken < size);
    return 0;
}
