#include "supervisor/record_book.hpp"

#include <algorithm>
#include <utility>

namespace zproc::supervision {

using state = message::report::state;

void record_book::add(message::report line)
{
    const bool ended = line.now == state::failed || line.now == state::down;
    if (ended)
        ended_.push_back(line.child);
    append(std::move(line));
    if (ended_.size() > most_ended) {
        message::report old;
        old.child = ended_.front();
        old.now = state::forgotten;
        ended_.pop_front();
        append(std::move(old));
    }
}

void record_book::append(message::report line)
{
    line.number = ++last_number_;
    if (waiting_.size() >= most_waiting) {
        const auto unsent = waiting_.begin() + static_cast<std::ptrdiff_t>(sent_);
        const auto older = std::find_if(unsent, waiting_.end(),
                                        [&](const auto& w) { return w.child == line.child; });
        if (older != waiting_.end())
            waiting_.erase(older);
    }
    waiting_.push_back(std::move(line));
}

const message::report* record_book::next()
{
    if (sent_ == waiting_.size() || sent_ == in_flight)
        return nullptr;
    return &waiting_[sent_++];
}

void record_book::committed(std::uint64_t number)
{
    while (!waiting_.empty() && waiting_.front().number <= number) {
        waiting_.pop_front();
        if (sent_ != 0)
            --sent_;
    }
}

} // namespace zproc::supervision
