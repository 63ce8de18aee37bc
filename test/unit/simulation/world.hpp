#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

namespace simulation {

using ns = std::int64_t;

inline constexpr ns us = 1'000;
inline constexpr ns ms = 1'000'000;
inline constexpr ns second = 1'000'000'000;

/// A clock that goes on when nothing is left to be done now. The same seed, the same story.
class world {
public:
    explicit world(std::uint64_t seed) : random_(seed) {}

    ns now() const { return now_; }

    /// Once, at that time; what is due at the same time happens in the order it was said.
    void at(ns when, std::function<void()> what)
    {
        due_.emplace(std::max(when, now_), std::move(what));
    }
    void after(ns pause, std::function<void()> what) { at(now_ + pause, std::move(what)); }

    void run_until(ns end)
    {
        while (!due_.empty() && due_.begin()->first <= end) {
            auto next = due_.extract(due_.begin());
            now_ = next.key();
            next.mapped()();
        }
        now_ = end;
    }

    /// Evenly, both included.
    ns between(ns least, ns most)
    {
        return least + static_cast<ns>(random_() % static_cast<std::uint64_t>(most - least + 1));
    }
    bool one_in(unsigned many) { return random_() % many == 0; }

private:
    ns now_ = second;
    std::multimap<ns, std::function<void()>> due_;
    std::mt19937_64 random_;
};

} // namespace simulation
