// Looking for processes and ending them, where they are thousands.

#include "supervisor/walk.hpp"

#include "integration/forked_root.hpp"
#include "supervisor/sanitized.hpp"
#include "support/processes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using zproc::test::checks;
using zproc::test::forked_root;
namespace supervision = zproc::supervision;

namespace {

constexpr int crowd = zproc::supervision::sanitized ? 300 : 3000;

/// A child of this process with so many below it.
pid_t fork_a_crowd()
{
    int up[2];
    if (::pipe(up) != 0)
        return -1;
    const auto top = ::fork();
    if (top == 0) {
        for (int i = 0; i != crowd; ++i)
            if (const auto each = ::fork(); each <= 0) {
                if (each == 0 && ::write(up[1], "", 1) != 1)
                    ::_exit(1);
                for (;;)
                    ::pause();
            }
        for (;;)
            ::pause();
    }
    ::close(up[1]);
    char byte;
    int heard = 0;
    while (heard != crowd && ::read(up[0], &byte, 1) == 1)
        ++heard;
    ::close(up[0]);
    return heard == crowd ? top : -1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(walk)

BOOST_AUTO_TEST_CASE(signs_of_life_are_shown_while_thousands_are_signalled_and_killed)
{
    forked_root root([] {
        ::alarm(60);
        checks check;
        ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        const auto top = fork_a_crowd();
        check(top > 0, "the crowd is there");
        if (top <= 0)
            return check.result();
        using clock = std::chrono::steady_clock;
        const auto began = clock::now();
        auto last = began;
        clock::duration longest{};
        unsigned signs = 0;
        const auto alive = [&] {
            const auto now = clock::now();
            longest = std::max(longest, now - last);
            last = now;
            ++signs;
        };
        supervision::signal_tree(top, {SIGCONT}, alive);
        check(signs >= 2 * crowd, "a sign for each that is looked at and signalled");
        check(supervision::kill_tree(top, alive), "may be killed");
        alive();
        const auto milliseconds = [](auto time) {
            return static_cast<long>(
                std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
        };
        zproc::test::say("took", milliseconds(last - began));
        zproc::test::say("longest", milliseconds(longest));
        int reaped = 0;
        while (::waitpid(-1, nullptr, 0) > 0)
            ++reaped;
        check(reaped == crowd + 1, "all are dead, and none had to be killed twice");
        return check.result();
    });
    const auto took = root.number("took");
    const auto longest = root.number("longest");
    BOOST_TEST_MESSAGE("took " << took << " ms, the longest without a sign " << longest << " ms");
    // The guardian has patience for a second.
    BOOST_TEST(longest < 500);
    BOOST_TEST(root.succeeds());
}

BOOST_AUTO_TEST_SUITE_END()
