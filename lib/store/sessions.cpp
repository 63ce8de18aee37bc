#include "store/sessions.hpp"

#include "journal/live_index.hpp"

#include <algorithm>
#include <utility>

namespace zproc::store {

namespace {

constexpr std::size_t least_room = 16;
constexpr std::size_t most_idle_room = 256;

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

const sessions::session* sessions::at(std::uint64_t id) const
{
    if (latest_ && latest_->first == id)
        return &latest_->second;
    const auto it = open_.find(id);
    if (it == open_.end())
        return nullptr;
    latest_ = &*it;
    return &it->second;
}

sessions::session* sessions::at(std::uint64_t id)
{
    return const_cast<session*>(std::as_const(*this).at(id));
}

void sessions::close(std::uint64_t id)
{
    const auto it = open_.find(id);
    if (it == open_.end())
        return;
    live_ -= it->second.live;
    latest_ = nullptr;
    open_.erase(it);
}

const sessions::kept* sessions::find(std::uint64_t id, std::uint64_t request) const
{
    return const_cast<sessions*>(this)->find(id, request);
}

sessions::kept* sessions::find(std::uint64_t id, std::uint64_t request)
{
    auto* const asked = at(id);
    if (!asked)
        return nullptr;
    auto& replies = asked->replies;
    if (replies.empty() || replies.back().request < request)
        return nullptr;
    const auto place = place_of(replies, request);
    return place != replies.end() && place->request == request ? &*place : nullptr;
}

std::size_t sessions::kept_by(std::uint64_t id) const
{
    const auto* const asked = at(id);
    return asked ? asked->replies.size() : 0;
}

std::uint64_t sessions::bytes_kept_by(std::uint64_t id) const
{
    const auto* const asked = at(id);
    return asked ? asked->live : 0;
}

std::uint64_t sessions::acknowledged(std::uint64_t id) const
{
    const auto* const asked = at(id);
    return asked ? asked->acknowledged : 0;
}

std::uint64_t sessions::latest(std::uint64_t id) const
{
    const auto* const asked = at(id);
    return asked && !asked->replies.empty() ? asked->replies.back().request : 0;
}

void sessions::keep(std::uint64_t id, const kept& reply)
{
    auto* const asked = at(id);
    if (!asked || reply.request <= asked->acknowledged)
        return;
    auto& [acknowledged, live, replies] = *asked;
    const auto before = live;
    if (replies.full())
        replies.set_capacity(std::max(least_room, 2 * replies.size()));
    const auto place = replies.empty() || replies.back().request < reply.request
                           ? replies.end()
                           : place_of(replies, reply.request);
    if (place != replies.end() && place->request == reply.request) {
        live -= share(*place);
        *place = reply;
    } else {
        replies.insert(place, reply);
    }
    live += share(reply);
    live_ += live - before;
}

void sessions::acknowledge(std::uint64_t id, std::uint64_t upto)
{
    auto* const asked = at(id);
    if (!asked || upto <= asked->acknowledged)
        return;
    auto& [acknowledged, live, replies] = *asked;
    acknowledged = upto;
    const auto before = live;
    while (!replies.empty() && replies.front().request <= upto) {
        live -= share(replies.front());
        replies.pop_front();
    }
    // So many under way once do not mean that there will be as many again.
    if (replies.capacity() > most_idle_room && replies.size() < replies.capacity() / 8)
        replies.set_capacity(std::max(least_room, 2 * replies.size()));
    live_ -= before - live;
}

} // namespace zproc::store
