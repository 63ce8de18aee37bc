#include "supervisor/child_fsm.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace zproc::supervision;

namespace {

using enum child_event;
using action = child_action;

struct script {
    const char* name;
    child_state begin;
    std::vector<std::pair<child_event, child_action>> events;
    child_state end;
};

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_child_fsm)

BOOST_AUTO_TEST_CASE(step_follows_the_scripts)
{
    const script table[] = {
        {"ends by itself",
         child_state::running,
         {{died, action::bury}, {cleared, action::farewell}},
         child_state::gone},
        {"ends when asked",
         child_state::running,
         {{stop, action::terminate}, {died, action::bury}, {cleared, action::farewell}},
         child_state::gone},
        {"has to be killed, and is looked at again",
         child_state::running,
         {{stop, action::terminate},
          {due, action::kill},
          {due, action::kill},
          {died, action::bury},
          {cleared, action::farewell}},
         child_state::gone},
        {"asked twice: SIGTERM is not repeated",
         child_state::running,
         {{stop, action::terminate}, {stop, action::hasten}, {stop, action::hasten}},
         child_state::ending},
        {"asked while being killed",
         child_state::killing,
         {{stop, action::none}},
         child_state::killing},
        {"runs again and again",
         child_state::running,
         {{lapsed, action::rest},
          {due, action::start_anew},
          {lapsed, action::rest},
          {due, action::start_anew}},
         child_state::running},
        {"asked to end between two runs",
         child_state::running,
         {{lapsed, action::rest},
          {stop, action::bury},
          {due, action::none},
          {cleared, action::farewell}},
         child_state::gone},
        {"could not be started again",
         child_state::running,
         {{lapsed, action::rest}, {due, action::start_anew}, {died, action::bury}},
         child_state::dead},
        {"a service that was asked to end does not start again",
         child_state::running,
         {{stop, action::terminate}, {lapsed, action::bury}, {cleared, action::farewell}},
         child_state::gone},
        {"a service being killed does not start again",
         child_state::killing,
         {{lapsed, action::bury}},
         child_state::dead},
        {"may not be killed",
         child_state::running,
         {{stop, action::terminate},
          {due, action::kill},
          {spared, action::bury},
          {died, action::none},
          {cleared, action::farewell}},
         child_state::gone},
        {"a timer that fires too late",
         child_state::running,
         {{due, action::none}, {died, action::bury}, {due, action::none}},
         child_state::dead},
    };
    for (const auto& each : table) {
        auto state = each.begin;
        for (const auto& [event, expected] : each.events) {
            const auto then = step(state, event);
            BOOST_TEST_CONTEXT(each.name << ", event " << static_cast<int>(event))
            BOOST_TEST((then.action == expected));
            state = then.next;
        }
        BOOST_TEST_CONTEXT(each.name) BOOST_TEST((state == each.end));
    }
}

BOOST_AUTO_TEST_CASE(step_never_revives_and_is_quiet_when_gone)
{
    for (int event = 0; event != static_cast<int>(child_events); ++event) {
        const auto gone = step(child_state::gone, static_cast<child_event>(event));
        BOOST_TEST((gone == child_step{child_state::gone, action::none}));
        for (int state = 0; state != static_cast<int>(child_states); ++state) {
            const auto then =
                step(static_cast<child_state>(state), static_cast<child_event>(event));
            // A life runs one way, but for rests between two runs.
            if (then.action != action::start_anew)
                BOOST_TEST(static_cast<int>(then.next) >= state);
        }
    }
}

BOOST_AUTO_TEST_CASE(step_tells_each_thing_once_on_every_way)
{
    // All event sequences of length six: one burial at most, one farewell at most, in that order.
    const auto count = child_events;
    std::size_t all = 1;
    for (int i = 0; i != 6; ++i)
        all *= count;
    for (std::size_t code = 0; code != all; ++code) {
        auto state = child_state::running;
        int burials = 0;
        int farewells = 0;
        for (auto rest = code, i = std::size_t{0}; i != 6; ++i, rest /= count) {
            const auto then = step(state, static_cast<child_event>(rest % count));
            burials += then.action == action::bury;
            farewells += then.action == action::farewell;
            if (burials > 1 || farewells > burials)
                BOOST_FAIL("sequence " << code);
            state = then.next;
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
