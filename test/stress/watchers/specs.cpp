#include "stress/watchers/specs.hpp"

#include <string>
#include <vector>

namespace zproc::test::watching {

namespace {

constexpr spec all_specs[] = {
    {.name = "everything from the beginning",
     .own = true,
     .identical = true,
     .since = start::beginning},
    {.name = "everything from now, but its own", .writes = true},
    {.name = "everything with its own", .own = true, .writes = true},
    {.name = "one key", .keys = {4, no_key, no_key}},
    {.name = "one key with identical writes", .keys = {0, no_key, no_key}, .identical = true},
    {.name = "three keys", .keys = {1, 5, large_key}, .since = start::beginning},
    {.name = "all but two keys", .keys = {0, 6, no_key}, .exclude = true, .writes = true},
    {.name = "everything from a revision", .identical = true, .since = start::revision},
    {.name = "everything from a time", .since = start::time},
    {.name = "everything from long ago", .since = start::long_ago},
    {.name = "the second namespace", .where = space::second, .identical = true, .writes = true},
    {.name = "when a key is wanted", .test = condition::when},
    {.name = "when a key becomes wanted", .test = condition::when, .edge = true},
    {.name = "when a key equals", .test = condition::equal, .since = start::beginning},
    {.name = "when a key is available", .test = condition::available, .identical = true},
    {.name = "when everything is so", .test = condition::whole, .edge = true},
    {.name = "everything, slowly", .own = true, .identical = true, .slow = true},
    {.name = "two keys, slowly",
     .keys = {2, 7, no_key},
     .since = start::beginning,
     .slow = true,
     .writes = true},
    {.name = "everything, slowly, failing",
     .own = true,
     .identical = true,
     .on_gap = gap::fail,
     .slow = true},
    {.name = "one key, slowly, failing",
     .keys = {8, no_key, no_key},
     .on_gap = gap::fail,
     .slow = true},
    {.name = "when a key becomes wanted, slowly",
     .test = condition::when,
     .edge = true,
     .slow = true},
    {.name = "live", .way = manner::live},
    {.name = "going live", .identical = true, .way = manner::going_live, .slow = true},
    {.name = "by count", .own = true, .way = manner::counted, .writes = true},
    // Each searches the ring for its beginning: of a key that changes seldom.
    {.name = "one by one", .keys = {large_key, no_key, no_key}, .way = manner::single},
    {.name = "cancelling", .identical = true, .way = manner::cancelling},
    {.name = "impatient", .identical = true, .way = manner::impatient},
    {.name = "racing", .identical = true, .way = manner::racing},
    {.name = "dropping", .identical = true, .way = manner::dropping},
    {.name = "rebuilding", .identical = true, .way = manner::rebuilding},
};
static_assert(std::size(all_specs) >= 16 && std::size(all_specs) <= most_watchers);

bool flag_is_wanted(const value& v)
{
    return is_wanted(v.get<std::int64_t>());
}

bool flag_is_wanted_and_first_key_there(const dict& all)
{
    const auto* flag = all.find(name_of(flag_key));
    return flag && flag_is_wanted(*flag) && all.contains(name_of(0));
}

} // namespace

std::span<const spec> specs()
{
    return all_specs;
}

watcher make(const spec& s, const state& on, watch_options options)
{
    const auto flag = name_of(flag_key);
    switch (s.test) {
    case condition::none: break;
    case condition::when: return on.when(flag, &flag_is_wanted, options);
    case condition::equal: return on.when_equal(flag, wanted_flag, options);
    case condition::available: return on.when_available(flag, options);
    case condition::whole: return on.when(&flag_is_wanted_and_first_key_there, options);
    }
    std::vector<std::string> names;
    for (const auto key : s.keys)
        if (key != no_key)
            names.push_back(name_of(key));
    return on.when_change(keys(std::move(names)), options);
}

watch_options options_of(const spec& s)
{
    watch_options options;
    options.exclude = s.exclude;
    options.own = s.own;
    options.identical = s.identical;
    options.edge = s.edge;
    options.on_gap = s.on_gap;
    return options;
}

} // namespace zproc::test::watching
