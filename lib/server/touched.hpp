#pragma once

#include "protocol/messages.hpp"

#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace zproc::serving {

/// What a mutation may change, as far as its message says.
struct touched {
    bool everything = false;
    std::span<const std::string_view> keys;
};

/// `room` is where keys are collected that do not stand together in the message.
template <class Request>
touched touched_by(const Request& m, std::vector<std::string_view>& room)
{
    room.clear();
    if constexpr (std::is_same_v<Request, protocol::replace_request>) {
        return {true, {}};
    } else if constexpr (requires { m.entries; }) {
        for (const auto& each : m.entries)
            room.push_back(each.key);
        return {false, room};
    } else if constexpr (requires { m.writes; }) {
        for (const auto& each : m.writes)
            room.push_back(each.key);
        for (const auto& each : m.additions)
            room.push_back(each.key);
        return {false, room};
    } else if constexpr (requires { m.keys; }) {
        return {false, m.keys};
    } else if constexpr (requires { m.key; }) {
        return {false, std::span(&m.key, 1)};
    } else { // clear; pop_item, which takes what it finds
        return {true, {}};
    }
}

} // namespace zproc::serving
