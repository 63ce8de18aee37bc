#pragma once

#include <zproc/swarm_progress.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

namespace zproc::swarming {

/// Items per second, lately: what is older than some seconds counts less and less.
class settling_rate {
public:
    using duration = std::chrono::nanoseconds;

    explicit settling_rate(duration since = {}) : last_(since) {}

    void add(std::uint64_t items, duration now);
    double per_second(duration now) const;

private:
    duration last_;    ///< when items were added
    double items_ = 0; ///< both fade
    double seconds_ = 0;
    double last_items_ = 0;
};

/// What a progress stream knows: sums up what reports to it, and says what its reader has not seen.
///
///     begun ─► at… ─► ended      several at once; the first after a pause begins anew
///     has_news() ─► take(): the present, or, when that was seen, the end
class progress_meter {
public:
    using duration = std::chrono::nanoseconds;

    void begun(const void* job, std::optional<std::uint64_t> total, duration now);
    void at(const void* job, std::uint64_t taken, std::uint64_t settled, std::uint64_t failed,
            duration now);
    void ended(const void* job, duration now);

    bool has_news() const noexcept { return changed_ || end_unseen_; }
    /// The present; nothing for the end, which is told once.
    std::optional<swarm_progress> take(duration now);

private:
    struct counts {
        std::optional<std::uint64_t> total;
        std::uint64_t taken = 0;
        std::uint64_t settled = 0;
        std::uint64_t failed = 0;
    };

    swarm_progress present(duration now) const;

    std::map<const void*, counts> running_;
    counts over_{0, 0, 0, 0}; ///< of those that have ended
    duration since_{};
    duration until_{};
    settling_rate rate_;
    bool changed_ = false;
    bool end_unseen_ = false;
};

} // namespace zproc::swarming
