#pragma once

#include "journal/header.hpp"
#include "store/database.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::bench {

/// A store in ordinary memory, alone: no process, no socket, nobody who watches.
class heap_store final : public store::surroundings {
public:
    explicit heap_store(std::uint64_t capacity)
    {
        journal::ring_header header;
        header.capacity = capacity;
        data_ = std::make_unique<store::database>(make_ring(header), *this);
    }

    store::database& data() { return *data_; }
    /// Of the ring as it is now: it grows by being replaced.
    std::span<const std::byte> region() const { return data_->ring().region(); }

private:
    std::unique_ptr<journal::writer> make_ring(const journal::ring_header& header) override
    {
        rings_.emplace_back(journal::region_size(header.capacity) / 8);
        return std::make_unique<journal::writer>(std::as_writable_bytes(std::span(rings_.back())),
                                                 header);
    }
    void ring_replaced(journal::writer&) override {}
    void changed(std::string_view, std::string_view) override {}

    std::vector<std::vector<std::uint64_t>> rings_; ///< readers may be in former ones
    std::unique_ptr<store::database> data_;
};

/// "key 7": of the size that keys have.
inline std::vector<std::string> some_keys(std::size_t count)
{
    std::vector<std::string> out;
    for (std::size_t i = 0; i != count; ++i)
        out.push_back("key " + std::to_string(i));
    return out;
}

/// Visits so many things in an order that no cache foresees; each once before any comes again.
class scattered {
public:
    explicit scattered(std::size_t count) : count_(count) {}
    std::size_t next() { return at_ = (at_ + 7919) % count_; }

private:
    std::size_t count_;
    std::size_t at_ = 0;
};

} // namespace zproc::bench
