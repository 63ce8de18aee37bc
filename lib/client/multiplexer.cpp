#include "client/multiplexer.hpp"

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

namespace zproc::client {

multiplexer::ticket multiplexer::add(std::unique_ptr<call>& what, time deadline)
{
    std::uint32_t index;
    if (!free_.empty()) {
        index = free_.back();
        free_.pop_back();
    } else {
        if (slots_.size() > index_mask)
            return 0;
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    }
    slot& s = slots_[index];
    s.id = next_sequence_++ << index_bits | index;
    s.deadline = deadline;
    s.written = false;
    s.fence = false;
    s.sent_once = false;
    s.number = 0;
    s.what = std::move(what);
    (s.what->is_urgent() ? urgent_ : queue_).push_back(s.id);
    ++pending_;
    return s.id;
}

std::vector<std::unique_ptr<call>> multiplexer::write(protocol::buffer& out, std::size_t largest,
                                                      time now)
{
    std::vector<std::unique_ptr<call>> refused;
    const bool held = holding(now);
    for (auto* queue : {&urgent_, &queue_}) {
        for (; !queue->empty(); queue->pop_front()) {
            const auto index = static_cast<std::uint32_t>(queue->front() & index_mask);
            slot& s = slots_[index];
            if (s.id != queue->front())
                continue;
            if (!may_write(s, held && queue == &queue_))
                break;
            const auto begin = out.size();
            write(s, index, out);
            if (out.size() - begin > protocol::header_bytes + largest) {
                out.resize(begin);
                refused.push_back(take(s));
                free_slot(index);
            }
        }
    }
    return refused;
}

bool multiplexer::may_write(const slot& s, bool held) const
{
    if (!s.what->is_mutation())
        return true;
    const auto ahead = s.number != 0 ? s.number - first_number_ : finished_.size();
    return fences_ == 0 && !held && ahead < window;
}

void multiplexer::write(slot& s, std::uint32_t index, protocol::buffer& out)
{
    if (!s.sent_once)
        s.order = next_order_++;
    if (s.what->is_mutation() && s.number == 0) {
        s.number = first_number_ + finished_.size();
        finished_.push_back(false);
    }
    protocol::mutation by;
    by.number = s.number;
    by.acknowledged = acknowledged();
    s.what->write(out, s.generation << index_bits | index, by);
    s.written = true;
    s.sent_once = true;
    s.fence = s.what->is_fence();
    fences_ += s.fence;
}

void multiplexer::hold_back(std::uint64_t turn, time until)
{
    turns_.emplace_back(turn, until);
}

void multiplexer::let_go(std::uint64_t turn)
{
    std::erase_if(turns_, [&](const auto& each) { return each.first == turn; });
}

bool multiplexer::holding(time now)
{
    std::erase_if(turns_, [&](const auto& each) { return each.second <= now; });
    return !turns_.empty();
}

std::unique_ptr<call> multiplexer::reply(std::uint32_t correlation)
{
    const auto index = correlation & index_mask;
    if (index >= slots_.size())
        return nullptr;
    slot& s = slots_[index];
    if (s.id == 0 || !s.written || (s.generation << index_bits | index) != correlation)
        return nullptr;
    auto what = take(s);
    free_slot(index);
    return what;
}

const multiplexer::slot* multiplexer::find(ticket t) const
{
    const auto index = static_cast<std::size_t>(t & index_mask);
    if (t == 0 || index >= slots_.size() || slots_[index].id != t || !slots_[index].what)
        return nullptr;
    return &slots_[index];
}

multiplexer::standing multiplexer::of(ticket t) const
{
    const slot* s = find(t);
    if (!s)
        return standing::unknown;
    return s->written || s->sent_once ? standing::written : standing::queued;
}

std::unique_ptr<call> multiplexer::abandon(ticket t)
{
    if (!find(t))
        return nullptr;
    const auto index = static_cast<std::uint32_t>(t & index_mask);
    slot& s = slots_[index];
    auto what = take(s);
    if (!s.written)
        free_slot(index);
    return what;
}

void multiplexer::disconnected()
{
    queue_.clear();
    urgent_.clear();
    turns_.clear(); // are over with the connection
    fences_ = 0;
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        slot& s = slots_[index];
        if (s.id == 0)
            continue;
        s.written = false;
        s.fence = false;
        if (s.what)
            queue_.push_back(s.id);
        else
            free_slot(index);
    }
    const auto place = [this](ticket t) {
        const slot& s = slots_[t & index_mask];
        return s.sent_once ? std::pair(s.order, ticket{0})
                           : std::pair(std::numeric_limits<std::uint64_t>::max(), t);
    };
    std::ranges::sort(queue_, {}, place);
}

std::vector<std::unique_ptr<call>> multiplexer::session_lost()
{
    auto lost = take_if([](const slot& s) { return s.sent_once && s.what->is_mutation(); });
    std::vector<std::unique_ptr<call>> calls;
    calls.reserve(lost.size());
    for (auto& each : lost)
        calls.push_back(std::move(each.what));
    return calls;
}

std::vector<multiplexer::expired> multiplexer::expire(time now)
{
    holding(now);
    return take_if([now](const slot& s) { return s.deadline <= now; });
}

bool multiplexer::postpone(time now, time until)
{
    bool any = false;
    for (slot& s : slots_)
        if (s.what && s.written && s.deadline <= now && s.what->is_patient()) {
            s.deadline = until;
            any = true;
        }
    return any;
}

std::vector<multiplexer::expired> multiplexer::drain()
{
    return take_if([](const slot&) { return true; });
}

multiplexer::time multiplexer::next_deadline() const
{
    auto earliest = std::numeric_limits<time>::max();
    for (const slot& s : slots_)
        if (s.what)
            earliest = std::min(earliest, s.deadline);
    if (!turns_.empty() && pending_ != 0)
        earliest = std::min(earliest, std::ranges::max(turns_ | std::views::values));
    return earliest;
}

template <class Which>
std::vector<multiplexer::expired> multiplexer::take_if(Which which)
{
    std::vector<ticket> chosen;
    for (const slot& s : slots_)
        if (s.what && which(s))
            chosen.push_back(s.id);
    std::sort(chosen.begin(), chosen.end());

    std::vector<expired> taken;
    taken.reserve(chosen.size());
    for (ticket t : chosen) {
        const bool written = of(t) == standing::written;
        taken.push_back({abandon(t), written});
    }
    return taken;
}

std::unique_ptr<call> multiplexer::take(slot& from)
{
    auto what = std::move(from.what);
    if (what)
        --pending_;
    fences_ -= std::exchange(from.fence, false);
    answered(std::exchange(from.number, 0));
    return what;
}

void multiplexer::answered(std::uint64_t number)
{
    if (number == 0)
        return;
    finished_[number - first_number_] = true;
    while (!finished_.empty() && finished_.front()) {
        finished_.pop_front();
        ++first_number_;
    }
}

void multiplexer::free_slot(std::uint32_t index)
{
    slots_[index].id = 0;
    slots_[index].generation = (slots_[index].generation + 1) & (~index_mask >> index_bits);
    free_.push_back(index);
}

} // namespace zproc::client
