// Control groups of several programs that begin at once.

#include "descriptor.hpp"
#include "supervisor/isolation.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace supervision = zproc::supervision;

namespace {

/// 0, or the error of the first that could not be made.
int make_many(int count)
{
    for (int i = 0; i != count; ++i) {
        zproc::descriptor held;
        int error = 0;
        const auto group = supervision::make_control_group(held, error);
        if (group.empty())
            return error;
        // Held, it is nobody else's.
        if (::rmdir(group.c_str()) != 0)
            return errno;
    }
    return 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(control_group)

BOOST_AUTO_TEST_CASE(make_control_group_succeeds_while_others_look_for_forsaken_ones)
{
    if (const int error = make_many(1); error != 0) {
        BOOST_TEST_MESSAGE("control groups are not possible here");
        return;
    }
    std::array<pid_t, 3> programs{};
    for (auto& each : programs) {
        each = ::fork();
        if (each == 0)
            ::_exit(make_many(200));
    }
    for (const auto each : programs) {
        int status = -1;
        BOOST_TEST(::waitpid(each, &status, 0) == each);
        BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0),
                   "errno " << WEXITSTATUS(status));
    }
}

BOOST_AUTO_TEST_SUITE_END()
