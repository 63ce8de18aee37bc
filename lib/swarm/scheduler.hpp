#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace zproc::swarming {

/// Time, and points in it since any beginning.
using duration = std::chrono::nanoseconds;

using worker_id = std::uint32_t;
using job_id = std::uint32_t;
using chunk_id = std::uint32_t;

/// What a job asks of the scheduler.
struct job_rules {
    std::optional<std::uint64_t> total;   ///< items, where they are counted beforehand
    std::optional<std::size_t> chunk;     ///< items of one; measured if not given
    bool stream = false;                  ///< results are taken one by one: see `consumed`
    std::optional<std::size_t> in_flight; ///< of a stream: items not yet consumed; measured, too
    unsigned retries = 2;                 ///< after deaths of a worker at an item
    unsigned kill_retries = 8;            ///< the same, when somebody killed it
    unsigned exception_retries = 0;
    std::optional<duration> deadline; ///< of one item
};

/// Items in a row that one worker works at.
struct chunk {
    chunk_id id = 0;
    job_id job = 0;
    worker_id worker = 0;
    std::uint64_t first = 0;
    std::uint32_t count = 0;

    bool operator==(const chunk&) const = default;
};

/// A worker that could take items of a job.
struct offer {
    worker_id worker = 0;
    job_id job = 0;
    std::size_t most = 0; ///< so many of the input, when it is not `again`
    bool again = false;   ///< items that were taken from the input before: `first`, `most`
    std::uint64_t first = 0;
};

/// An item that will have no result.
struct verdict {
    job_id job = 0;
    std::uint64_t item = 0;
    bool overdue = false; ///< it took longer than it may; otherwise its worker died
};

/// What is known of a worker's end: which item of its first chunk it was at.
struct last_sign {
    chunk_id chunk = 0;
    std::uint32_t item = 0;
};

/// Which items go to whom: chunks and their size, order, back-pressure, what is done again after a
/// death, and fairness between jobs. Knows numbers only; who calls it does what it says.
///
///     while (auto offered = s.next()) { take items of the input; s.assign(*offered, n); send }
///     s.finished(…), s.worker_gone(…)      when it is heard
///
/// Complexity: of `next` O(workers + jobs); of the others O(log) in what is under way.
class scheduler {
public:
    // ---- jobs

    job_id add_job(const job_rules& rules);
    /// Nothing of it is wanted any more; what workers hold of it is orphaned.
    void end_job(job_id job);
    bool has_job(job_id job) const noexcept { return jobs_.contains(job); }
    /// The input has nothing now; later it has.
    void starve(job_id job);
    void feed(job_id job);
    void input_ended(job_id job);
    /// Results of a stream were taken.
    void consumed(job_id job, std::uint64_t items);
    /// Every item is settled, and no more will come.
    bool is_settled(job_id job) const;
    bool wants_input(job_id job) const;
    std::uint64_t taken(job_id job) const { return jobs_.at(job).taken; }
    std::uint64_t settled(job_id job) const { return jobs_.at(job).settled; }

    // ---- workers

    /// One that `shows_items` says at which it is: see `progress` and `last_sign`.
    void worker_up(worker_id worker, bool shows_items = true);
    /// It is given nothing more.
    void retire(worker_id worker);
    bool has_worker(worker_id worker) const noexcept { return workers_.contains(worker); }
    bool is_idle(worker_id worker) const;
    /// Those of ended jobs included, in the order they are worked at.
    std::size_t held(worker_id worker) const;
    /// What it works at, when nobody wants that any more.
    std::optional<chunk> orphan(worker_id worker) const;

    // ---- assigning

    std::optional<offer> next() const;
    /// Takes an offer up, with `count` items of the input, or as many as it was `again`.
    chunk assign(const offer& taken, std::size_t count, duration now);
    /// What was assigned last cannot be sent: its halves may be. One item alone is settled.
    std::optional<verdict> refused(worker_id worker, chunk_id id);

    // ---- what is heard

    struct finish {
        bool wanted = false; ///< the results are to be taken
        chunk done{};
        std::vector<std::uint64_t> failed; ///< items, for good; others that failed are tried again
        std::vector<std::uint64_t> retried;
    };
    /// Of the first chunk that the worker holds `done` items are over, of which `failures` threw.
    /// Nothing when that cannot be: the worker is not to be trusted then.
    std::optional<finish> finished(worker_id worker, chunk_id id, std::uint32_t done,
                                   std::span<const std::uint32_t> failures, duration elapsed,
                                   duration now);

    /// Why a worker has ended.
    enum class death : std::uint8_t {
        own,
        killed, ///< by SIGKILL, which is rarely the doing of an item
        lost,   ///< with its machine, which is nobody's: what it held is done again
    };
    /// One that shows no items may have told at the end which it was at: chunk 0, at none.
    std::vector<verdict> worker_gone(worker_id worker, std::optional<last_sign> sign,
                                     death how = death::own);

    // ---- deadlines

    /// A worker was seen at that item.
    void progress(worker_id worker, last_sign sign, duration now);
    /// Workers that are to be killed, each told once.
    std::vector<worker_id> overdue(duration now);
    /// How often `progress` is to be looked at; nothing while no deadline runs.
    std::optional<duration> look_every() const;

    /// Workers that die before they begin a chunk are not its doing; beyond so many, they are.
    static constexpr unsigned most_untouched = 8;

    /// Of an item of the job, in nanoseconds; 0 before it is known.
    double cost(job_id job) const { return jobs_.at(job).cost; }

private:
    struct known_job {
        job_rules rules;
        std::uint64_t taken = 0;
        std::uint64_t settled = 0;
        std::uint64_t consumed = 0;
        bool ended = false;
        bool starved = false;
        std::map<std::uint64_t, std::uint32_t> again; ///< first → count
        std::map<std::uint64_t, unsigned> strikes;    ///< of items under which workers died
        std::map<std::uint64_t, unsigned> throws;
        std::map<std::uint64_t, unsigned>
            untouched; ///< deaths before a chunk was begun, by its first
        double cost = 0;
        std::size_t measured = 0; ///< the largest chunk the cost is known of
        double time = 0;          ///< it has had, for fairness
    };

    struct held_chunk {
        chunk what;
        duration since{};
        std::uint32_t item = 0;
        double expected = 0;
        bool orphan = false;
        bool alone = false;
        bool overdue = false;
    };

    struct known_worker {
        std::deque<held_chunk> held;
        bool accepting = true;
        bool shows_items = true;
    };

    bool has_room(const known_worker& w, bool for_second) const;
    std::optional<offer> offer_to(worker_id id, const known_worker& w) const;
    std::size_t wanted(const known_job& j) const;
    std::size_t open_window(const known_job& j) const;
    void put_back(known_job& j, std::uint64_t first, std::uint64_t end);
    bool strike(known_job& j, std::uint64_t item, bool killed);
    void start_front(known_worker& w, duration now);

    std::map<job_id, known_job> jobs_;
    std::map<worker_id, known_worker> workers_;
    job_id last_job_ = 0;
    chunk_id last_chunk_ = 0;
};

} // namespace zproc::swarming
