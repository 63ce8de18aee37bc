#include "store/sessions.hpp"

#include "journal/live_index.hpp"

#include <algorithm>

namespace zproc::store {

namespace {

std::uint64_t share(const sessions::kept& reply)
{
    return journal::carried_reply_size(reply.place.size);
}

auto place_of(auto& replies, std::uint64_t request)
{
    return std::lower_bound(
        replies.begin(), replies.end(), request,
        [](const sessions::kept& each, std::uint64_t number) { return each.request < number; });
}

} // namespace

void sessions::close(std::uint64_t id)
{
    const auto it = open_.find(id);
    if (it == open_.end())
        return;
    live_ -= it->second.live;
    open_.erase(it);
}

const sessions::kept* sessions::find(std::uint64_t id, std::uint64_t request) const
{
    return const_cast<sessions*>(this)->find(id, request);
}

sessions::kept* sessions::find(std::uint64_t id, std::uint64_t request)
{
    const auto it = open_.find(id);
    if (it == open_.end())
        return nullptr;
    auto& replies = it->second.replies;
    if (replies.empty() || replies.back().request < request)
        return nullptr;
    const auto at = place_of(replies, request);
    return at != replies.end() && at->request == request ? &*at : nullptr;
}

std::size_t sessions::kept_by(std::uint64_t id) const
{
    const auto it = open_.find(id);
    return it == open_.end() ? 0 : it->second.replies.size();
}

std::uint64_t sessions::bytes_kept_by(std::uint64_t id) const
{
    const auto it = open_.find(id);
    return it == open_.end() ? 0 : it->second.live;
}

std::uint64_t sessions::acknowledged(std::uint64_t id) const
{
    const auto it = open_.find(id);
    return it == open_.end() ? 0 : it->second.acknowledged;
}

std::uint64_t sessions::latest(std::uint64_t id) const
{
    const auto it = open_.find(id);
    return it == open_.end() || it->second.replies.empty() ? 0 : it->second.replies.back().request;
}

void sessions::keep(std::uint64_t id, const kept& reply)
{
    const auto it = open_.find(id);
    if (it == open_.end() || reply.request <= it->second.acknowledged)
        return;
    auto& [acknowledged, live, replies] = it->second;
    const auto before = live;
    const auto at = replies.empty() || replies.back().request < reply.request
                        ? replies.end()
                        : place_of(replies, reply.request);
    if (at != replies.end() && at->request == reply.request) {
        live -= share(*at);
        *at = reply;
    } else {
        replies.insert(at, reply);
    }
    live += share(reply);
    live_ += live - before;
}

void sessions::acknowledge(std::uint64_t id, std::uint64_t upto)
{
    const auto it = open_.find(id);
    if (it == open_.end() || upto <= it->second.acknowledged)
        return;
    auto& [acknowledged, live, replies] = it->second;
    acknowledged = upto;
    const auto before = live;
    while (!replies.empty() && replies.front().request <= upto) {
        live -= share(replies.front());
        replies.pop_front();
    }
    live_ -= before - live;
}

} // namespace zproc::store
