#include "supervisor/refusal_fsm.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace std::chrono_literals;
using zproc::supervision::refusal_fsm;

BOOST_AUTO_TEST_SUITE(supervisor_refusal_fsm)

BOOST_AUTO_TEST_CASE(tried_gives_up_after_the_limit_of_refusals_without_a_break)
{
    struct look {
        std::chrono::milliseconds at;
        bool refused;
        bool gives_up;
    };
    struct script {
        const char* name;
        std::vector<look> looks;
    };
    const script table[] = {
        {"dies slowly, but may be killed", {{0s, false, false}, {60s, false, false}}},
        {"refused at once: the time runs from there", {{7s, true, false}, {11'999ms, true, false}}},
        {"refused for the limit", {{7s, true, false}, {9s, true, false}, {12s, true, true}}},
        {"refused, killed, refused: the time runs anew",
         {{0s, true, false},
          {4s, false, false},
          {6s, true, false},
          {10s, true, false},
          {11s, true, true}}},
        {"looked at rarely", {{0s, true, false}, {100s, true, true}}},
    };
    for (const auto& each : table) {
        refusal_fsm fsm;
        for (const auto& [at, refused, gives_up] : each.looks)
            BOOST_TEST(fsm.tried(at, refused) == gives_up, each.name << " at " << at.count());
    }
}

BOOST_AUTO_TEST_SUITE_END()
