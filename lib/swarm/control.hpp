#pragma once

#include "descriptor.hpp"
#include "shared_memory.hpp"
#include "swarm/scheduler.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace zproc::swarming {

/// The page that a worker and its owner share. Each writes its own line of it.
///
///     0   worker: the chunk it is at, and the item of that chunk
///     64  owner: the job that the worker should leave
class control_page {
public:
    static constexpr std::size_t size = 4096;

    control_page() = default;
    explicit control_page(shared_file page) : page_(std::move(page)) {}
    static control_page make() { return control_page(make_page("zproc worker", size)); }

    explicit operator bool() const noexcept { return page_ && page_.memory.bytes().size() >= size; }
    int file() const noexcept { return page_.file.get(); }

    std::uint32_t* chunk() const noexcept { return word(0); }
    std::uint32_t* item() const noexcept { return word(4); }
    std::uint32_t* left_job() const noexcept { return word(64); }

    /// Nothing when it has not begun any.
    std::optional<last_sign> sign() const noexcept
    {
        if (!*this)
            return std::nullopt;
        const last_sign seen{__atomic_load_n(chunk(), __ATOMIC_ACQUIRE),
                             __atomic_load_n(item(), __ATOMIC_RELAXED)};
        return seen.chunk == 0 ? std::nullopt : std::optional(seen);
    }

private:
    std::uint32_t* word(std::size_t at) const noexcept
    {
        return reinterpret_cast<std::uint32_t*>(page_.memory.bytes().data() + at);
    }

    shared_file page_;
};

} // namespace zproc::swarming
