#pragma once

#include <zproc/options.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// What an operation costs, against how much there is of something.
namespace zproc::bench {

struct effort {
    bool smoke = false;

    std::size_t of(std::size_t usual, std::size_t least) const { return smoke ? least : usual; }
};

/// Of a state process that sleeps when it has nothing to do, instead of looking for more first: its
/// processor time is work.
inline context_options sleeping()
{
    return context_options{}.busy_poll(std::chrono::nanoseconds(0));
}

struct curve {
    std::string name; ///< also of its plot's file
    std::string title;
    std::string x; ///< what there is more and more of
    std::string y = "µs";
    std::vector<std::string> lines;
    std::vector<double> sizes; ///< of x
    std::vector<double> few;   ///< of x, to see that it runs
    /// Sets everything up for that x, and gives one figure for each line.
    std::function<std::vector<double>(std::size_t x, const effort& how)> measure;
};

/// A curve with what was measured.
struct drawn {
    curve of;
    std::vector<double> sizes;
    /// By line, size and round.
    std::vector<std::vector<std::vector<double>>> figures;
};

void add_request_curves(std::vector<curve>& to);
void add_watch_curves(std::vector<curve>& to);
void add_swarm_curves(std::vector<curve>& to);

/// Maps the memory that watchers share with who writes; before the first process is made.
void prepare_watch_curves();

} // namespace zproc::bench
