// What it costs to start a process and to hear that it runs, from a small program and from one
// that has touched 1 GiB.
//
// Baselines: fork and _exit, posix_spawn of /bin/true; both with a waitpid. Beside them zproc's
// spawn of a function, until it is said to run; the same until its result is there; and a spawn of
// /bin/true until its status is there. The roots are processes of their own, so that both sizes are
// measured in turns.
//
// Not measured: many at once, arguments and results of any size, programs that link much.

#include "support/interleave.hpp"
#include "support/spawning_root.hpp"

#include <cstddef>
#include <cstdio>
#include <exception>

namespace bench = zproc::bench;
using way = bench::spawn_way;

int main(int argc, char** argv)
try {
    const auto options = bench::options::from_arguments(argc, argv, 200);
    const bench::spawning_root small(0);
    const bench::spawning_root large(options.smoke ? std::size_t{64} << 20 : std::size_t{1} << 30);
    const auto from = [](const bench::spawning_root& which, way how) {
        return [&which, how](std::size_t times) { which.run(how, times); };
    };
    const auto results = bench::interleave(
        {
            {"posix_spawn, small", from(small, way::posix_spawn), {small.pid()}},
            {"posix_spawn, 1 GiB", from(large, way::posix_spawn), {large.pid()}},
            {"fork, small", from(small, way::fork), {small.pid()}},
            {"fork, 1 GiB", from(large, way::fork), {large.pid()}},
            {"zproc spawn, small", from(small, way::spawn), {small.pid()}},
            {"zproc spawn, 1 GiB", from(large, way::spawn), {large.pid()}},
            {"zproc spawn to result, small", from(small, way::spawn_to_result), {small.pid()}},
            {"zproc spawn to result, 1 GiB", from(large, way::spawn_to_result), {large.pid()}},
            {"zproc command, small", from(small, way::command), {small.pid()}},
            {"zproc command, 1 GiB", from(large, way::command), {large.pid()}},
        },
        options);
    bench::print("starting a process", results, options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "spawn: %s\n", e.what());
    return 1;
}
