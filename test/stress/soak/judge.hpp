#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What is measured again and again while a soak runs, and whether it stays as it is. Pure.
namespace zproc::test::soaking {

struct holding {
    std::int64_t memory = 0; ///< bytes that nobody shares
    std::int64_t descriptors = 0;
};

struct latency {
    double median = 0; ///< µs
    double high = 0;   ///< of a hundred, the second slowest
};

struct sample {
    std::map<std::string, holding> processes; ///< by what they are
    std::map<std::string, latency> requests;  ///< by the road they take
    std::int64_t disk = 0;                    ///< bytes
};

struct tolerance {
    std::int64_t memory = 0;
    std::int64_t descriptors = 0;
    double latency = 0; ///< as a factor, of the medians
    std::int64_t disk = 0;
};

/// Latencies, counted in steps of a fifth.
class histogram {
public:
    static constexpr unsigned steps = 96;
    static unsigned step_of(double microseconds);
    static latency read(const std::vector<std::uint64_t>& counts);
};

/// The middle of the first third beside the middle of the last; a line for each thing that is
/// compared, and in `grown` those that are beyond what is tolerated.
struct verdict {
    std::vector<std::string> lines;
    std::vector<std::string> grown;
};
verdict compare(const std::vector<sample>& all, const tolerance& limits);

} // namespace zproc::test::soaking
