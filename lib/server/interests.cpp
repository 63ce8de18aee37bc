#include "server/interests.hpp"

#include <algorithm>

namespace zproc::serving {

std::size_t interests::weight(std::span<const std::string_view> keys)
{
    std::size_t total = keys.empty() ? 1 : 0;
    for (const auto key : keys)
        total += weight_of(key);
    return total;
}

void interests::add(seat who, std::uint64_t id, std::string_view name_space,
                    std::span<const std::string_view> keys)
{
    remove(who, id);
    auto it = spaces_.find(name_space);
    if (it == spaces_.end())
        it = spaces_.try_emplace(std::string(name_space)).first;
    if (counts_.size() <= who)
        counts_.resize(who + std::size_t{1});
    auto& what = registered_[{who, id}];
    what.name_space = name_space;
    if (keys.empty())
        ++it->second.whole[who];
    for (const auto key : keys) {
        auto at = it->second.keys.find(key);
        if (at == it->second.keys.end())
            at = it->second.keys.try_emplace(std::string(key)).first;
        ++at->second[who];
        what.keys.emplace_back(key);
    }
    what.weight = weight(keys);
    counts_[who] += what.weight;
}

std::size_t interests::count(seat who, std::uint64_t id) const
{
    const auto it = registered_.find({who, id});
    return it == registered_.end() ? 0 : it->second.weight;
}

void interests::remove(seat who, std::uint64_t id)
{
    const auto it = registered_.find({who, id});
    if (it == registered_.end())
        return;
    withdraw(it->first, it->second);
    registered_.erase(it);
}

void interests::remove_all(seat who)
{
    auto it = registered_.lower_bound({who, 0});
    while (it != registered_.end() && it->first.first == who) {
        withdraw(it->first, it->second);
        it = registered_.erase(it);
    }
}

void interests::withdraw(const registration& who, const subject& what)
{
    counts_[who.first] -= what.weight;
    const auto leave = [seated = who.first](listeners& from) {
        if (const auto at = from.find(seated); at != from.end() && --at->second == 0)
            from.erase(at);
    };
    const auto space = spaces_.find(what.name_space);
    if (space == spaces_.end())
        return;
    auto& [whole, keys] = space->second;
    if (what.keys.empty())
        leave(whole);
    for (const auto& key : what.keys) {
        const auto at = keys.find(key);
        if (at == keys.end())
            continue;
        leave(at->second);
        if (at->second.empty())
            keys.erase(at);
    }
    if (whole.empty() && keys.empty())
        spaces_.erase(space);
}

void interests::touch(std::string_view name_space, std::string_view key)
{
    if (spaces_.empty() || many())
        return;
    const auto space = spaces_.find(name_space);
    if (space == spaces_.end())
        return;
    wake(space->second.whole);
    if (space->second.keys.empty())
        return;
    if (const auto at = space->second.keys.find(key); at != space->second.keys.end())
        wake(at->second);
}

void interests::wake(const listeners& registered)
{
    for (const auto& [who, times] : registered) {
        if (awake_.size() <= who)
            awake_.resize(who + std::size_t{1});
        if (awake_[who])
            continue;
        awake_[who] = true;
        woken_.push_back(who);
        if (many())
            return;
    }
}

void interests::reset()
{
    for (const auto who : woken_)
        awake_[who] = false;
    woken_.clear();
}

} // namespace zproc::serving
