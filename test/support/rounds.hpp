#pragma once

#include <functional>

/// How stress tests are run: in rounds, each a program of its own.
namespace zproc::test {

/// Runs `main` as a program of its own, and returns its exit code; -1, with a line on standard
/// error, when a signal ended it, or when processes of it are left afterwards.
int run_as_program(const std::function<int()>& main, unsigned seconds = 120);

/// The command line of a stress test: `[--full] [--seed S] [--round R] [--seconds N]`.
struct stress_arguments {
    bool full = false;
    unsigned seed = 0;    ///< of the clock, when none is given
    int only = -1;        ///< this round only
    unsigned seconds = 0; ///< of each round; 0: as the test thinks best

    /// Explains itself, and ends the program, when it does not understand.
    static stress_arguments parse(int argc, char** argv);
};

} // namespace zproc::test
