#pragma once

#include "journal/bytes.hpp"
#include "journal/memory.hpp"
#include "journal/segment.hpp"
#include "unit/journal/model.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace model {

/// Tells what is about to be published, as a disk has to know it.
class told_memory : public journal::memory {
public:
    using memory::memory;
    std::function<void(journal::position from, journal::position to, journal::position tail)> told;

    void store_head(journal::position head) override
    {
        if (told && head != head_)
            told(head_, head, tail_);
        head_ = head;
        memory::store_head(head);
    }
    void store_tail(journal::position tail) override
    {
        tail_ = tail;
        memory::store_tail(tail);
    }

private:
    journal::position head_ = 0;
    journal::position tail_ = 0;
};

/// A ring under a random load.
struct loaded_ring {
    explicit loaded_ring(const journal::ring_header& header)
        : space(header.capacity), memory(space.bytes())
    {
        writer = std::make_unique<journal::writer>(memory, header);
    }
    void step(dice& random)
    {
        const std::size_t size = random(10) == 0 ? 300 : random(40);
        const store::write write{random(6), random(5) == 0 ? nullptr : content(size, ++seed)};
        index.apply(*writer, random(3), std::span(&write, 1), ++time, {1 + random(2), 1},
                    random(2) * seed, "r");
        while (index.now.replies.size() > 2)
            index.now.replies.erase(index.now.replies.begin());
    }

    region space;
    told_memory memory;
    std::unique_ptr<journal::writer> writer;
    store index;
    std::uint64_t seed = 0;
    std::int64_t time = 0;
};

/// The segment of a ring from its first byte on, and what it holds.
struct unrolled {
    struct written {
        journal::position at;
        std::uint64_t commit;
        std::uint32_t size;
    };

    unrolled(std::uint64_t capacity, std::uint64_t until, std::uint64_t seed, bool synced)
        : ring(first_header(capacity))
    {
        journal::segment_header header;
        header.ring = ring.writer->header();
        const auto page = encode_segment_header(header);
        file.assign(page.begin(), page.end());
        ring.memory.told = [&](journal::position from, journal::position to,
                               journal::position tail) { log(from, to, tail, synced); };
        dice random(seed);
        while (ring.writer->head() < until) {
            ring.step(random);
            if (random(3) == 0)
                ring.writer->commit();
        }
        ring.memory.told = {};
    }
    void log(journal::position from, journal::position to, journal::position tail, bool synced)
    {
        if (synced)
            last_synced = file.size();
        journal::encode_extents(ring.space.bytes(), ring.writer->capacity(), from, to, tail,
                                last_synced, file);
        for (journal::position at = from; at != to;) {
            const auto* here =
                ring.space.bytes().data() + journal::data_offset + at % ring.writer->capacity();
            const auto size = journal::load<std::uint32_t>(here);
            if ((size & journal::padding_mark) == 0) {
                const auto record = journal::view_of(here);
                records.push_back({record.at, record.commit, record.size});
            }
            at += size & ~journal::padding_mark;
        }
    }
    static journal::ring_header first_header(std::uint64_t capacity)
    {
        journal::ring_header header;
        header.capacity = capacity;
        return header;
    }

    loaded_ring ring;
    bytes file;
    std::vector<written> records;
    std::uint64_t last_synced = 0;
};

} // namespace model
