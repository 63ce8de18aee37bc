#include "swarm/frame.hpp"

#include <algorithm>
#include <cstring>

namespace zproc::swarming {

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
constexpr std::size_t most_room = std::size_t{1} << 20;

/// As it lies in the socket.
struct head {
    std::uint32_t body = 0;
    std::uint16_t kind = 0;
    std::uint16_t flags = 0;
    std::uint32_t job = 0;
    std::uint32_t chunk = 0;
    std::uint32_t count = 0;
    std::uint32_t block = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t number = 0;
    std::uint64_t resident = 0;
    std::uint64_t reserved = 0;
};
static_assert(sizeof(head) == frame_head);

bool is_known(std::uint16_t kind)
{
    return kind >= static_cast<std::uint16_t>(frame_kind::block) &&
           kind <= static_cast<std::uint16_t>(frame_kind::ended);
}

struct failure_head {
    std::uint32_t item = 0;
    std::uint32_t unserializable = 0;
    std::uint64_t length = 0;
};

} // namespace

void write_frame(std::string& out, const frame& f)
{
    head h;
    h.body = static_cast<std::uint32_t>(f.body.size());
    h.kind = static_cast<std::uint16_t>(f.kind);
    h.flags = f.flags;
    h.job = f.job;
    h.chunk = f.chunk;
    h.count = f.count;
    h.block = f.blob.block;
    h.offset = f.blob.offset;
    h.length = f.blob.length;
    h.number = f.number;
    h.resident = f.resident;
    out.append(reinterpret_cast<const char*>(&h), sizeof h);
    out.append(f.body);
}

std::span<char> frame_reader::room()
{
    // What a head promises is believed piece by piece, as it comes.
    std::size_t wanted = read_size;
    if (end_ - begin_ >= frame_head) {
        std::uint32_t body = 0;
        std::memcpy(&body, buffer_.data() + begin_, sizeof body);
        wanted = std::clamp<std::size_t>(
            frame_head + body - std::min<std::size_t>(frame_head + body, end_ - begin_), read_size,
            most_room);
    }
    if (begin_ == end_)
        begin_ = end_ = 0;
    if (buffer_.size() - end_ < wanted) {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (buffer_.size() - end_ < wanted)
            buffer_.resize(std::max(end_ + wanted, buffer_.size() + buffer_.size() / 2));
    }
    return {buffer_.data() + end_, buffer_.size() - end_};
}

std::optional<frame> frame_reader::next()
{
    if (broken_ || end_ - begin_ < frame_head)
        return std::nullopt;
    head h;
    std::memcpy(&h, buffer_.data() + begin_, sizeof h);
    const auto kind = static_cast<frame_kind>(h.kind);
    const bool has_blob = kind == frame_kind::task || kind == frame_kind::done;
    if (h.body > most_ || !is_known(h.kind) ||
        (has_blob && h.block == 0 && (h.offset != 0 || h.length > h.body))) {
        broken_ = true;
        return std::nullopt;
    }
    if (end_ - begin_ - frame_head < h.body)
        return std::nullopt;
    frame f;
    f.kind = kind;
    f.flags = h.flags;
    f.job = h.job;
    f.chunk = h.chunk;
    f.count = h.count;
    f.blob = {h.block, h.offset, h.length};
    f.number = h.number;
    f.resident = h.resident;
    f.body = {buffer_.data() + begin_ + frame_head, h.body};
    begin_ += frame_head + h.body;
    return f;
}

void write_failure(std::string& out, const item_failure& f)
{
    const failure_head h{f.item, f.unserializable, f.report.size()};
    out.append(reinterpret_cast<const char*>(&h), sizeof h);
    out.append(f.report);
}

std::optional<std::vector<item_failure>> read_failures(std::string_view bytes)
{
    std::vector<item_failure> all;
    while (!bytes.empty()) {
        failure_head h;
        if (bytes.size() < sizeof h)
            return std::nullopt;
        std::memcpy(&h, bytes.data(), sizeof h);
        bytes.remove_prefix(sizeof h);
        if (h.length > bytes.size() || h.unserializable > 1)
            return std::nullopt;
        const auto length = static_cast<std::size_t>(h.length);
        all.push_back({h.item, h.unserializable == 1, std::string(bytes.substr(0, length))});
        bytes.remove_prefix(length);
    }
    return all;
}

} // namespace zproc::swarming
