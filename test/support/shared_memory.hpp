#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <sys/mman.h>
#include <time.h>

/// What the processes of a stress test share: memory that was mapped before they were forked.
namespace zproc::test {

/// Nanoseconds of a clock that all processes of a machine share.
inline std::int64_t monotonic_now()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

/// Zeroed memory that forks of this process share with it; it takes what is touched.
inline void* map_shared(std::size_t bytes)
{
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    return memory;
}

/// A log in shared memory: written by one process at a time, read by anyone when that is done.
template <class T>
class shared_log {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit shared_log(std::size_t capacity)
        : capacity_(capacity), memory_(static_cast<std::byte*>(map_shared(bytes())))
    {
    }
    shared_log(shared_log&& other) noexcept
        : capacity_(other.capacity_), memory_(std::exchange(other.memory_, nullptr))
    {
    }
    shared_log& operator=(shared_log&&) = delete;
    ~shared_log()
    {
        if (memory_)
            ::munmap(memory_, bytes());
    }

    /// False when the log is full; then it says so for ever.
    bool push(const T& entry)
    {
        const auto at = count().fetch_add(1);
        if (at >= capacity_)
            return false;
        std::memcpy(memory_ + page + at * sizeof(T), &entry, sizeof(T));
        return true;
    }

    std::size_t size() const { return std::min<std::size_t>(count().load(), capacity_); }
    bool overflown() const { return count().load() > capacity_; }
    std::span<const T> entries() const
    {
        return {std::launder(reinterpret_cast<const T*>(memory_ + page)), size()};
    }

    /// Gives back its memory.
    void clear()
    {
        ::madvise(memory_, bytes(), MADV_REMOVE);
        count() = 0;
    }

private:
    static constexpr std::size_t page = 4096;

    std::size_t bytes() const { return page + capacity_ * sizeof(T); }
    std::atomic<std::size_t>& count() const
    {
        return *reinterpret_cast<std::atomic<std::size_t>*>(memory_);
    }

    std::size_t capacity_;
    std::byte* memory_;
};

/// A text of bounded length that may lie in shared memory.
template <std::size_t Size>
struct bounded_text {
    char content[Size] = {};

    bounded_text() = default;
    explicit bounded_text(std::string_view text)
    {
        std::memcpy(content, text.data(), std::min(text.size(), Size - 1));
    }
    std::string_view view() const { return content; }
};

} // namespace zproc::test
