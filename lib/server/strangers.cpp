#include "server/strangers.hpp"

#include <algorithm>

namespace zproc::serving {

void strangers::come(seat who, const throttle::peer& from)
{
    waiting_.push_back({who, from});
    ++crowds_[from];
}

void strangers::leave(seat who)
{
    const auto found = std::ranges::find(waiting_, who, &one::who);
    if (found == waiting_.end())
        return;
    const auto crowd = crowds_.find(found->from);
    if (--crowd->second == 0)
        crowds_.erase(crowd);
    waiting_.erase(found);
}

std::optional<strangers::choice> strangers::first_to_go() const
{
    const one* first = nullptr;
    std::size_t most = 0;
    for (const auto& each : waiting_)
        if (const auto crowd = crowds_.at(each.from); crowd > most) {
            most = crowd;
            first = &each;
        }
    if (first == nullptr)
        return std::nullopt;
    return choice{first->who, most == 1};
}

} // namespace zproc::serving
