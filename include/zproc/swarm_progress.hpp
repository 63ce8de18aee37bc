#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace zproc {

/// How far a map has come; or several, summed up, that report to one `progress_stream`.
struct swarm_progress {
    /// Items in all; nothing while an input that is not counted beforehand goes on.
    std::optional<std::uint64_t> total;
    std::uint64_t done = 0;      ///< that have a result
    std::uint64_t failed = 0;    ///< that failed, for good
    std::uint64_t in_flight = 0; ///< taken from the input, and not settled yet
    /// Items settled per second: lately; of what is over, on the average.
    double rate = 0;
    std::chrono::nanoseconds elapsed{};
    /// Until the last item is settled, if it goes on at this rate.
    std::optional<std::chrono::nanoseconds> remaining;
    bool over = false; ///< by success, failure, or cancellation

    std::uint64_t settled() const noexcept { return done + failed; }

    /// When the last item will be settled, counted from `now`.
    std::optional<std::chrono::system_clock::time_point> estimated_end(
        std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const
    {
        if (!remaining)
            return std::nullopt;
        return now + std::chrono::duration_cast<std::chrono::system_clock::duration>(*remaining);
    }
};

/// In one line, as in `render_progress`, however long.
std::ostream& operator<<(std::ostream& out, const swarm_progress& at);

/// One line for a terminal of so many columns, never longer: a title, the share that is done, a bar,
/// numbers, time. Where there is no room for all of it, what matters less is left out. ASCII but for
/// the title, each of whose characters counts as one column.
std::string render_progress(const swarm_progress& at, std::string_view title, std::size_t columns);

} // namespace zproc
