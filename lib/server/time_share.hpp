#pragma once

#include <cstdint>

namespace zproc::serving {

/// How much of a loop's time those get who are not known yet: a sixteenth while others are served,
/// with what they have left of it for a while; else all of it. Pure: time is an argument, in ns.
class time_share {
public:
    /// Somebody who is known was served.
    void others_served(std::int64_t now) { others_at_ = now; }
    /// They took so much processor time.
    void spent(std::int64_t took) { credit_ -= took; }

    bool may(std::int64_t now);
    /// How long until they may again; 0 when they may. What `others_served` says later counts, too.
    std::int64_t wait(std::int64_t now);

    static constexpr std::int64_t part = 16;
    static constexpr std::int64_t savings = 2'000'000;
    /// The others are gone after it.
    static constexpr std::int64_t quiet = 50'000'000;

private:
    void look(std::int64_t now);

    std::int64_t credit_ = savings;
    std::int64_t looked_at_ = 0;
    std::int64_t others_at_ = -quiet;
};

} // namespace zproc::serving
