#include "server/disk.hpp"

#include <algorithm>
#include <utility>

/// The running part: segments begin, grow, and go.
namespace zproc::serving {

namespace {

constexpr const char* next_name = "next";
constexpr const char* failed_name = "sync-failed";
// Of the ring's capacity: more than that is on disk, or in more files, and a new ring begins anew.
constexpr std::uint64_t most_laps = 3;
constexpr std::size_t most_segments = 32;
// What is published at once is less than two laps, and an extent ends with a lap.
constexpr std::uint64_t most_extents = 4;

} // namespace

disk::disk(file_system& files, disk_options options)
    : files_(files), options_(std::move(options)), replay_(options_.largest_capacity)
{
    last_.number = 0;
    if (options_.fsync == fsync_policy::interval && options_.own_thread)
        syncer_ = std::make_unique<syncer>(files_, options_.interval, options_.alarm);
}

disk::~disk()
{
    syncer_.reset();
    if (file_ >= 0)
        files_.close(file_);
    if (next_ >= 0)
        files_.close(next_);
}

std::string disk::name_of(std::uint64_t number)
{
    auto digits = std::to_string(number);
    digits.insert(0, digits.size() < 12 ? 12 - digits.size() : 0, '0');
    return "segment-" + digits;
}

void disk::log(const std::string& text) const
{
    if (options_.log)
        options_.log(text);
}

void disk::fail(const char* what, const error_code& ec)
{
    if (!std::exchange(lost_, true)) {
        log(std::string("the data directory cannot be ") + what + " (" + ec.message() +
            "): nothing is acknowledged any more");
        // For who starts on this machine: of what was acknowledged, some may go from its cache.
        error_code ignored;
        if (const int file = files_.open(failed_name, ignored); file >= 0)
            files_.close(file);
    }
    if (options_.failed)
        options_.failed(errc::disk_failed);
    throw disk_lost();
}

/// What one append can write beyond its record: what the ring has to carry for it.
std::uint64_t disk::margin(std::uint64_t capacity) const
{
    return capacity / 4 + options_.reserve_bytes;
}

std::uint64_t disk::segment_size() const
{
    return std::max(options_.segment_bytes, last_.ring.capacity / 4);
}

std::uint64_t disk::bytes() const
{
    std::uint64_t sum = offset_;
    for (const auto& each : old_)
        sum += each.bytes;
    return sum;
}

bool disk::begins_anew(std::uint64_t capacity) const
{
    return start_whole_ || last_.number == 0 || old_.size() >= most_segments ||
           bytes() > most_laps * capacity + 4 * segment_size();
}

/// The file that the next segment is going to be, so large.
error_code disk::allocate_next(std::uint64_t size)
{
    if (next_ < 0) {
        error_code ec;
        // It was written to, perhaps, by who did not come to its end.
        if (std::exchange(stale_next_, false))
            ec = files_.remove(next_name);
        if (ec)
            fail("written", ec);
        next_ = files_.open(next_name, ec);
        next_size_ = 0;
        if (is_full(ec))
            return errc::disk_full;
        if (ec)
            fail("written", ec);
    }
    if (size <= next_size_)
        return {};
    if (const auto ec = files_.allocate(next_, size)) {
        if (is_full(ec))
            return errc::disk_full;
        fail("written", ec);
    }
    next_size_ = size;
    return {};
}

error_code disk::prepare(std::uint64_t capacity)
{
    // What is copied is not written again; what a full ring has to carry at once, is.
    const auto first = begins_anew(capacity) ? capacity : capacity / 3;
    const auto ec = allocate_next(journal::segment_header_bytes + first + margin(capacity));
    if (ec && !ring_refused_)
        log("the disk has no room for a larger journal: changes that need one are refused");
    ring_refused_ = ec.failed();
    return ec;
}

error_code disk::begin(const journal::writer& now)
{
    const auto& ring = now.header();
    const bool moved = !begins_anew(ring.capacity) &&
                       ring.moved.previous_epoch == last_.ring.epoch &&
                       ring.moved.head == position_;
    journal::segment_header header;
    header.ring = ring;
    header.kind = moved ? journal::segment_kind::moved : journal::segment_kind::whole;
    header.tail = now.tail();
    header.from = moved ? ring.moved.head - ring.moved.tail - ring.moved.pad : now.tail();
    header.commit = now.last_commit();
    staged_.clear();
    journal::encode_extents(now.region(), ring.capacity, header.from, now.head(), header.tail, 0,
                            staged_);
    const auto size = journal::segment_header_bytes + staged_.size();
    if (allocate_next(size + margin(ring.capacity)))
        if (const auto ec = allocate_next(size))
            return ec;

    const auto before = std::exchange(old_, {});
    create(header, staged_, before);
    position_ = now.head();
    tail_ = now.tail();
    commit_ = now.last_commit();
    start_whole_ = false;
    for (const auto& name : std::exchange(orphans_, {}))
        files_.remove(name);
    if (std::exchange(sync_failed_, false))
        files_.remove(failed_name);
    replay_ = journal::replay(options_.largest_capacity);
    ring_ = {};
    return {};
}

/// A segment is there under its name only when it is complete, and what it continues is synced.
void disk::create(journal::segment_header header, std::span<const std::byte> extents,
                  std::vector<segment> before)
{
    using journal::segment_kind;
    header.number = ++highest_;
    if (header.kind != segment_kind::whole) {
        header.follows = last_.number;
        header.follows_end = offset_;
        sync_current();
    } else {
        rest(); // from a file that is going to be closed
    }
    header.synced_commits = options_.fsync == fsync_policy::commit;
    header.boot = options_.boot;
    header.synced = journal::segment_header_bytes + extents.size();
    const auto page = encode_segment_header(header);
    auto ec = files_.write(next_, 0, page);
    if (!ec && !extents.empty())
        ec = files_.write(next_, page.size(), extents);
    if (ec)
        fail("written", ec);
    if (const auto failed = files_.sync(next_))
        fail("synced", failed);
    ec = files_.rename(next_name, name_of(header.number));
    if (!ec)
        ec = files_.sync_names();
    if (ec)
        fail("written", ec);

    if (last_.number != 0) {
        before.push_back({last_.number, offset_, position_});
        // What its writer had put by, and did not live to give back.
        if (file_ < 0 && header.kind != segment_kind::whole) {
            file_ = files_.open(name_of(last_.number), ec);
            allocated_ = offset_ + 1; // at least
        }
    }
    close_current();
    if (header.kind == segment_kind::whole) {
        for (const auto& each : before)
            files_.remove(name_of(each.number));
        before.clear();
    }
    // Until the tail has passed all that was copied, nothing of where it was copied from can go.
    if (header.kind == segment_kind::moved)
        for (auto& each : before)
            each.end = header.from;
    old_ = std::move(before);

    last_ = header;
    file_ = std::exchange(next_, -1);
    allocated_ = next_size_;
    offset_ = page.size() + extents.size();
    synced_ = {offset_, header.tail};
    try_roll_at_ = 0;
    // Room for the next one, even when the disk is full by then.
    (void)allocate_next(page.size() + margin(header.ring.capacity));
}

void disk::close_current()
{
    if (file_ < 0)
        return;
    if (allocated_ > offset_)
        (void)files_.truncate(file_, offset_); // else it takes more than it needs, for some time
    files_.close(std::exchange(file_, -1));
}

/// Where the present file has room for what was admitted, the next one may have none.
void disk::roll(std::uint64_t bytes)
{
    if (offset_ < std::max(segment_size(), try_roll_at_))
        return;
    if (allocate_next(journal::segment_header_bytes + bytes + margin(last_.ring.capacity))) {
        try_roll_at_ = offset_ + segment_size() / 4;
        return;
    }
    auto header = last_;
    header.kind = journal::segment_kind::continued;
    header.from = position_;
    header.tail = tail_;
    header.commit = commit_;
    create(header, {}, std::exchange(old_, {}));
}

void disk::before_publish(std::span<const std::byte> region, journal::position to,
                          journal::position tail)
{
    if (lost_)
        fail("written", errc::disk_failed);
    if (syncer_) {
        check();
        if (const auto done = syncer_->take_done())
            learn_synced(*done);
    }
    roll(to - position_ + most_extents * journal::extent_header_bytes);
    staged_.clear();
    const auto commit = journal::encode_extents(region, last_.ring.capacity, position_, to, tail,
                                                synced_.end, staged_);
    if (const auto ec = files_.write(file_, offset_, staged_))
        fail("written", ec);
    offset_ += staged_.size();
    allocated_ = std::max(allocated_, offset_);
    position_ = to;
    tail_ = tail;
    commit_ = std::max(commit_, commit);
    if (options_.fsync == fsync_policy::commit)
        sync_current();
    else if (syncer_)
        syncer_->written(file_, {offset_, tail_});
}

void disk::check()
{
    if (const auto ec = syncer_ ? syncer_->failure() : error_code())
        fail("synced", ec); // the system tells of it only once
}

void disk::rest()
{
    if (!syncer_)
        return;
    syncer_->rest();
    check();
}

void disk::sync_current()
{
    if (lost_)
        fail("synced", errc::disk_failed);
    rest();
    if (file_ < 0)
        return;
    if (const auto ec = files_.sync(file_))
        fail("synced", ec);
    learn_synced({offset_, tail_});
}

void disk::synchronize()
{
    if (file_ >= 0 && synced_.end != offset_)
        sync_current();
}

/// What lies before a tail that is on the disk, is needed no more.
void disk::learn_synced(const synced_part& part)
{
    synced_ = part;
    auto spared = old_.begin();
    while (spared != old_.end() && spared->end <= synced_.tail)
        files_.remove(name_of((spared++)->number)); // or it is an orphan at the next start
    old_.erase(old_.begin(), spared);
}

error_code disk::admit(std::uint64_t record, journal::position written, bool internal)
{
    constexpr std::uint64_t ahead = 1u << 20;
    const auto spare = margin(last_.ring.capacity);
    const auto pending = written - position_ + most_extents * journal::extent_header_bytes;
    const auto need = offset_ + pending + 5 * record + (internal ? spare / 2 : spare);
    if (need <= allocated_) {
        if (!internal && std::exchange(full_, false))
            log("the disk has room again: changes are accepted");
        return {};
    }
    auto ec = files_.allocate(file_, need + ahead);
    const bool much = !ec;
    if (is_full(ec))
        ec = files_.allocate(file_, need);
    if (is_full(ec)) {
        if (!std::exchange(full_, true))
            log("the disk is full: changes are refused until there is room, reading goes on");
        return errc::disk_full;
    }
    if (ec)
        fail("written", ec);
    allocated_ = need + (much ? ahead : 0);
    return admit(record, written, internal);
}

void disk::finish()
{
    if (file_ < 0)
        return;
    sync_current();
    if (allocate_next(journal::segment_header_bytes))
        return log("the disk is too full to say that this was a clean end");
    auto header = last_;
    header.kind = journal::segment_kind::continued;
    header.from = position_;
    header.tail = tail_;
    header.commit = commit_;
    header.clean_end = true;
    create(header, {}, std::exchange(old_, {}));
    close_current();
}

} // namespace zproc::serving
