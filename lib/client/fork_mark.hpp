#pragma once

#include <atomic>
#include <cstdint>

namespace zproc::client {

/// A mark that a plain fork of this process finds gone. To look at it is one load: no system call,
/// and no handler in the host program.
///
/// Thread safety: any thread.
class fork_mark {
public:
    /// Throws `system_error`, of mmap(2) and madvise(2).
    fork_mark();
    fork_mark(const fork_mark&) = delete;
    fork_mark& operator=(const fork_mark&) = delete;
    ~fork_mark();

    bool is_set() const noexcept { return word().load(std::memory_order_acquire) != 0; }
    /// Takes it away here, too.
    void clear() noexcept { word().store(0, std::memory_order_release); }

private:
    std::atomic_ref<std::uint64_t> word() const noexcept { return std::atomic_ref(*page_); }

    std::uint64_t* page_;
};

} // namespace zproc::client
