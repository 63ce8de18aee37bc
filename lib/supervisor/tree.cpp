#include "supervisor/tree.hpp"

#include <algorithm>

namespace zproc::supervision {

tree::tree()
{
    nodes_.emplace(root, node{});
}

void tree::add(id member, id owner, kin kind)
{
    auto& added = nodes_[member];
    added.kind = kind;
    added.owners.push_back(owner);
    nodes_.at(owner).dependants.insert(member);
}

void tree::adopt(id orphan, std::span<const id> bereaved)
{
    std::vector<id> owners;
    std::set<id> known;
    const auto hang_under = [&](id owner) {
        if (known.insert(owner).second)
            owners.push_back(owner);
    };
    for (const auto each : bereaved) {
        const auto found = nodes_.find(each);
        if (found == nodes_.end())
            continue;
        if (found->second.kind == kin::orphan)
            std::for_each(found->second.owners.begin(), found->second.owners.end(), hang_under);
        else
            hang_under(each);
    }
    if (owners.empty())
        owners.push_back(root);

    for (const auto owner : owners)
        nodes_.at(owner).dependants.insert(orphan);
    auto& added = nodes_[orphan];
    added.kind = kin::orphan;
    added.owners = std::move(owners);
}

tree::departure tree::ended(id member)
{
    departure result;
    const auto found = nodes_.find(member);
    if (found == nodes_.end() || !found->second.alive)
        return result;
    found->second.alive = false;

    // A member that goes may have been the last thing that those above it waited for.
    std::vector<id> look{member};
    while (!look.empty()) {
        const auto at = nodes_.find(look.back());
        look.pop_back();
        if (at == nodes_.end() || at->second.alive)
            continue;
        if (!at->second.dependants.empty()) {
            if (only_services_left(at->second))
                for (const auto each : at->second.dependants)
                    if (nodes_.at(each).alive)
                        result.due.push_back(each);
            continue;
        }
        result.gone.push_back(at->first);
        for (const auto owner : at->second.owners)
            if (const auto above = nodes_.find(owner); above != nodes_.end()) {
                above->second.dependants.erase(at->first);
                look.push_back(owner);
            }
        nodes_.erase(at);
    }
    return result;
}

bool tree::contains(id member) const
{
    return nodes_.contains(member);
}

bool tree::alive(id member) const
{
    const auto found = nodes_.find(member);
    return found != nodes_.end() && found->second.alive;
}

bool tree::is_service(id member) const
{
    const auto found = nodes_.find(member);
    return found != nodes_.end() && found->second.kind == kin::service;
}

bool tree::below(id member, id commander) const
{
    auto at = nodes_.find(member);
    while (at != nodes_.end() && !at->second.owners.empty()) {
        const auto& owners = at->second.owners;
        if (std::find(owners.begin(), owners.end(), commander) != owners.end())
            return true;
        at = nodes_.find(owners.front());
    }
    return false;
}

std::vector<tree::id> tree::to_stop(id member) const
{
    std::vector<id> result;
    std::vector<id> level{member};
    while (!level.empty()) {
        std::vector<id> next;
        std::set<id> known;
        for (const auto each : level)
            if (const auto at = nodes_.find(each); at != nodes_.end())
                for (const auto below : at->second.dependants) {
                    const auto& n = nodes_.at(below);
                    if (n.kind == kin::service && n.alive)
                        continue;
                    if (!known.insert(below).second)
                        continue;
                    if (n.alive)
                        result.push_back(below);
                    next.push_back(below);
                }
        level = std::move(next);
    }
    return result;
}

tree::id tree::owner(id member) const
{
    const auto found = nodes_.find(member);
    return found == nodes_.end() || found->second.owners.empty() ? root
                                                                 : found->second.owners.front();
}

bool tree::only_services_left(const node& n) const
{
    return std::all_of(n.dependants.begin(), n.dependants.end(),
                       [&](id each) { return nodes_.at(each).kind == kin::service; });
}

} // namespace zproc::supervision
