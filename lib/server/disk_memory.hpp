#pragma once

#include "journal/memory.hpp"
#include "server/disk.hpp"

namespace zproc::serving {

/// How a writer stores into a ring whose state is on disk: published is only what was written
/// there. What is copied into a new ring is on disk already; from `go_live` on it counts.
class disk_memory final : public journal::memory {
public:
    disk_memory(std::span<std::byte> region, disk& on) : memory(region), disk_(on) {}

    void go_live() { live_ = true; }

    void store_head(journal::position head) override
    {
        if (live_)
            disk_.before_publish(region(), head, tail_);
        memory::store_head(head);
    }
    void store_tail(journal::position tail) override
    {
        tail_ = tail;
        memory::store_tail(tail);
    }

private:
    disk& disk_;
    bool live_ = false;
    journal::position tail_ = 0;
};

} // namespace zproc::serving
