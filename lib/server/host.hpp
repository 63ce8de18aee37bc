#pragma once

#include "server/connection.hpp"
#include "server/disk.hpp"
#include "server/regular.hpp"
#include "server/rings.hpp"
#include "server/spinning.hpp"
#include "server/strangers.hpp"
#include "server/time_share.hpp"
#include "server/wake_pace.hpp"

#include <zproc/error.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

struct epoll_event;

namespace zproc::serving {

struct host_options {
    std::uint64_t ring_capacity = journal::default_capacity;
    std::uint64_t largest_capacity = 1u << 30;
    protocol::limits limits;
    protocol::durability durability = protocol::durability::process;
    std::string build_id;
    bool remove_socket = false; ///< at the end: it is in nobody's private directory

    std::string secret; ///< who comes over TCP has to know it
    tls::identity tls;  ///< with a certificate, TCP is TLS; with authorities, clients need theirs

    // What becomes of the data directory, where there is one.
    fsync_policy fsync = fsync_policy::commit;
    std::int64_t sync_every = 1'000'000'000; ///< ns, of `interval`
    bool salvage = false;

    std::size_t connections = 4096;
    std::size_t strangers = 128; ///< over TCP, that have not shown yet that they know the secret
    unsigned failed_handshakes = throttle::usual_failures;
    std::size_t few = 8;                           ///< up to so many are woken by their own eventfd
    std::size_t waiting_output = 256u << 20;       ///< bytes for all: beyond it, large reads wait
    std::int64_t hello_within = 5'000'000'000;     ///< ns
    std::int64_t read_within = 30'000'000'000;     ///< a client that reads nothing is dropped
    std::int64_t session_expiry = 120'000'000'000; ///< away for so long, a session ends
    std::int64_t busy_poll =
        150'000; ///< ns, to look for the next request before sleeping; 0: never
    store::database_options database;
};

/// The loop of a state: one thread, one writer. Each turn reads what has come, publishes once,
/// writes once to each client, and wakes who registered an interest in what changed.
///
/// It waits on one descriptor of its own, so a turn is three system calls for a request that is
/// alone, and the whole can be embedded in any other loop: poll `poll_file()` for `patience(-1)`
/// milliseconds at most, then call `turn(0)`, whether there is something to read or not.
class host {
public:
    explicit host(host_options options, keep_function keep = {});
    ~host();
    host(const host&) = delete;
    host& operator=(const host&) = delete;

    /// Keeps the state in a directory, of `open_data_directory`, from its creation on. When that
    /// fails for good, `failed` is told; unless it ends the process, what was called (`create`,
    /// `turn`, whatever publishes) throws `disk_lost`, and is not to be called again.
    void use_data(descriptor directory, std::function<void(const std::string&)> log,
                  std::function<void(const error_code&)> failed);
    /// A new state, the one in the data directory, or the one that a predecessor left.
    error_code create();
    error_code succeed(const rings::inheritance& from);

    /// Accepts clients from a listening socket, which it owns from now on: of this user from a Unix
    /// socket; from one of TCP who knows the secret, or has a certificate where those are asked for.
    /// Else that is anybody on this machine, so it is taken on loopback only. Errors: bad_secret,
    /// bad_certificate, those of the system.
    error_code listen(descriptor listener);
    /// Ends `turn` when the descriptor is readable or hung up, as its owner decides.
    error_code stop_on(int file, std::function<bool()> decide);

    /// A mutation that no client has asked for; without a value the key goes.
    /// With a full disk it is made when there is room.
    void record(std::string_view name_space, std::string_view key,
                std::optional<store::bytes_view> value);
    /// The value of a key; valid until the next mutation.
    std::optional<store::bytes_view> look(std::string_view name_space, std::string_view key) const;
    /// What was recorded is promised from here on.
    /// False while some of it waits for room on disk.
    bool commit();

    /// Waits up to `milliseconds` (-1: for ever) for something to do, and does it. False when it
    /// is to end.
    bool turn(int milliseconds);
    /// How long to wait at most, if not longer than `milliseconds` (-1: for ever): something may be
    /// due before anybody sends anything.
    int patience(int milliseconds);
    /// Sends what is ready, without waiting, and says in shared memory that this is the end.
    void finish();

    int poll_file() const { return poll_.get(); }
    const hall& shared() const { return hall_; }

private:
    // Of events: seats are below them, what else there is above.
    static constexpr std::uint64_t first_listener_tag = std::uint64_t{1} << 32;
    static constexpr std::uint64_t porch_tag = ~std::uint64_t{1};
    static constexpr std::uint64_t stop_tag = ~std::uint64_t{0};

    struct listener {
        descriptor socket;
        bool remote = false;
        bool polled = false;
    };
    bool knows_clients() const;
    error_code poll(std::size_t which);
    error_code poll(int file, std::uint64_t tag, const descriptor& where) const;
    void accept(std::size_t which, int most);
    void attend_strangers();
    void admit_strangers();
    bool may_enter(const listener& door, int socket, const std::optional<throttle::peer>& from);
    void take_seat(descriptor socket, const std::optional<throttle::peer>& from);
    const descriptor& waited_for_on(const connection& c) const;
    void make_room_for_strangers();
    bool came_in(connection& c, seat who);
    void dawdled(const connection& c);
    void leave(const connection& c, seat who);
    void refuse(int socket, error_code ec, std::string_view text);
    void serve(seat who, std::uint32_t events);
    seat regular_seat() const;
    bool served(seat who);
    void drop(seat who);
    void pass_turns();
    void end_turn();
    void stream();
    void flush(seat who);
    void feed_the_starved();
    void wake();
    bool far_ahead(journal::position at) const;
    void keep_pace();
    void watch(connection& c, seat who);
    void mind_the_time();
    int wait(std::span<epoll_event> events, int milliseconds);
    void look_at_clocks();
    void look_at_lease_clock();
    void mark(seat who);

    error_code adopt_sessions();
    bool make_record(std::string_view name_space, std::string_view key,
                     std::optional<store::bytes_view> value);
    void retry_records();

    host_options options_;
    descriptor alarm_;                   ///< of the disk's own thread, which it outlives
    std::unique_ptr<file_system> files_; ///< outlives the ring, which is published to it first
    std::unique_ptr<disk> disk_;
    hall hall_;
    rings rings_;
    descriptor poll_;
    std::vector<listener> listeners_;
    std::vector<std::function<bool()>> decisions_; ///< of what it stops on
    bool deaf_ = false; ///< out of descriptors: some listener is not polled
    bool ending_ = false;

    std::vector<std::unique_ptr<connection>> seats_;
    std::vector<seat> free_;
    // Of those who come over TCP and are not greeted yet, and of the doors they come through, it is
    // told by a poll of its own, which is part of the other one only while they may have time.
    std::shared_ptr<const tls::terms> tls_;
    descriptor porch_;
    bool porch_open_ = false;
    time_share porch_time_;
    strangers strangers_;
    throttle throttle_;
    std::size_t seated_ = 0;
    std::vector<seat> busy_;    // what this turn has to write to
    std::vector<bool> marked_;  // those in busy_
    std::vector<seat> again_;   // has frames that waited for room in the output, or their turn
    std::vector<seat> starved_; // wait until others have read more
    std::uint64_t broadcast_at_ = 0;
    wake_pace wake_pace_;
    regular regular_;
    std::size_t handled_ = 0; ///< requests, in this turn

    // The same for a whole turn, in ns: what records are stamped with, and what limits count.
    std::int64_t wall_ = 0;
    std::int64_t ticks_ = 0;
    std::int64_t minded_at_ = 0;
    spinning spinning_{options_.busy_poll};
    bool timing_ = false; ///< somebody's time is running

    /// For room on disk, by namespace and key: the newest one of each counts.
    std::map<std::pair<std::string, std::string>, std::optional<std::vector<std::byte>>>
        waiting_records_;
};

} // namespace zproc::serving
