#include "stress/swarm_chaos/parts.hpp"

#include <chrono>
#include <random>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::chaos {

namespace {

constexpr std::size_t lent = 2;

asio::awaitable<int> nothing(context)
{
    co_return 1; // it is not run
}

int lend(int port)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // That a swarm is gone before it was joined says nothing new.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
    run_options options;
    options.workers_for("tcp://127.0.0.1:" + std::to_string(port),
                        join_options().workers(lent).patience(std::chrono::milliseconds(50)));
    return run(&nothing, options);
}

} // namespace

int lend_and_vanish()
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::mt19937 random(round_plan.seed + 3);
    const auto wait = [&](unsigned most_ms) {
        for (auto left = random() % most_ms; left != 0 && !page->closing; --left)
            ::usleep(1000);
    };
    while (!page->closing) {
        const int port = page->port;
        if (port == 0) {
            ::usleep(1000);
            continue;
        }
        const pid_t one = ::fork();
        if (one == 0)
            ::_exit(lend(port));
        // The last one of a swarm goes with it in peace.
        for (auto left = random() % 300 + 1; ::waitpid(one, nullptr, WNOHANG) == 0;) {
            ::usleep(1000);
            if (left > 0 && --left == 0) {
                left = random() % 300 + 1;
                if (page->go && page->port == port) {
                    ::kill(one, SIGKILL);
                    ++page->losses;
                }
            }
            if (page->closing)
                ::kill(one, SIGKILL);
        }
        wait(100);
    }
    return 0;
}

} // namespace zproc::test::chaos
