#pragma once

#include "stress/watchers/round.hpp"

#include <zproc.hpp>

#include <array>
#include <cstdint>
#include <span>

/// The watchers of a round: what each asks for, and how it awaits it.
namespace zproc::test::watching {

enum class condition { none, when, equal, available, whole };
enum class start { now, beginning, revision, time, long_ago };

/// How `next()` is called.
enum class manner {
    plain,
    counted,    ///< by ever new watchers with a `count`, each from where the last one ended
    single,     ///< the same by awaiting the watcher itself
    live,       ///< with what was there before each
    going_live, ///< now and then
    cancelling, ///< every second one is cancelled at some moment, by each type in turn
    impatient,  ///< with a timeout that is too short
    racing,     ///< against a timer, by an operator
    dropping,   ///< some are never started
    rebuilding, ///< with ever new loops, destroyed under it
};

struct spec {
    const char* name;
    space where = space::main;
    condition test = condition::none;
    std::array<std::uint32_t, 3> keys = {no_key, no_key, no_key};
    bool exclude = false;
    bool own = false;
    bool identical = false;
    bool edge = false;
    start since = start::now;
    gap on_gap = gap::resync;
    manner way = manner::plain;
    bool slow = false;   ///< so that a small ring laps it
    bool writes = false; ///< now and then, itself
};

std::span<const spec> specs();

/// What the conditions ask for; the last value of the flag satisfies each.
constexpr std::int64_t wanted_flag = 3;
inline bool is_wanted(std::int64_t flag)
{
    return flag >= 2;
}

/// The watcher that a spec asks for.
watcher make(const spec& s, const state& on, watch_options options);

/// The options of a spec, but for those that its manner sets.
watch_options options_of(const spec& s);

} // namespace zproc::test::watching
