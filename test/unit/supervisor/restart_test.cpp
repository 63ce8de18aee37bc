#include "supervisor/restart.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace zproc::supervision;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(supervisor_restart)

BOOST_AUTO_TEST_CASE(permit_follows_the_limit)
{
    struct death {
        int at_ms;
        bool again;
    };
    struct row {
        const char* name;
        restart_limit limit;
        std::vector<death> deaths;
    };
    const row table[] = {
        {"three at once, not the fourth",
         {3, milliseconds(10'000)},
         {{0, true}, {0, true}, {0, true}, {0, false}}},
        {"the window slides",
         {3, milliseconds(10'000)},
         {{0, true},
          {4000, true},
          {8000, true},
          {9999, false},
          {10'000, true},
          {10'001, false},
          {14'000, true}}},
        {"a refusal does not count", {1, milliseconds(100)}, {{0, true}, {99, false}, {100, true}}},
        {"none permitted", {0, milliseconds(100)}, {{0, false}, {1000, false}}},
        {"no window: no limit", {1, milliseconds(0)}, {{0, true}, {0, true}, {0, true}}},
    };
    for (const auto& each : table) {
        restart_history history(each.limit);
        for (const auto& death : each.deaths)
            BOOST_TEST_CONTEXT(each.name << " at " << death.at_ms)
        BOOST_TEST(history.permit(milliseconds(death.at_ms)) == death.again);
    }
}

BOOST_AUTO_TEST_SUITE_END()
