#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zproc::bench {

/// One of several ways to do the same thing.
struct contestant {
    std::string name;

    /// Does the thing so many times.
    std::function<void(std::size_t times)> run;

    /// Other processes that work for it: their CPU time counts as well.
    std::vector<pid_t> helpers;

    /// What is quick is done more often, so many times as much: results are still for one.
    std::size_t more = 1;
};

struct options {
    std::size_t rounds = 11;
    std::size_t times = 0; ///< how often a contestant does its thing in a round
    bool smoke = false;    ///< only to see that it runs

    /// Takes --rounds=N, --times=N and --smoke; anything else is explained, and ends the program.
    static options from_arguments(int argc, char** argv, std::size_t usual_times = 20'000);
};

/// What one contestant reached, as medians over the rounds.
struct result {
    std::string name;
    double nanoseconds = 0;     ///< wall time for one
    double cpu_nanoseconds = 0; ///< CPU time for one, of this process and the helpers
    double ratio = 1;           ///< of wall time to the baseline's in the same round
    double spread = 0;          ///< between the quartiles, as a part of the median
};

/// Lets the contestants run in turns, each round beginning with another, so that what else the
/// machine does hits all of them. The first is the baseline.
std::vector<result> interleave(const std::vector<contestant>& contestants, const options& options);

void print(const std::string& title, const std::vector<result>& results, const options& options);

double median(std::vector<double> numbers);

/// Between the quartiles, as a part of the median; 0 for fewer than four numbers.
double spread(std::vector<double> numbers);

} // namespace zproc::bench
