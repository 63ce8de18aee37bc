#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace zproc::bench {

/// Integers by key, under a sequence number that is odd while somebody writes: the least that
/// anything could do that is read by some and written by another.
class seqlocked_table {
public:
    /// -1 for none.
    std::int64_t get(std::string_view key) const
    {
        for (;;) {
            const auto before = sequence_.load(std::memory_order_acquire);
            const auto found = values_.find(key);
            const std::int64_t result = found == values_.end() ? -1 : found->second;
            std::atomic_thread_fence(std::memory_order_acquire);
            if ((before & 1) == 0 && sequence_.load(std::memory_order_relaxed) == before)
                return result;
        }
    }

    void set(const std::string& key, std::int64_t value)
    {
        sequence_.fetch_add(1, std::memory_order_acq_rel);
        values_[key] = value;
        sequence_.fetch_add(1, std::memory_order_release);
    }

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const
        {
            return std::hash<std::string_view>()(text);
        }
    };
    std::unordered_map<std::string, std::int64_t, text_hash, std::equal_to<>> values_;
    std::atomic<std::uint64_t> sequence_ = 0;
};

} // namespace zproc::bench
