#pragma once

#include "server/turns.hpp"

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace turns_test {

using zproc::serving::seat;
using zproc::serving::turns;

inline constexpr turns::time ms = 1'000'000;
using keys = std::vector<std::string_view>;

/// One machine, and a clock. A seat's session is a hundred more than its number.
struct script {
    turns machine;
    turns::time now = 1000 * ms;

    turns::answer ask(seat who, std::uint64_t id, const keys& read, std::uint64_t round_trip = 0,
                      std::string_view name_space = "n")
    {
        return machine.ask({who, who + 100u, id, static_cast<std::uint32_t>(id)}, name_space, read,
                           false, round_trip);
    }
    turns::answer ask_for_everything(seat who, std::uint64_t id, std::string_view name_space = "n")
    {
        return machine.ask({who, who + 100u, id, static_cast<std::uint32_t>(id)}, name_space, {},
                           true, 0);
    }
    /// What happens now: "2:7" for the turn of ticket 7 of seat 2, "2" for a seat that goes on.
    std::string step()
    {
        std::ostringstream out;
        while (const auto due = machine.next(now)) {
            out << (out.tellp() == 0 ? "" : " ") << due->where;
            if (due->begun)
                out << ':' << due->begun->id;
        }
        return out.str();
    }
    std::string after(turns::time time)
    {
        now += time;
        return step();
    }
    bool waits(seat who, const keys& touched, std::string_view name_space = "n")
    {
        return machine.obstacle(who, name_space, touched, false, now).has_value();
    }
    bool waits_with_everything(seat who)
    {
        return machine.obstacle(who, "n", {}, true, now).has_value();
    }
};

} // namespace turns_test
