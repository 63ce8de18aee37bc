// The demo, as a user runs it: a hundred times, and with its root killed at any moment.

#include "integration/forked_root.hpp"
#include "support/leak_check.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using zproc::test::forked_root;
using zproc::test::leak_check;
using clock_type = std::chrono::steady_clock;

std::string demo()
{
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "cookie_eater";
}

/// What a demo is forked to do.
int become_demo()
{
    const auto program = demo();
    ::execl(program.c_str(), program.c_str(), nullptr);
    return 127;
}

void sleep_for(std::chrono::nanoseconds time)
{
    const timespec wanted{static_cast<time_t>(time / 1s), static_cast<long>((time % 1s).count())};
    ::nanosleep(&wanted, nullptr);
}

} // namespace

BOOST_AUTO_TEST_SUITE(demo_program)

BOOST_AUTO_TEST_CASE(a_hundred_runs_give_the_same_counts)
{
    BOOST_TEST_REQUIRE(std::filesystem::exists(demo()));
    for (int run = 0; run != 100; ++run) {
        BOOST_TEST_CONTEXT("run " << run)
        {
            forked_root root(&become_demo);
            std::map<std::string, int> lines;
            std::string last;
            const auto handle = root.line();
            BOOST_TEST(handle.find("cookie_eater") != std::string::npos, handle);
            for (auto line = root.line(); !line.empty(); line = root.line()) {
                ++lines[line];
                last = line;
            }
            BOOST_TEST(root.succeeds());
            const std::map<std::string, int> expected{
                {"Here's a cookie!", 5}, {"nom nom nom", 5}, {"cookies: 0", 1}};
            BOOST_TEST((lines == expected));
            BOOST_TEST(last == "cookies: 0");
        }
    }
}

BOOST_AUTO_TEST_CASE(root_killed_at_any_moment_leaves_no_process_and_no_file)
{
    auto length = clock_type::duration::max();
    for (int run = 0; run != 5; ++run) {
        const auto start = clock_type::now();
        forked_root whole(&become_demo);
        while (!whole.line().empty()) {}
        BOOST_TEST(whole.succeeds());
        length = std::min(length, clock_type::now() - start);
    }

    int killed = 0;
    constexpr int moments = 40;
    for (int moment = 0; moment != moments; ++moment) {
        BOOST_TEST_CONTEXT("killed after " << moment << '/' << moments << " of its time")
        {
            const leak_check nothing_left(2s);
            {
                forked_root root(&become_demo);
                sleep_for(length * moment / moments);
                ::kill(root.pid(), SIGKILL);
                const int status = root.wait();
                killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
            }
            for (const auto& each : nothing_left.leaks())
                BOOST_ERROR("left two seconds later: " << each);
        }
    }
    BOOST_TEST(killed > moments / 8); // the others had ended sooner than the runs measured
}

BOOST_AUTO_TEST_SUITE_END()
