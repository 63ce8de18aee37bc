#pragma once

#include "stress/state_kill/round.hpp"

#include <zproc/snapshot.hpp>
#include <zproc/value.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

/// From outside: what the state is in the end, against what its clients were told.
namespace zproc::test::killing {

inline std::int64_t number_at(const std::map<std::string, std::string>& all, const std::string& key)
{
    const auto at = all.find(key);
    return at == all.end() ? 0 : std::stoll(at->second);
}

/// At least what was acknowledged, at most what may have happened besides.
inline void check_count(report& out, const std::string& what, std::int64_t there,
                        std::uint64_t acknowledged, std::uint64_t unknown)
{
    const auto least = static_cast<std::int64_t>(acknowledged);
    if (there < least || there > least + static_cast<std::int64_t>(unknown))
        out.violated(what + " is " + std::to_string(there) + ", where " + std::to_string(least) +
                     " were acknowledged and " + std::to_string(unknown) + " are unknown");
}

inline std::vector<std::string> appended_items(const snapshot& all)
{
    std::vector<std::string> items;
    for (const auto& [key, v] : all)
        if (key.starts_with("list/"))
            for (const auto& each : v.as_list())
                items.push_back(each.get<std::string>());
    return items;
}

inline void check_items(report& out, const std::vector<std::string>& there,
                        const std::vector<report>& writers)
{
    std::map<std::string, int> times;
    for (const auto& each : there)
        if (++times[each] == 2)
            out.violated("the item " + each + " was appended twice");
    std::set<std::string> allowed;
    for (const auto& w : writers) {
        for (const auto& each : w.appended)
            if (!times.contains(each))
                out.violated("the item " + each + " is lost");
        allowed.insert(w.appended.begin(), w.appended.end());
        allowed.insert(w.uncertain.begin(), w.uncertain.end());
    }
    for (const auto& each : there)
        if (!allowed.contains(each))
            out.violated("nobody appended " + each);
}

/// `own_increments`: of the count, by the checker itself.
inline report check_everything(const snapshot& all, const std::vector<report>& writers,
                               const std::vector<report>& watchers, std::uint64_t own_increments)
{
    report out;
    std::map<std::string, std::string> texts;
    for (const auto& [key, v] : all)
        texts[key] = v.to_json();
    auto items = appended_items(all);

    if (round_plan.injected == fault::lost_write)
        for (const auto& [key, possible] : writers.front().possible)
            if (std::ranges::count(possible, absent) == 0) {
                texts.erase(key);
                break;
            }
    if (round_plan.injected == fault::write_twice && !items.empty())
        items.push_back(items.front());

    std::uint64_t sums = own_increments;
    std::uint64_t unknown_sums = 0;
    std::set<std::int64_t> given;
    std::set<std::string> known{"count", "end"};
    for (std::size_t i = 0; i != writers.size(); ++i) {
        const auto& w = writers[i];
        for (const auto& [key, possible] : w.possible) {
            known.insert(key);
            const auto at = texts.find(key);
            const auto& now = at == texts.end() ? absent : at->second;
            if (std::ranges::count(possible, now) == 0)
                out.violated(key + " is '" + now.substr(0, 40) + "' and not '" +
                             possible.front().substr(0, 40) + '\'');
        }
        sums += w.sums.size() + w.additions;
        unknown_sums += w.unknown_increments;
        for (const auto each : w.sums)
            if (!given.insert(each).second)
                out.violated("two increments gave " + std::to_string(each));
        const auto key = "transfers/" + std::to_string(i);
        check_count(out, key, number_at(texts, key), w.transfers, w.unknown_transfers);
        known.insert(key);
    }
    check_count(out, "count", number_at(texts, "count"), sums, unknown_sums);
    check_items(out, items, writers);
    if (number_at(texts, "account/0") + number_at(texts, "account/1") +
            number_at(texts, "account/2") !=
        0)
        out.violated("half a transfer is there");
    for (const auto& [key, text] : texts)
        if (!known.contains(key) && !key.starts_with("list/") && !key.starts_with("account/"))
            out.violated("nobody wrote " + key);

    for (const auto& w : watchers)
        if (w.has_mirror && round_plan.injected == fault::none && w.mirror != texts)
            out.violated("a watcher of everything ended with something else than what is there");
    for (const auto* group : {&writers, &watchers})
        for (const auto& each : *group)
            for (const auto& text : each.violations)
                out.violated(text);
    return out;
}

} // namespace zproc::test::killing
