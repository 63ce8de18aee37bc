#pragma once

#include "supervisor/child_fsm.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/packet.hpp"
#include "supervisor/peer.hpp"
#include "supervisor/reaper.hpp"
#include "supervisor/record_book.hpp"
#include "supervisor/refusal_fsm.hpp"
#include "supervisor/restart.hpp"
#include "supervisor/tree.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace zproc::supervision {

/// To the guardian: ask the root to end. Every other sign says that the supervisor is not stuck.
constexpr char sign_for_root = 't';

/// What the supervisor inherits from those who forked it.
struct forkserver_setup {
    descriptor root_socket;
    descriptor root_pidfd;
    descriptor guardian_socket; ///< ends when the guardian ends
    std::string control_group;  ///< that this process is in; empty where there is none
    pid_t guardian = -1;        ///< as the root numbers it
    launch_surroundings surroundings;
};

/// The supervisor: forks what it is asked for, reaps, tells owners, and lets nothing outlive
/// whoever owns it. One thread, one loop; the decisions are those of `child_fsm`, `tree` and
/// `restart_history`.
class forkserver {
public:
    explicit forkserver(forkserver_setup setup);

    /// Serves until the root is gone and nothing is left. The error of the system call that
    /// could not be set up, or 0.
    int serve();

private:
    using time_point = std::chrono::nanoseconds;
    using milliseconds = std::chrono::milliseconds;
    using member_id = tree::id;

    /// A command is forked, and not yet the program that it is to be.
    struct launching {
        std::uint64_t request = 0;
        descriptor status; ///< ends when the program runs; or the error of exec
        descriptor pidfd;
    };

    struct member {
        child_state state = child_state::running;
        pid_t pid = -1;
        member_id owner = tree::root;
        bool orphan = false; ///< nobody is told about it
        milliseconds grace{500};
        time_point deadline{0}; ///< 0: no timer
        milliseconds look{0};   ///< between looks while it is being killed
        refusal_fsm refusal;
        unsigned failed_starts = 0;
        peer socket;
        launch_plan plan; ///< its descriptors only while they are needed
        restart_history history{restart_rules{}};
        std::uint32_t attempt = 1;
        std::optional<bool> verdict; ///< of the run about its exception: to be run again?
        exit_report last_exit;
        pid_t last_pid = -1;
        pid_t outside = -1; ///< the same process, as the root numbers it
        bool is_ready = false;
        bool asked = false; ///< to end
        std::string name;
        std::string cause; ///< of a stop that nobody asked for
        std::set<member_id> links;
        std::optional<launching> launch;      ///< of a command, until it runs
        std::unique_ptr<record_book> records; ///< of a service
        std::map<std::string, descriptor> kept;
    };

    /// Those who died at once, and how far they were on the way out.
    struct bereavement {
        std::vector<member_id> dead;
        child_state stage = child_state::running;
        time_point deadline{0};
        milliseconds grace{500};
    };

    static time_point now();
    static pid_t number_for(member_id whom, const member& m);

    int set_up();
    void warm_up();
    void wait_once();
    void show_life();

    // what comes in
    void read(member_id from);
    void handle(member_id from, received_packet packet);
    void on(member_id from, const message::spawn& m, std::vector<descriptor> descriptors);
    void on(member_id from, const message::stop& m);
    void on(member_id from, const message::signal& m);
    void on(member_id from, const message::leave& m);
    void on(member_id from, const message::keep& m, std::vector<descriptor> descriptors);
    void on(member_id from, const message::drop& m);
    void on(member_id from, const message::threw& m);
    void on(member_id from, const message::ready& m);
    void on(member_id from, const message::link& m);
    void on(member_id from, const message::reported& m);
    void settle_launch(member_id who);
    void read_last_words(member_id from);
    void root_gone(std::optional<milliseconds> grace);

    // who died
    void bury_the_dead();
    void note_bereavement(std::vector<member_id> dead);
    void adopt(pid_t orphan);
    void died(member_id who, const exit_report& exit);
    void over(member_id who);
    void spare(member_id who);
    void fell(member_id who);
    void unlink(member_id who);
    void follow(const tree::departure& departure);

    // what is done
    void feed(member_id who, child_event event, milliseconds time = milliseconds(0));
    void stop(member_id who, std::optional<milliseconds> grace = {});
    void stop_below(member_id who, std::optional<milliseconds> grace);
    void stop_bereaved(member_id who);
    bool is_in_namespace() const;
    void join_group_of_root();
    int fork_run(member_id who, descriptor& pidfd, int status = -1);
    void start_anew(member_id who);
    void announce(member_id who, message::progress::phase now, std::vector<descriptor> beside = {},
                  milliseconds delay = milliseconds(0));
    void record(member_id who, message::report::state now);
    void send_records(member_id service);
    void tell(member_id whom, const any_message& m, std::vector<descriptor> beside = {});
    void arm(member_id who, time_point when);
    void disarm(member_id who);
    void fire_timers();
    int next_timeout() const;

    forkserver_setup setup_;
    descriptor events_;
    descriptor signals_;
    packet_receiver receiver_;

    tree tree_;
    std::unordered_map<member_id, member> members_;
    std::unordered_map<pid_t, member_id> by_pid_;
    std::set<pid_t> spared_; ///< not killed, not waited for, not reaped yet
    std::set<std::pair<time_point, member_id>> timers_;
    bereavement last_;
    member_id next_id_ = 1;
    std::set<member_id> services_;
    std::minstd_rand chance_;
    bool look_again_ = false; ///< for orphans, although nobody may have died
    bool root_listens_ = true;
    bool leaving_ = false;
    bool finished_ = false;
    pid_t own_group_ = -1;
    time_point last_sign_{0}, turn_began_{0};
    const life_sign alive_ = [this] { show_life(); };
};

} // namespace zproc::supervision
