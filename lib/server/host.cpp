#include "server/host.hpp"

#include "process_number.hpp"
#include "server/clocks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

namespace zproc::serving {

namespace {

template <class T>
T random_bytes()
{
    T result{};
    // Never fails nor waits for so few once the system is up.
    (void)!::getrandom(&result, sizeof result, 0);
    return result;
}

error_code system_failure()
{
    return {errno, boost::system::system_category()};
}

} // namespace

host::host(host_options options, keep_function keep)
    : options_(std::move(options)),
      rings_(hall_, std::move(keep)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      throttle_(options_.failed_handshakes)
{
    options_.database.depth = options_.limits.depth;
    options_.database.value_bytes = options_.limits.value_bytes;
    hall_.who = interests(options_.few);
    hall_.most_waiting = options_.waiting_output;
    hall_.about.pid = static_cast<std::uint32_t>(own_number());
    hall_.about.durability = options_.durability;
    hall_.about.limits = options_.limits;
    hall_.build_id = options_.build_id;
    hall_.secret = options_.secret;
    hall_.new_session_id = random_bytes<std::uint64_t>;
    hall_.fresh_nonce = random_bytes<protocol::nonce>;
    hall_.after_request = [this] {
        ++handled_;
        keep_pace();
    };
}

host::~host() = default;

error_code host::create()
{
    const journal::writer_options limits{.largest_capacity = options_.largest_capacity};
    if (disk_)
        if (const auto ec = disk_->look(); ec.failed())
            return ec;
    if (disk_ && !disk_->ring().empty()) {
        const auto ec = rings_.restore(disk_->ring(), options_.database, limits);
        return ec.failed() ? ec : adopt_sessions();
    }
    return rings_.create(options_.ring_capacity, random_bytes<protocol::instance_id>(),
                         options_.database, limits);
}

error_code host::succeed(const rings::inheritance& from)
{
    const auto ec =
        rings_.succeed(from, options_.database, {.largest_capacity = options_.largest_capacity});
    return ec.failed() ? ec : adopt_sessions();
}

/// Those that were there before are away until they come.
error_code host::adopt_sessions()
{
    look_at_clocks();
    hall_.data->known_sessions().for_each([&](std::uint64_t session) {
        const auto who = hall_.data->find_peer(session);
        hall_.sessions.away(session, session_table::away_since(who ? who->gone : 0, wall_, ticks_,
                                                               options_.session_expiry));
    });
    timing_ = true;
    return {};
}

void host::use_data(descriptor directory_file, std::function<void(const std::string&)> log,
                    std::function<void(const error_code&)> failed)
{
    disk_options on;
    on.fsync = options_.fsync;
    on.interval = std::chrono::nanoseconds(options_.sync_every);
    on.salvage = options_.salvage;
    on.largest_capacity = options_.largest_capacity;
    on.boot = boot_id();
    on.instance = random_bytes<protocol::instance_id>();
    // Nothing may be published for long, or ever again.
    alarm_ = descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    on.alarm = [file = alarm_.get()] { signal_eventfd(file); };
    on.log = std::move(log);
    on.failed = std::move(failed);
    if (options_.fsync == fsync_policy::commit)
        hall_.about.durability = protocol::durability::disk;
    files_ = std::make_unique<directory>(std::move(directory_file));
    disk_ = std::make_unique<disk>(*files_, std::move(on));
    rings_.use(*disk_);
    stop_on(alarm_.get(), [this] {
        disk_->check();
        return false;
    });
}

error_code host::stop_on(int file, std::function<bool()> decide)
{
    decisions_.push_back(std::move(decide));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = stop_tag;
    return ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, file, &event) == 0 ? error_code()
                                                                      : system_failure();
}

void host::record(std::string_view name_space, std::string_view key,
                  std::optional<store::bytes_view> value)
{
    if (waiting_records_.empty() && make_record(name_space, key, value))
        return;
    auto& waiting = waiting_records_[{std::string(name_space), std::string(key)}];
    waiting.reset();
    if (value)
        waiting.emplace(value->begin(), value->end());
    timing_ = true;
}

bool host::make_record(std::string_view name_space, std::string_view key,
                       std::optional<store::bytes_view> value)
{
    const store::key_value change{key, value};
    return hall_.data->update({0, 0, 0, 0, wall_}, name_space, {&change, 1}).error !=
           errc::disk_full;
}

void host::retry_records()
{
    auto done = waiting_records_.begin();
    while (done != waiting_records_.end() &&
           make_record(done->first.first, done->first.second, done->second))
        ++done;
    waiting_records_.erase(waiting_records_.begin(), done);
}

std::optional<store::bytes_view> host::look(std::string_view name_space, std::string_view key) const
{
    return hall_.data->get(name_space, key).value;
}

bool host::commit()
{
    if (hall_.data->pending())
        hall_.data->publish();
    return waiting_records_.empty();
}

int host::wait(std::span<epoll_event> events, int milliseconds)
{
    const auto look = [&](int limit) {
        regular_.polled();
        return ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), limit);
    };
    if (wake_pace_.puts_off()) {
        if (served(regular_seat()))
            return 0;
        if (const int more = look(0); more != 0)
            return more;
        wake();
    }
    if (milliseconds == 0 || options_.busy_poll <= 0)
        return look(milliseconds);
    const auto begun = read_clock(CLOCK_MONOTONIC);
    auto looks = spinning_.look_for();
    if (milliseconds > 0)
        looks = std::min(looks, milliseconds * std::int64_t{1'000'000});
    auto now = begun;
    int count = 0;
    // For the others, the poll: at once, when who was just answered has hardly asked again; seldom from
    // then on, for it would find what has just missed the read, with a call more.
    constexpr unsigned seldom = 32;
    unsigned looked = 0;
    const auto find = [&] {
        const auto who = regular_seat();
        if (served(who))
            return true;
        if (who == regular::nobody || looked++ % seldom == 0)
            count = look(0);
        return count != 0;
    };
    auto end = spinning::end::asleep;
    if (looks > 0 && find())
        end = spinning::end::at_once;
    while (end == spinning::end::asleep && now - begun < looks) {
        (void)::sched_yield(); // which may take long
        if (find() || find())
            end = spinning::end::looking;
        now = read_clock(CLOCK_MONOTONIC);
    }
    if (end == spinning::end::asleep) {
        const auto looked_for = static_cast<int>((now - begun) / 1'000'000);
        count = look(milliseconds > 0 ? std::max(0, milliseconds - looked_for) : milliseconds);
        now = read_clock(CLOCK_MONOTONIC);
    }
    spinning_.waited(now - begun, looks, end);
    return count;
}

/// Who asks all the time, and may be read from now; else nobody.
seat host::regular_seat() const
{
    const auto who = regular_.first();
    return who < seats_.size() && seats_[who] && (seats_[who]->polled & EPOLLIN) != 0 &&
                   seats_[who]->machine().greeted()
               ? who
               : regular::nobody;
}

/// True: that one had asked for something, or has gone.
bool host::served(seat who)
{
    if (who == regular::nobody)
        return false;
    auto& c = *seats_[who];
    look_at_clocks();
    const auto before = c.come();
    const bool there = c.read(wall_);
    if (there && c.come() == before)
        return false;
    regular_.found();
    if (there && regular_.twice() && !c.sealed() && c.machine().takes_input())
        (void)c.read(wall_); // an end is met once more, behind the answers; that of TLS is not
    if (there)
        mark(who);
    else
        drop(who);
    porch_time_.others_served(ticks_);
    regular_.served(who);
    return true;
}

bool host::turn(int milliseconds)
{
    std::array<epoll_event, 256> events;
    const int count = wait(events, patience(milliseconds));
    look_at_clocks();
    const auto again = std::exchange(again_, {});
    for (const auto who : again) {
        if (!seats_[who])
            continue;
        seats_[who]->machine().resume(wall_);
        mark(who);
    }
    bool strangers_came = false;
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == stop_tag)
            ending_ = ending_ || std::ranges::any_of(decisions_, [](auto& each) { return each(); });
        else if (event.data.u64 == porch_tag)
            strangers_came = true;
        else if (event.data.u64 >= first_listener_tag)
            accept(event.data.u64 - first_listener_tag, 64);
        else
            serve(static_cast<seat>(event.data.u64), event.events);
    }
    regular_.turn_ends();
    pass_turns();
    end_turn();
    if (strangers_came) {
        attend_strangers();
        end_turn();
    } else if (porch_ && !porch_open_) {
        admit_strangers();
    }
    mind_the_time();
    return !ending_;
}

void host::finish()
{
    if (!disk_ || !disk_->lost()) {
        end_turn();
        if (disk_)
            disk_->finish();
    }
    rings_.end();
}

void host::look_at_clocks()
{
    wall_ = read_clock(CLOCK_REALTIME);
    ticks_ = read_clock(CLOCK_MONOTONIC_COARSE);
    look_at_lease_clock();
}

/// Two milliseconds are too few for the coarse one.
void host::look_at_lease_clock()
{
    if (!hall_.turns.idle())
        hall_.lease_clock = read_clock(CLOCK_MONOTONIC);
}

void host::mark(seat who)
{
    if (!marked_[who]) {
        marked_[who] = true;
        busy_.push_back(who);
    }
}

void host::serve(seat who, std::uint32_t events)
{
    if (who >= seats_.size() || !seats_[who])
        return;
    auto& c = *seats_[who];
    const bool knew = c.machine().greeted();
    // A hang-up is met by reading too: what was sent before it counts.
    const bool there = (events & ~std::uint32_t{EPOLLOUT}) == 0 || c.read(wall_);
    if (!there || (!knew && c.machine().greeted() && !came_in(c, who)))
        return drop(who);
    // What strangers are told, they are told at once: it is nothing of the state.
    if (!c.machine().greeted())
        return flush(who);
    if (knew)
        porch_time_.others_served(ticks_);
    regular_.served(who);
    mark(who);
}

void host::drop(seat who)
{
    if (!seats_[who])
        return;
    leave(*seats_[who], who);
    seats_[who]->machine().disconnected(ticks_, wall_);
    seats_[who].reset(); // closes the socket, which leaves the poll with it
    free_.push_back(who);
    --seated_;
    timing_ = true;
    keep_pace(); // that it has gone was written
    if (std::exchange(deaf_, false))
        for (std::size_t i = 0; i != listeners_.size(); ++i)
            poll(i);
}

} // namespace zproc::serving
