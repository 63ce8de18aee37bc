#include "supervisor/child_fsm.hpp"

#include <array>

namespace zproc::supervision {
namespace {

using enum child_state;
using enum child_action;

struct row {
    child_state state;
    child_event event;
    child_step then;
};

using event = child_event;

// An event that a state does not expect is a late one (a timer that fired while its process was
// being reaped): it changes nothing.
constexpr std::array<row, child_states * child_events> table{{
    {running, event::stop, {ending, terminate}}, {running, event::due, {running, none}},
    {running, event::died, {dead, bury}},        {running, event::lapsed, {resting, rest}},
    {running, event::cleared, {running, none}},  {running, event::spared, {running, none}},

    {ending, event::stop, {ending, hasten}},     {ending, event::due, {killing, kill}},
    {ending, event::died, {dead, bury}},         {ending, event::lapsed, {dead, bury}},
    {ending, event::cleared, {ending, none}},    {ending, event::spared, {ending, none}},

    {killing, event::stop, {killing, none}},     {killing, event::due, {killing, kill}},
    {killing, event::died, {dead, bury}},        {killing, event::lapsed, {dead, bury}},
    {killing, event::cleared, {killing, none}},  {killing, event::spared, {dead, bury}},

    {resting, event::stop, {dead, bury}},        {resting, event::due, {running, start_anew}},
    {resting, event::died, {dead, bury}},        {resting, event::lapsed, {resting, none}},
    {resting, event::cleared, {resting, none}},  {resting, event::spared, {resting, none}},

    {dead, event::stop, {dead, none}},           {dead, event::due, {dead, none}},
    {dead, event::died, {dead, none}},           {dead, event::lapsed, {dead, none}},
    {dead, event::cleared, {gone, farewell}},    {dead, event::spared, {dead, none}},

    {gone, event::stop, {gone, none}},           {gone, event::due, {gone, none}},
    {gone, event::died, {gone, none}},           {gone, event::lapsed, {gone, none}},
    {gone, event::cleared, {gone, none}},        {gone, event::spared, {gone, none}},
}};

constexpr std::size_t place(child_state state, child_event e)
{
    return static_cast<std::size_t>(state) * child_events + static_cast<std::size_t>(e);
}

constexpr bool complete_and_in_order()
{
    for (std::size_t i = 0; i != table.size(); ++i)
        if (place(table[i].state, table[i].event) != i)
            return false;
    return true;
}

static_assert(complete_and_in_order(), "the table has one row for every state and event");

} // namespace

child_step step(child_state state, child_event e) noexcept
{
    return table[place(state, e)].then;
}

} // namespace zproc::supervision
