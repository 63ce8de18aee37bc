#include "support/rounds.hpp"

#include "support/processes.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test {

int run_as_program(const std::function<int()>& main, unsigned seconds)
{
    std::fflush(nullptr);
    const pid_t root = ::fork();
    if (root == 0) {
        ::alarm(seconds);
        const int code = main();
        std::fflush(nullptr);
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(root, &status, 0);
    if (!WIFEXITED(status)) {
        std::fprintf(stderr, "the round was ended by signal %d\n", WTERMSIG(status));
        return -1;
    }
    for (int i = 0; !own_processes().empty(); ++i) {
        if (i == 500) {
            std::fprintf(stderr, "processes of the round are left\n");
            return -1;
        }
        ::usleep(10'000);
    }
    return WEXITSTATUS(status);
}

stress_arguments stress_arguments::parse(int argc, char** argv)
{
    stress_arguments given;
    given.seed = static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count());
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto number = [&] { return i + 1 < argc ? std::atoi(argv[++i]) : 0; };
        if (name == "--full") {
            given.full = true;
        } else if (name == "--seed") {
            given.seed = static_cast<unsigned>(number());
        } else if (name == "--round") {
            given.only = number();
        } else if (name == "--seconds") {
            given.seconds = static_cast<unsigned>(number());
        } else {
            std::fprintf(stderr, "%s [--full] [--seed S] [--round R] [--seconds N]\n", argv[0]);
            std::exit(2);
        }
    }
    return given;
}

} // namespace zproc::test
