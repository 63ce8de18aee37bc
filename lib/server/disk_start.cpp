#include "server/disk.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>
#include <string_view>

/// What a disk finds when it starts.
namespace zproc::serving {

namespace {

using journal::segment_check;

constexpr std::string_view prefix = "segment-";
constexpr std::uint64_t no_number = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// 0 for a name that is none of a segment.
std::uint64_t number_of(std::string_view name)
{
    std::uint64_t number = 0;
    if (!name.starts_with(prefix))
        return 0;
    const auto* const end = name.data() + name.size();
    const auto [stopped, ec] = std::from_chars(name.data() + prefix.size(), end, number);
    return ec == std::errc() && stopped == end ? number : 0;
}

const char* what_is_wrong(segment_check check)
{
    switch (check) {
    case segment_check::foreign: return "is no segment of a state";
    case segment_check::other_version:
        return "was written by another version of zproc, in a format that this one does not read";
    default: return "has a damaged header";
    }
}

std::string text_of(std::int64_t time)
{
    const auto seconds = static_cast<std::time_t>(time / 1'000'000'000);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%F %T", &parts);
    return text;
}

/// Of the last change that is whole.
std::int64_t last_time(const journal::segment_contents& found)
{
    std::int64_t time = 0;
    for (const auto& each : found.extents)
        for (std::size_t at = 0; at < each.records.size();) {
            const auto record = journal::view_of(each.records.data() + at);
            time = std::max(time, record.time);
            at += record.size;
        }
    return time;
}

} // namespace

/// The segments that hold the state, oldest first: the last one below that number, and what it
/// continues, up to a damaged header.
error_code disk::read_headers(std::vector<journal::segment_header>& chain, std::uint64_t below)
{
    chain.clear();
    orphans_.clear();
    broken_ = 0;
    std::vector<std::string> names;
    if (const auto ec = files_.list(names))
        return ec;
    std::vector<std::uint64_t> numbers;
    for (const auto& name : names) {
        if (name == "next")
            stale_next_ = true;
        else if (name == "sync-failed")
            sync_failed_ = true;
        else if (const auto number = number_of(name); number != 0 && name == name_of(number))
            numbers.push_back(number);
    }
    std::ranges::sort(numbers, std::greater<>());
    if (numbers.empty())
        return {};

    highest_ = numbers.front();
    std::uint64_t wanted = 0; // any, of the last
    for (const auto number : numbers) {
        if (number >= below || broken_ != 0 || (number != wanted && !chain.empty())) {
            orphans_.push_back(name_of(number)); // given up, or needed no more
            continue;
        }
        if (const auto ec = files_.read(name_of(number), journal::segment_header_bytes, read_))
            return ec;
        journal::segment_header header;
        auto check = read_segment_header(read_, header);
        if (check == segment_check::good && header.number != number)
            check = segment_check::damaged;
        if (check != segment_check::good)
            log(name_of(number) + " " + what_is_wrong(check));
        if (check == segment_check::damaged) {
            broken_ = number;
            orphans_.push_back(name_of(number));
            continue;
        }
        if (check != segment_check::good)
            return errc::data_damaged;
        chain.push_back(header);
        wanted = header.follows;
    }
    std::ranges::reverse(chain);
    return {};
}

error_code disk::read_contents(const journal::segment_header& header,
                               std::optional<std::uint64_t> complete,
                               journal::segment_contents& found)
{
    if (const auto ec = files_.read(name_of(header.number), no_limit, read_))
        return ec;
    found = read_segment(read_, header, complete);
    return {};
}

error_code disk::look()
{
    std::vector<journal::segment_header> chain;
    if (const auto ec = read_headers(chain, no_number))
        return ec;
    if (chain.empty() && broken_ == 0)
        return {};
    auto ec = chain.empty() ? make_error_code(errc::data_damaged) : replay_chain(chain);
    if (ec == errc::data_damaged && broken_ != 0 && !options_.salvage)
        return advise_salvage();
    while (ec == errc::data_damaged && broken_ != 0)
        ec = replay_before_broken(chain);
    if (ec)
        return ec;
    take_chain(chain);
    return rewrite_last();
}

/// What lies before a segment whose header is damaged, and is needed.
error_code disk::replay_before_broken(std::vector<journal::segment_header>& chain)
{
    std::vector<std::string> names{name_of(broken_)};
    for (const auto& each : chain)
        names.push_back(name_of(each.number));
    if (const auto ec = set_aside(names))
        return ec;
    saved_ = start_whole_ = true;
    replay_ = journal::replay(options_.largest_capacity);
    if (const auto ec = read_headers(chain, broken_))
        return ec;
    if (!chain.empty())
        return replay_chain(chain);
    if (broken_ == 0)
        log("nothing is left before it");
    return errc::data_damaged;
}

/// Whether anything of segment `i`, or before it, may still be part of the state.
bool disk::is_needed(const std::vector<journal::segment_header>& chain, std::size_t i)
{
    for (auto later = i + 1; later != chain.size(); ++later)
        if (chain[later].kind != journal::segment_kind::continued ||
            chain[later].ring.epoch != chain[i].ring.epoch)
            return true;
    journal::segment_contents last;
    return i + 1 == chain.size() || read_contents(chain.back(), std::nullopt, last).failed() ||
           last.tail < chain[i + 1].from;
}

error_code disk::replay_chain(std::vector<journal::segment_header>& chain)
{
    std::uint64_t torn = 0;
    std::int64_t time = 0;
    bool cut = false;
    for (std::size_t i = 0; i != chain.size() && !cut; ++i) {
        const bool last = i + 1 == chain.size();
        journal::segment_contents found;
        const auto complete = last ? std::nullopt : std::optional(chain[i + 1].follows_end);
        if (const auto ec = read_contents(chain[i], complete, found))
            return ec;
        time = std::max(time, last_time(found));
        const auto added = replay_.add(found);
        if (added == journal::replay::outcome::too_large) {
            log("the state needs a journal of " + std::to_string(chain[i].ring.capacity) +
                " bytes, more than this server permits");
            return errc::too_large;
        }
        if (found.damaged && !is_needed(chain, i)) {
            log(name_of(chain[i].number) + " is damaged, and nothing of it is needed any more");
            const auto next = chain.begin() + static_cast<std::ptrdiff_t>(i) + 1;
            for (auto each = chain.begin(); each != next; ++each)
                orphans_.push_back(name_of(each->number));
            chain.erase(chain.begin(), next);
            replay_ = journal::replay(options_.largest_capacity);
            return replay_chain(chain);
        }
        const bool unexpected = added == journal::replay::outcome::unexpected;
        if (found.damaged || unexpected) {
            log(name_of(chain[i].number) +
                (unexpected ? " does not continue the segment before it"
                            : " is damaged: bytes " + std::to_string(found.end) + " to " +
                                  std::to_string(found.end_of_damage) +
                                  " are not what was written there") +
                "; whole are the changes up to number " + std::to_string(replay_.commit()) +
                (time != 0 ? ", of " + text_of(time) : std::string()));
            if (unexpected) {
                log("nothing was changed in the data directory, and --salvage does not help: these "
                    "files are of different histories");
                return errc::data_damaged;
            }
            if (!options_.salvage)
                return advise_salvage();
            if (const auto ec = set_aside(chain, i))
                return ec;
            chain.resize(i + 1);
            cut = saved_ = start_whole_ = true;
        }
        torn = last ? found.torn : 0;
        offset_ = found.end;
        position_ = found.head;
        commit_ = found.commit;
    }

    const auto& newest = chain.back();
    // What was acknowledged is all there: or cursors into what is gone would be taken for good.
    const bool cached =
        newest.boot == options_.boot && newest.boot != decltype(newest.boot){} && !sync_failed_;
    const bool all_there = !saved_ && (newest.synced_commits || newest.clean_end || cached);
    if (!all_there)
        replay_.set_instance(options_.instance);
    ring_ = replay_.finish();
    if (ring_.empty()) {
        log("segments are missing before " + name_of(chain.front().number));
        return errc::data_damaged;
    }
    log("replayed " + std::to_string(replay_.records()) + " changes from " +
        std::to_string(chain.size()) + (chain.size() == 1 ? " segment" : " segments") +
        (torn != 0 ? ", cut a torn end of " + std::to_string(torn) + " bytes" : std::string()) +
        (all_there || saved_
             ? std::string()
             : std::string("; the machine stopped before all was on the disk, so the last changes "
                           "may be missing")));
    return {};
}

error_code disk::advise_salvage() const
{
    log("nothing was changed in the data directory; keep a copy of it, and start the server with "
        "--salvage to go on with what is whole");
    return errc::data_damaged;
}

/// What is damaged stays for people to look at: under a second name, before anything is written
/// that makes the first one superfluous, now or at another start.
error_code disk::set_aside(const std::vector<std::string>& names)
{
    error_code ec;
    for (const auto& name : names)
        if (!ec)
            ec = files_.link(name, name + ".damaged");
    if (!ec)
        ec = files_.sync_names();
    orphans_.insert(orphans_.end(), names.begin(), names.end());
    log(!ec ? "salvaging: goes on with what is whole; the damaged files are kept, as *.damaged"
            : "the damaged files cannot be kept under other names (" + ec.message() +
                  "), so nothing is salvaged");
    return ec;
}

error_code disk::set_aside(const std::vector<journal::segment_header>& chain, std::size_t first)
{
    std::vector<std::string> names;
    for (auto i = first; i != chain.size(); ++i)
        names.push_back(name_of(chain[i].number));
    return set_aside(names);
}

void disk::take_chain(const std::vector<journal::segment_header>& chain)
{
    last_ = chain.back();
    for (std::size_t i = 0; i + 1 != chain.size(); ++i)
        old_.push_back({chain[i].number, chain[i + 1].follows_end, 0});
}

/// What the next segment is going to vouch for. Its writer may have been told that it cannot be
/// synced, or not have lived to hear it: the system tells that once, and has the bytes in its cache
/// still, as if they were on the disk. So they are written again.
error_code disk::rewrite_last()
{
    const auto name = name_of(last_.number);
    auto ec = files_.read(name, static_cast<std::size_t>(offset_), read_);
    if (!ec) {
        const int file = files_.open(name, ec);
        if (!ec)
            ec = files_.write(file, 0, read_);
        if (!ec)
            ec = files_.sync(file);
        if (file >= 0)
            files_.close(file);
    }
    if (!ec)
        return {};
    log(name + " cannot be synced (" + ec.message() + ")");
    return errc::disk_failed;
}

error_code disk::look_beside(const journal::ring_header& ring, journal::position head)
{
    std::vector<journal::segment_header> chain;
    if (const auto ec = read_headers(chain, no_number))
        return ec;
    start_whole_ = true; // the ring has everything
    if (chain.empty())
        return {};
    journal::segment_contents found;
    if (const auto ec = read_contents(chain.back(), std::nullopt, found))
        return ec;
    take_chain(chain);
    offset_ = found.end;
    const auto end = found.offset_of(head);
    if (broken_ != 0 || found.damaged || last_.ring.epoch != ring.epoch ||
        last_.ring.instance != ring.instance || !end)
        return {};
    // What was written and not published was not acknowledged: it does not count.
    offset_ = *end;
    position_ = head;
    start_whole_ = false;
    return rewrite_last();
}

} // namespace zproc::serving
