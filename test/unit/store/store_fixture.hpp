#pragma once

#include "journal/header.hpp"
#include "store/database.hpp"
#include "value/msgpack.hpp"

#include <zproc/value.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace store_test {

using zproc::store::bytes_view;

/// Memory for a ring; words, so that it is aligned.
using region = std::shared_ptr<std::vector<std::uint64_t>>;

inline std::span<std::byte> bytes_of(const region& r)
{
    return std::as_writable_bytes(std::span(*r));
}

/// Rings in ordinary memory; remembers what changed and which ring counts.
struct surroundings final : zproc::store::surroundings {
    std::vector<region> regions;
    region current;
    std::uint64_t largest = 1u << 24;
    bool out_of_memory = false;
    std::multimap<std::string, std::string> touched;
    std::size_t replaced = 0;

    std::unique_ptr<zproc::journal::writer>
    make_ring(const zproc::journal::ring_header& header) override
    {
        if (out_of_memory)
            return nullptr;
        const auto size = zproc::journal::region_size(header.capacity);
        regions.push_back(std::make_shared<std::vector<std::uint64_t>>(size / 8));
        zproc::journal::writer_options options;
        options.largest_capacity = largest;
        return std::make_unique<zproc::journal::writer>(bytes_of(regions.back()), header, options);
    }
    void ring_replaced(zproc::journal::writer& now) override
    {
        // The old ones are kept by nobody: a view into them that is used after is found by ASan.
        for (const auto& each : regions)
            if (bytes_of(each).data() == now.region().data())
                current = each;
        ++replaced;
    }
    void changed(std::string_view name_space, std::string_view key) override
    {
        touched.emplace(name_space, key);
    }
    void forget_old()
    {
        std::erase_if(regions, [&](const auto& r) { return r != current; });
    }
};

inline std::vector<std::byte> pack(const zproc::value& v)
{
    std::vector<std::byte> out;
    if (zproc::msgpack::encode(v, out).failed())
        throw std::runtime_error("the test's value cannot be encoded");
    return out;
}

inline zproc::value unpack(bytes_view bytes)
{
    zproc::value v;
    if (zproc::msgpack::decode(bytes, v, {.depth = 80, .size = 1u << 24}).failed())
        throw std::runtime_error("what came back is no value");
    return v;
}

struct fixture {
    surroundings around;
    std::unique_ptr<zproc::store::database> db;

    explicit fixture(std::uint64_t capacity = 1u << 16)
    {
        zproc::journal::ring_header header;
        header.capacity = capacity;
        auto ring = around.make_ring(header);
        auto& writer = *ring;
        db = std::make_unique<zproc::store::database>(std::move(ring), around);
        around.ring_replaced(writer);
    }

    /// A successor takes over what was published.
    void restart()
    {
        const auto old = around.current;
        db.reset();
        db = zproc::store::database::recover(bytes_of(old), around);
        around.forget_old();
    }
};

} // namespace store_test
