#include "client/replica.hpp"

#include "value/decode.hpp"
#include "value/msgpack.hpp"

#include <utility>

namespace zproc::client {

namespace {

/// A scan is much faster than a lap of any writer; who is lapped so often is being starved.
constexpr int most_laps = 64;

bool is_scalar(std::span<const std::byte> bytes)
{
    switch (msgpack::reader(bytes).next_kind()) {
    case value_kind::null:
    case value_kind::boolean:
    case value_kind::integer:
    case value_kind::real: return true;
    default: return false;
    }
}

} // namespace

void replica::enter(journal::reader ring)
{
    const bool same = ring_ && ring_->header().instance == ring.header().instance &&
                      ring_->header().epoch == ring.header().moved.previous_epoch;
    const auto here = same && complete_ ? ring.header().moved(ring_->where()) : std::nullopt;
    ring_ = std::move(ring);
    if (here)
        ring_->seek(*here);
    else
        begin_scan();
}

void replica::begin_scan() noexcept
{
    items_.clear();
    revision_ = 0;
    complete_ = false;
    ring_->seek(ring_->tail());
    goal_ = ring_->head();
    ++scans_;
}

replica::progress replica::catch_up()
{
    laps_ = 0;
    goal_ = ring_->head();
    for (;;)
        if (const auto done = step(); done != progress::more)
            return done;
}

replica::progress replica::step()
try {
    if (ring_->where() >= goal_) {
        complete_ = true;
        return progress::current;
    }
    switch (ring_->next(name_space_)) {
    case journal::read_result::none: return progress::more;
    case journal::read_result::got:
        if (apply(ring_->record()))
            return progress::more;
        if (!complete_)
            break;
        [[fallthrough]]; // it has missed something, and has not noticed: so much for what it holds
    case journal::read_result::lapped:
        begin_scan();
        return ++laps_ == most_laps ? progress::overrun : progress::more;
    case journal::read_result::damaged: break;
    }
    begin_scan();
    return progress::damaged;
} catch (...) { // of a record applied in part
    begin_scan();
    throw;
}

/// False for an event that is not the next one.
bool replica::apply(const journal::record_view& record)
{
    const bool known = complete_ || revision_ != 0;
    if (record.is_event() && known && record.revision != revision_ + 1)
        return false;
    for (const auto& change : record.changes) {
        if (!change.after) {
            items_.erase(change.key);
            continue;
        }
        item& kept = items_[change.key];
        put(kept, *change.after);
        kept.modified = record.revision;
    }
    if (record.counter)
        revision_ = record.revision;
    return true;
}

void replica::put(item& into, std::span<const std::byte> bytes)
{
    // It takes no longer to read a number than to keep its bytes.
    if (is_scalar(bytes) && !decode_any(bytes, into.content)) {
        into.encoded.clear();
        return;
    }
    into.content = value();
    into.encoded.assign(bytes.begin(), bytes.end());
}

const value& replica::read(entry& from)
{
    auto& [key, kept] = from;
    if (!kept.encoded.empty()) {
        if (const auto ec = decode_any(kept.encoded, kept.content))
            throw system_error(ec, "the value of '" + key + "'");
        std::vector<std::byte>().swap(kept.encoded);
    }
    return kept.content;
}

const value* replica::find(std::string_view key)
{
    const auto found = items_.find(key);
    return found ? &read(*found) : nullptr;
}

std::uint64_t replica::modified(std::string_view key) noexcept
{
    const auto found = items_.find(key);
    return found ? found->content.modified : 0;
}

std::vector<std::string> replica::keys() const
{
    std::vector<std::string> all;
    all.reserve(items_.size());
    for (const auto& [key, kept] : items_)
        all.push_back(key);
    return all;
}

dict replica::items()
{
    dict all;
    for (auto& each : items_)
        all.insert_or_assign(each.key, read(each));
    return all;
}

} // namespace zproc::client
