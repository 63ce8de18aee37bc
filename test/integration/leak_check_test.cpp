#include "support/leak_check.hpp"

#include "support/processes.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using zproc::test::leak_check;

namespace {

// A child that waits until it is killed.
pid_t idle_child()
{
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (;;)
            ::pause();
    }
    return pid;
}

void end(pid_t pid)
{
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(leak_check_itself)

BOOST_AUTO_TEST_CASE(leaks_is_empty_when_nothing_happened)
{
    BOOST_TEST(leak_check(0ms).leaks().empty());
}

BOOST_AUTO_TEST_CASE(leaks_names_a_living_child)
{
    const leak_check check(10ms);
    const pid_t pid = idle_child();
    const auto lines = check.leaks();
    BOOST_TEST_REQUIRE(lines.size() == 1);
    BOOST_TEST(lines[0].starts_with("process " + std::to_string(pid)));
    end(pid);
    BOOST_TEST(check.leaks().empty());
}

BOOST_AUTO_TEST_CASE(leaks_waits_for_a_child_that_is_about_to_end)
{
    const leak_check check;
    int gate[2];
    BOOST_REQUIRE(::pipe(gate) == 0);
    ::signal(SIGCHLD, SIG_IGN); // reaped by the kernel
    if (::fork() == 0) {
        ::close(gate[1]);
        char byte = 0;
        ::_exit(static_cast<int>(::read(gate[0], &byte, 1)));
    }
    ::close(gate[0]);
    ::close(gate[1]);
    BOOST_TEST(check.leaks().empty());
    ::signal(SIGCHLD, SIG_DFL);
}

BOOST_AUTO_TEST_CASE(leaks_names_a_zombie)
{
    const leak_check check(10ms);
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    BOOST_TEST(zproc::test::wait_for_end(pid, 5000));
    const auto lines = check.leaks();
    BOOST_TEST_REQUIRE(lines.size() == 1);
    BOOST_TEST(lines[0].starts_with("zombie " + std::to_string(pid)));
    ::waitpid(pid, nullptr, 0);
}

BOOST_AUTO_TEST_CASE(leaks_finds_a_grandchild_that_escaped)
{
    const leak_check check(10ms);
    int ids[2];
    BOOST_REQUIRE(::pipe(ids) == 0);
    const pid_t middle = ::fork();
    if (middle == 0) {
        const pid_t orphan = ::fork();
        if (orphan == 0) {
            ::setsid();
            for (;;)
                ::pause();
        }
        ::_exit(::write(ids[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : 1);
    }
    pid_t orphan = -1;
    BOOST_REQUIRE(::read(ids[0], &orphan, sizeof orphan) == sizeof orphan);
    ::waitpid(middle, nullptr, 0);
    ::close(ids[0]);
    ::close(ids[1]);
    const auto lines = check.leaks();
    BOOST_TEST_REQUIRE(lines.size() == 1);
    BOOST_TEST(lines[0].starts_with("process " + std::to_string(orphan)));
    ::kill(orphan, SIGKILL);
    BOOST_TEST(zproc::test::wait_for_end(orphan, 5000));
}

BOOST_AUTO_TEST_CASE(leaks_names_a_descriptor_a_mapping_and_a_file)
{
    const leak_check check(0ms);
    const int fd = ::memfd_create("toy", MFD_CLOEXEC);
    BOOST_REQUIRE(::ftruncate(fd, 4096) == 0);
    void* mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    const std::string path = std::string(std::getenv("XDG_RUNTIME_DIR")) + "/socket";
    std::ofstream(path) << "x";
    BOOST_TEST(check.leaks().size() == 3);
    ::close(fd);
    BOOST_TEST(check.leaks().size() == 2);
    ::munmap(mapped, 4096);
    std::remove(path.c_str());
    BOOST_TEST(check.leaks().empty());
}

BOOST_AUTO_TEST_SUITE_END()
