#pragma once

#include <algorithm>
#include <cstdint>

namespace zproc::serving {

/// Whether to look for a while before sleeping: to be woken takes longer than to look, where
/// requests follow each other closely and there is a core to spare. Pure: times are arguments, in ns.
///
/// It pays when most of the last waits were short. Where looks are in vain, as they always are when
/// who is to ask has no core to run on, or another has this one, the next one comes much later. One
/// that is in vain is forgiven when those before have saved as much time as it took: it was a pause, or
/// the machine's noise.
class spinning {
public:
    /// Looks for `limit` at most; 0: never.
    explicit spinning(std::int64_t limit) noexcept : limit_(limit) {}

    /// How long to look, now.
    std::int64_t look_for() const noexcept
    {
        return limit_ > 0 && short_waits_ >= needed_ ? limit_ : 0;
    }

    enum class end {
        at_once, ///< the first look found something
        looking,
        asleep,
    };

    /// A wait is over, after so long, of which `looked` (0: it slept at once).
    void waited(std::int64_t took, std::int64_t looked, end how) noexcept
    {
        const bool in_vain =
            how == end::asleep || took > limit_; // or another had the core meanwhile
        if (looked != 0 && in_vain && paid_ >= price()) {
            paid_ -= price();
            return;
        }
        if (took > limit_) {
            short_waits_ = 0;
        } else if (short_waits_ < most_needed) {
            ++short_waits_;
        }
        if (looked == 0)
            return;
        if (in_vain) {
            needed_ = std::min(needed_ * 8, most_needed);
            paid_ = 0;
            return;
        }
        if (needed_ > usual)
            --needed_;           // it is forgotten when it has paid often enough
        if (how == end::looking) // else it would not have slept either
            paid_ = std::min(paid_ + 1, 2 * price());
    }

    /// Of a look in vain, in looks that have saved a sleep.
    std::int64_t price() const noexcept { return std::max<std::int64_t>(32, limit_ / saved); }

    static constexpr std::uint32_t usual = 16;
    static constexpr std::uint32_t most_needed = usual * 8 * 8;
    static constexpr std::int64_t saved = 4'000; ///< ns of processor time, by a look that has paid

private:
    std::int64_t limit_;
    std::uint32_t short_waits_ = 0; ///< in a row, but for the forgiven
    std::uint32_t needed_ = usual;
    std::int64_t paid_ = 0; ///< looks that have, less the price of those in vain
};

} // namespace zproc::serving
