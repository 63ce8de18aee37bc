#include "protocol/frame.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace zproc::protocol {

namespace {

template <class T>
T load(const std::byte* from)
{
    T result = 0;
    for (std::size_t i = 0; i != sizeof(T); ++i)
        result = static_cast<T>(result | static_cast<T>(static_cast<T>(from[i]) << (8 * i)));
    return result;
}

template <class T>
void store(std::byte* to, T value)
{
    for (std::size_t i = 0; i != sizeof(T); ++i)
        to[i] = static_cast<std::byte>(value >> (8 * i));
}

} // namespace

std::span<std::byte> frame_parser::prepare(std::size_t wanted)
{
    found_ = 0;
    if (begin_ == end_)
        begin_ = end_ = 0;
    if (error_.failed())
        return {};
    // The frame at hand is known to need more: one allocation for all of it, within the limit.
    if (buffered() >= header_bytes) {
        const auto length = load<std::uint32_t>(data_.get() + begin_ + length_at);
        const auto whole = header_bytes + std::size_t{length};
        if (length <= max_body_ && whole > buffered())
            wanted = std::max(wanted, whole - buffered());
    }
    if (capacity_ - end_ >= wanted)
        return {data_.get() + end_, capacity_ - end_};

    const auto used = buffered();
    if (capacity_ >= used + wanted) {
        std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
        const auto grown = std::max(used + wanted, std::min(2 * capacity_, used + 4 * wanted));
        auto data = std::make_unique_for_overwrite<std::byte[]>(grown);
        if (used != 0)
            std::memcpy(data.get(), data_.get() + begin_, used);
        data_ = std::move(data);
        capacity_ = grown;
    }
    begin_ = 0;
    end_ = used;
    return {data_.get() + end_, capacity_ - end_};
}

void frame_parser::commit(std::size_t bytes)
{
    assert(bytes <= capacity_ - end_);
    end_ += bytes;
}

frame_parser::result frame_parser::next(frame& out)
{
    found_ = 0;
    if (error_.failed())
        return failed;
    if (buffered() < header_bytes)
        return incomplete;
    const auto* header = data_.get() + begin_;
    const auto length = load<std::uint32_t>(header + length_at);
    out.correlation = load<std::uint32_t>(header + correlation_at);
    out.code = static_cast<operation>(load<std::uint16_t>(header + operation_at));
    out.status = load<std::uint16_t>(header + status_at);
    out.body = {};
    if (length > max_body_) {
        error_ = errc::frame_too_large;
        return failed;
    }
    if (buffered() - header_bytes < length)
        return incomplete;
    out.body = {header + header_bytes, length};
    found_ = header_bytes + length;
    begin_ += found_;
    return found;
}

void frame_parser::put_back()
{
    begin_ -= std::exchange(found_, 0);
}

std::size_t begin_frame(buffer& out, std::uint32_t correlation, operation code,
                        std::uint16_t status)
{
    const auto at = out.size();
    out.resize(at + header_bytes);
    store(out.data() + at + correlation_at, correlation);
    store(out.data() + at + operation_at, static_cast<std::uint16_t>(code));
    store(out.data() + at + status_at, status);
    return at;
}

void end_frame(buffer& out, std::size_t at)
{
    store(out.data() + at + length_at, static_cast<std::uint32_t>(out.size() - at - header_bytes));
}

} // namespace zproc::protocol
