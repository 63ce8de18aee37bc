#pragma once

#include "journal/bytes.hpp"
#include "journal/encode.hpp"
#include "journal/recovery.hpp"
#include "server/disk.hpp"
#include "server/disk_memory.hpp"
#include "support/lossy_files.hpp"
#include "unit/store/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace disk_test {

using namespace zproc;
using serving::disk;
using serving::disk_memory;
using serving::disk_options;
using test::lossy_files;
using test::power_cut;

/// Nothing is acknowledged any more.
struct disk_gone {};

inline std::array<std::byte, 16> id(unsigned number)
{
    std::array<std::byte, 16> made{};
    made[0] = static_cast<std::byte>(number);
    made[1] = static_cast<std::byte>(number >> 8);
    return made;
}

/// A state process without a process: rings in memory, segments on a disk that tests own.
class machine final : public store::surroundings {
public:
    machine(lossy_files& files, disk_options options) : options_(std::move(options))
    {
        options_.own_thread = false;
        options_.largest_capacity = 1u << 20;
        options_.segment_bytes = 4096;
        options_.reserve_bytes = 4096;
        options_.log = [this](const std::string& text) { lines.push_back(text); };
        options_.failed = [this](const error_code&) {
            if (process)
                throw disk_gone{};
        };
        stored = std::make_unique<disk>(files, options_);
    }

    /// From what is on the disk, or anew.
    error_code start(std::uint64_t capacity = 8192)
    {
        if (const auto ec = stored->look())
            return ec;
        if (!stored->ring().empty()) {
            data = store::database::recover(stored->ring(), *this);
            return data ? begun_ : make_error_code(errc::state_lost);
        }
        journal::ring_header header;
        header.instance = options_.instance;
        header.capacity = capacity;
        auto ring = make_ring(header);
        auto& writer = *ring;
        data = std::make_unique<store::database>(std::move(ring), *this);
        ring_replaced(writer);
        return begun_;
    }
    /// From the ring of a predecessor that is dead.
    error_code succeed(std::span<const std::byte> ring)
    {
        const auto head = journal::load<journal::position>(ring.data() + journal::at_header::head);
        if (const auto ec = stored->look_beside(*journal::read_header(ring), head))
            return ec;
        data = store::database::recover(ring, *this);
        return data ? begun_ : make_error_code(errc::state_lost);
    }

    std::unique_ptr<journal::writer> make_ring(const journal::ring_header& header) override
    {
        auto region =
            std::make_shared<std::vector<std::uint64_t>>(journal::region_size(header.capacity) / 8);
        auto memory = std::make_unique<disk_memory>(store_test::bytes_of(region), *stored);
        next_ = memory.get();
        regions.push_back(std::move(region));
        return std::make_unique<journal::writer>(
            std::move(memory), header, journal::writer_options{.largest_capacity = 1u << 20});
    }
    void ring_replaced(journal::writer& now) override
    {
        begun_ = stored->begin(now);
        if (data && begun_.failed())
            throw disk_gone{}; // as rings do it
        next_->go_live();
    }
    void changed(std::string_view, std::string_view) override {}
    error_code admit(const journal::transaction& what, const journal::writer& ring) override
    {
        return stored->admit(journal::encoded_size(what), ring.written(), what.request == 0);
    }
    error_code admit_ring(std::uint64_t capacity) override { return stored->prepare(capacity); }

    std::span<const std::byte> ring() const { return store_test::bytes_of(regions.back()); }
    bool logged(const char* part) const
    {
        return std::ranges::any_of(
            lines, [&](const auto& line) { return line.find(part) != std::string::npos; });
    }

    bool process = true; ///< which ends when the disk is gone
    std::vector<std::string> lines;
    std::vector<store_test::region> regions;
    std::unique_ptr<disk> stored;
    std::unique_ptr<store::database> data;

private:
    disk_options options_;
    disk_memory* next_ = nullptr;
    error_code begun_;
};

/// All that a database holds, in a form that can be compared.
using picture = std::map<std::string, std::string>;

inline picture picture_of(const store::database& data)
{
    picture all;
    const auto take = [&](std::string_view name_space) {
        data.for_each(name_space, [&](std::string_view key, const store::item& item) {
            std::string text = std::to_string(item.modified) + '=';
            for (const auto each : *item.value)
                text += static_cast<char>(each);
            all[std::string(name_space) + '/' + std::string(key)] = text;
        });
    };
    take({});
    data.for_each_namespace([&](std::string_view name, std::uint64_t revision, std::size_t) {
        all["#" + std::string(name)] = std::to_string(revision);
        take(name);
    });
    return all;
}

inline const auto content = store_test::pack(value(std::string(200, 'x')));

inline disk_options options_of(fsync_policy fsync = fsync_policy::commit, unsigned boot = 1)
{
    static unsigned instances = 0;
    disk_options options;
    options.fsync = fsync;
    options.boot = id(boot);
    options.instance = id(++instances);
    return options;
}

inline void write(machine& on, int from, int to)
{
    for (int i = from; i != to; ++i) {
        BOOST_TEST_REQUIRE(
            !on.data->set({.time = i}, "n", "k" + std::to_string(i % 10), content).error.failed());
        on.data->publish();
    }
}

inline std::string last_segment(const lossy_files& files)
{
    std::string last;
    for (const auto& name : files.names())
        if (name.starts_with("segment-"))
            last = name;
    return last;
}

} // namespace disk_test
