#include "client/multiplexer.hpp"

#include <algorithm>
#include <limits>
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
    if (what->is_mutation()) {
        s.number = first_number_ + finished_.size();
        finished_.push_back(false);
    }
    s.what = std::move(what);
    queue_.push_back(s.id);
    ++pending_;
    return s.id;
}

std::vector<std::unique_ptr<call>> multiplexer::write(protocol::buffer& out, std::size_t largest)
{
    std::vector<std::unique_ptr<call>> refused;
    for (; !queue_.empty(); queue_.pop_front()) {
        const auto index = static_cast<std::uint32_t>(queue_.front() & index_mask);
        slot& s = slots_[index];
        if (s.id != queue_.front())
            continue;
        if (s.number != 0 && (fences_ > 0 || s.number - first_number_ >= window))
            break;
        protocol::mutation by;
        by.number = s.number;
        by.acknowledged = acknowledged();
        const auto begin = out.size();
        s.what->write(out, s.generation << index_bits | index, by);
        if (out.size() - begin > protocol::header_bytes + largest) {
            out.resize(begin);
            refused.push_back(take(s));
            free_slot(index);
            continue;
        }
        s.written = true;
        s.sent_once = true;
        s.fence = s.what->is_fence();
        fences_ += s.fence;
    }
    return refused;
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
    std::sort(queue_.begin(), queue_.end());
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
    return take_if([now](const slot& s) { return s.deadline <= now; });
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
