#pragma once

#include "client/fork_mark.hpp"
#include "descriptor.hpp"
#include "swarm/blocks.hpp"
#include "swarm/control.hpp"
#include "swarm/crew.hpp"
#include "swarm/door.hpp"
#include "swarm/launcher.hpp"
#include "swarm/scheduler.hpp"
#include "swarm/wire.hpp"
#include "swarm/worker_ending.hpp"

#include <zproc/context/base.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/process.hpp>

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace zproc::swarming {

namespace asio = boost::asio;

/// Items as they came out of the input, kept until each is settled.
struct batch {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    std::size_t stride = 0;
    std::string bytes;
    std::shared_ptr<block_pool::borrowed> block;
    std::size_t offset = 0;
    std::size_t length = 0;
    std::uint64_t left = 0; ///< items not yet settled

    /// Where the bytes of some of its items are, counted from its beginning.
    std::pair<std::size_t, std::size_t> slice(std::uint64_t from, std::uint32_t items) const;
    std::string_view all() const;
};

/// The owner's side of a swarm: workers and jobs, and everything that is heard.
///
///     something happens ─► work(): start workers, hand out chunks, settle jobs, arm what is needed
///
/// On the strand but for what says otherwise.
class core final : public detail::swarm_core, public std::enable_shared_from_this<core> {
public:
    /// With a plan of it, the swarm has a door.
    static std::shared_ptr<core> make(asio::any_io_executor io, swarm_options options,
                                      std::chrono::nanoseconds grace, launcher launch,
                                      std::optional<door_plan> plan);
    core(asio::any_io_executor io, swarm_options options, std::chrono::nanoseconds grace,
         launcher launch);
    ~core() override;

    // From any thread.
    asio::any_io_executor get_executor() const noexcept override { return io_; }
    const swarm_options& options() const noexcept override { return options_; }
    std::size_t size() const noexcept override { return size_; }
    std::size_t remote_workers() const noexcept override { return remote_; }
    const std::string& address() const noexcept override { return address_; }
    std::shared_ptr<detail::swarm_block> acquire(std::size_t size) noexcept override;
    void start(std::shared_ptr<detail::swarm_job> job) override;
    void cancel(const std::shared_ptr<detail::swarm_job>& job) override;
    void want(const std::shared_ptr<detail::swarm_job>& job, bool wanted) override;
    void consumed(const std::shared_ptr<detail::swarm_job>& job, std::uint64_t items) override;
    void feed(const std::shared_ptr<detail::swarm_job>& job) override;
    void resize(std::size_t workers, detail::handler<void(std::exception_ptr)> done) override;
    void stop(bool force, detail::handler<void(error_code)> done) override;
    void let_go() noexcept override;
    std::shared_ptr<detail::progress_board> make_board() override;
    const std::shared_ptr<detail::task_shelf>& shelf() const noexcept override { return shelf_; }

    /// Before anybody else knows it.
    void keep_results_on(std::shared_ptr<detail::task_shelf> shelf) { shelf_ = std::move(shelf); }

    /// When the workers are up.
    void when_ready(detail::handler<void(std::exception_ptr)> done);
    void loop_gone();

private:
    struct running_job;
    struct worker;
    struct waiting;
    class exit_waiter;
    class worker_spawn;

    template <class Step>
    void on_strand(Step step);
    error_code refusal() const noexcept;

    // ---- core.cpp: what happens, in what order
    void work();
    void arm();
    void arm_timer();
    void on_timer();
    bool is_needed() const;
    void settle_waiting();
    void close();
    std::uint64_t add_waiting(waiting w, asio::cancellation_slot slot);

    // ---- core_jobs.cpp: chunks out, results in
    void hand_out();
    bool pull(const offer& taken);
    void send(worker& to, const chunk& what, running_job& of);
    void send_block(worker& to, const block_pool::borrowed& block);
    void done(worker& from, const frame& f);
    void take_results(worker& from, const scheduler::finish& finish, std::string_view results,
                      std::vector<item_failure> failures);
    void settle_items(running_job& job, std::uint64_t first, std::uint64_t count);
    void end_job(job_id id, const std::exception_ptr& error);
    void judge(const std::vector<verdict>& verdicts, const std::exception_ptr& death);
    void settle_jobs();
    job_id find(const detail::swarm_job* job) const;
    std::vector<job_id> job_ids() const;
    void clean_up_orphans();
    void report(job_id id); // progress_board.cpp

    // ---- core_workers.cpp: workers come and go
    void start_workers();
    void start_worker();
    void started(worker_id id, error_code ec, std::shared_ptr<detail::process_core> process);
    void watch(worker& w);
    void unwatch(worker& w);
    void read(worker_id id);
    void drain(worker& w);
    bool handle(worker& w, const frame& f);
    void flush(worker& w);
    void retire(worker& w);
    void tell_to_leave(worker& w);
    void kill(worker& w);
    void lost(worker_id id, std::exception_ptr death, bool by_somebody = false);
    void note_failure(const std::exception_ptr& death);
    bool is_hopeless() const;
    void hope_elsewhere();
    void give_up(const std::exception_ptr& why);
    void look_at_items();
    bool is_starting(const worker& w) const;
    bool is_up(const worker& w) const;
    bool is_retiring(const worker& w) const;

    // ---- core_remote.cpp: those of other machines
    void open_door(door_plan plan);
    void close_door();
    void worker_came(door::host_id host, door::worker_number number, std::unique_ptr<wire> link);
    void worker_ended(door::host_id host, door::worker_number number, worker_ending ending);
    void host_lost(door::host_id host);
    void lost_with_its_host(worker_id id);
    void lost_elsewhere(worker_id id);
    void mind_remote();
    void at_remote(std::optional<duration>& next) const;
    std::size_t count_remote() const;

    asio::any_io_executor io_;
    asio::any_io_executor strand_;
    const swarm_options options_;
    const std::chrono::nanoseconds grace_;
    launcher launch_;
    std::shared_ptr<detail::task_shelf> shelf_;
    client::fork_mark mark_;
    std::shared_ptr<block_pool> pool_ = std::make_shared<block_pool>();
    std::atomic<bool> loop_gone_ = false;
    std::atomic<std::size_t> size_;
    std::atomic<std::size_t> remote_ = 0;
    std::string address_; ///< from its making on
    std::atomic<std::uint64_t> last_waiting_ = 0;
    std::mutex mutex_;
    std::vector<std::weak_ptr<detail::swarm_job>> begun_; ///< who is told of the loop's end
    std::size_t prune_at_ = 64;

    scheduler scheduler_;
    crew crew_;
    std::map<worker_id, std::shared_ptr<worker>> workers_;
    std::map<job_id, running_job> jobs_;
    std::map<std::uint64_t, waiting> waiting_;
    std::exception_ptr last_failure_; ///< of a start
    std::shared_ptr<door> door_;
    worker_id last_remote_ = 0;
    /// Workers of each machine that came and did nothing, in a row.
    std::map<door::host_id, unsigned> remote_failures_;
    bool stopped_ = false;
    bool armed_ = false;
    std::shared_ptr<core> self_; ///< while it is armed
    std::unique_ptr<asio::steady_timer> timer_;
    std::optional<duration> timer_at_;
    std::uint64_t timer_round_ = 0;
};

struct core::running_job {
    std::shared_ptr<detail::swarm_job> job;
    std::map<std::uint64_t, std::shared_ptr<batch>> batches; ///< by their first item
    std::string message;                                     ///< what workers are told of it
    bool wanted = true;
    std::uint64_t failed = 0; ///< items
};

struct core::worker {
    worker_id id = 0;
    std::shared_ptr<detail::process_core> process; ///< once it has been spawned
    std::unique_ptr<wire> socket;
    control_page page;
    block_table results;
    std::set<std::uint32_t> blocks; ///< it has
    std::set<job_id> jobs;          ///< it knows
    std::deque<std::shared_ptr<batch>> held;
    std::uint64_t taken = 0; ///< results of it
    std::uint64_t items = 0; ///< done
    std::uint64_t exit_ticket = 0;
    std::optional<duration> orphan_until;
    bool reading = false; ///< a wait is under way
    bool writing = false;
    bool told_to_leave = false;
    bool killed = false;
    std::uint64_t round = 0; ///< of the waits: older ones are not ours any more

    /// Of a worker of another machine.
    struct elsewhere {
        door::host_id host = 0;
        door::worker_number number = 0;
        bool ready = false;
        bool retiring = false;
        std::optional<worker_ending>
            ending{};                    ///< told by its host; its socket comes to its end, too
        std::optional<duration> until{}; ///< that, or what its host has to tell, is waited for
    };
    std::optional<elsewhere> remote;
};

/// An operation on the swarm itself.
struct core::waiting {
    enum class kind : std::uint8_t { ready, stopped } what = kind::ready;
    detail::handler<void(std::exception_ptr)> ready{};
    detail::handler<void(error_code)> stopped{};
};

duration now();

} // namespace zproc::swarming
