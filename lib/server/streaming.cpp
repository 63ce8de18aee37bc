#include "journal/mirror.hpp"
#include "server/session_fsm.hpp"

#include <algorithm>

/// The journal for who cannot map it: piece by piece, no more than the client has asked for.
namespace zproc::serving {

using namespace protocol;

namespace {

constexpr std::size_t piece_bytes = 64u << 10;

} // namespace

stream_end session_fsm::journal_end() const
{
    return {shared_.data->ring().header().epoch, shared_.data->ring().written()};
}

void session_fsm::handle(const frame& f, const stream_request& m, std::int64_t)
{
    const auto& ring = shared_.data->ring();
    if (!stream_)
        shared_.streams.push_back(where_);
    stream_.emplace(streaming());
    replies_ = output_.size();
    stream_->limit = m.limit;
    // A position is believed when there is a record there: it was another server's word once.
    const bool goes_on = m.epoch == ring.header().epoch && journal::is_boundary(ring, m.from);
    if (goes_on)
        stream_->resumes = {m.epoch, m.from};
    answer(f, journal_end());
}

void session_fsm::handle(const frame& f, const stream_more_request& m, std::int64_t)
{
    if (stream_ && m.limit != 0)
        stream_->limit = m.limit;
    answer(f, journal_end());
}

void session_fsm::begin_stream(journal::position from, buffer& out)
{
    const auto& ring = shared_.data->ring();
    const auto& header = ring.header();
    stream_->epoch = header.epoch;
    stream_->at = from;
    stream_begun begun;
    begun.epoch = header.epoch;
    begun.capacity = header.capacity;
    begun.commit = header.commit;
    begun.previous_epoch = header.moved.previous_epoch;
    begun.moved_tail = header.moved.tail;
    begun.moved_wrap = header.moved.wrap;
    begun.moved_pad = header.moved.pad;
    begun.moved_head = header.moved.head;
    begun.from = from;
    begun.head = ring.head();
    write_reply(out, 0, begun.code, begun);
}

/// Whether more may be sent now.
bool session_fsm::may_stream() const
{
    return stream_ && !closing_ && stream_->sent < stream_->limit &&
           shared_.waiting < shared_.most_waiting;
}

bool session_fsm::stream()
{
    if (!may_stream())
        return false;
    const auto& ring = shared_.data->ring();
    buffer out;
    if (stream_->epoch != ring.header().epoch || stream_->at < ring.tail()) {
        const auto [epoch, from] = std::exchange(stream_->resumes, {});
        const bool goes_on = epoch == ring.header().epoch && from >= ring.tail();
        begin_stream(goes_on ? from : ring.tail(), out);
    }
    while (may_stream() && output_.size() + out.size() < high_water) {
        const auto most = std::min<std::uint64_t>(piece_bytes, stream_->limit - stream_->sent);
        const auto next = journal::next_piece(ring, stream_->at, most);
        if (!next)
            break;
        write_reply(out, 0, operation::stream_piece,
                    stream_piece{next->at, next->end, next->bytes});
        stream_->at = next->end;
        stream_->sent += next->bytes.size();
    }
    const auto place = std::min(replies_, output_.size());
    output_.insert(output_.begin() + static_cast<std::ptrdiff_t>(place), out.begin(), out.end());
    for (auto& each : attachments_)
        if (each.offset >= place)
            each.offset += out.size();
    replies_ = output_.size();
    count_output();
    return !out.empty();
}

bool session_fsm::streams_more() const
{
    return may_stream() && !congested() && stream_->at < shared_.data->ring().head();
}

} // namespace zproc::serving
