#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/detail/progress_board.hpp>
#include <zproc/error.hpp>
#include <zproc/swarm_options.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::detail {

/// Memory that workers on this host read without a copy; given back when its last owner goes.
class swarm_block {
public:
    virtual ~swarm_block() = default;
    virtual std::span<char> bytes() noexcept = 0;
};

/// Items of the input, as workers get them.
struct swarm_batch {
    std::size_t count = 0;
    /// Bytes of each, one after the other; 0: each is behind its length.
    std::size_t stride = 0;
    std::string bytes;                  ///< or
    std::shared_ptr<swarm_block> block; ///< that part of it
    std::size_t offset = 0;
    enum class then : std::uint8_t {
        more,  ///< there may be
        later, ///< the source says when: `swarm_core::feed`
        end,   ///< of the input
    } next = then::more;
};

/// An item without a result, and why.
struct swarm_failure {
    std::uint64_t item = 0;
    std::exception_ptr error;
};

class swarm_core;
class swarm_hold;
class task_shelf;

/// One map, run, or stream: what is to be done, and what becomes of it. The typed end of a swarm.
///
/// Everything but the constructor happens on the swarm's strand.
class swarm_job : public std::enable_shared_from_this<swarm_job> {
public:
    virtual ~swarm_job() = default;
    swarm_job(const swarm_job&) = delete;
    swarm_job& operator=(const swarm_job&) = delete;

    call work; ///< its arguments are those that all items share
    swarm_options options;
    std::optional<std::uint64_t> total;
    bool stream = false;
    bool stops_at_failure = false;

    /// Takes at most so many items out of the input. What it throws ends the job.
    virtual swarm_batch pull(std::size_t most) = 0;
    /// Results of `count` items from `first` on; those of `failed` (ascending) are missing, or, in
    /// bulk, without meaning. False when these bytes cannot be such results.
    virtual bool take(std::uint64_t first, std::uint32_t count, std::string_view results,
                      std::span<const std::uint64_t> failed) = 0;
    virtual void fail(swarm_failure failure) = 0;
    /// Of a job that one failure ends: that failure.
    virtual std::exception_ptr failed() const noexcept { return nullptr; }
    /// Every item is settled; or the job is over, with an error. The last that is said to it.
    virtual void end(std::exception_ptr error) = 0;
    /// The loop is being destroyed: drops handlers uncalled.
    virtual void abandon() noexcept = 0;
    /// Of the operation that started it.
    virtual asio::cancellation_slot slot() const noexcept { return {}; }

    /// Where it is said how far it is; or null.
    std::shared_ptr<progress_board> board;

    /// Once only.
    std::atomic<bool> begun = false;

    /// Keeps the swarm while this runs, or is a stream in somebody's hands.
    std::shared_ptr<swarm_hold> keeps;

    // Set when it is started.
    asio::any_io_executor io;     ///< for handlers that have no executor of their own
    asio::any_io_executor strand; ///< where all this happens
    std::weak_ptr<swarm_core> owner;

    /// Its source has something again. From any thread.
    void feed();

protected:
    swarm_job() = default;
};

/// What the handles of a swarm share.
///
/// Thread safety: every function may be called from any thread.
class swarm_core {
public:
    virtual ~swarm_core() = default;

    virtual asio::any_io_executor get_executor() const noexcept = 0;
    virtual const swarm_options& options() const noexcept = 0;
    virtual std::size_t size() const noexcept = 0;
    virtual std::size_t remote_workers() const noexcept = 0;
    virtual const std::string& address() const noexcept = 0;

    /// Memory for items, where there is some to be had; else null.
    virtual std::shared_ptr<swarm_block> acquire(std::size_t size) noexcept = 0;

    /// Begins a job: the swarm works at it while this is pending.
    virtual void start(std::shared_ptr<swarm_job> job) = 0;
    /// Ends it, if it still runs.
    virtual void cancel(const std::shared_ptr<swarm_job>& job) = 0;
    /// Of a stream: somebody waits for a result, or nobody does; the swarm works while somebody
    /// does.
    virtual void want(const std::shared_ptr<swarm_job>& job, bool wanted) = 0;
    /// Results of a stream were taken.
    virtual void consumed(const std::shared_ptr<swarm_job>& job, std::uint64_t items) = 0;
    virtual void feed(const std::shared_ptr<swarm_job>& job) = 0;

    virtual void resize(std::size_t workers, handler<void(std::exception_ptr)> done) = 0;
    virtual void stop(bool force, handler<void(error_code)> done) = 0;
    /// The last handle is gone, and no operation is under way: the workers end.
    virtual void let_go() noexcept = 0;

    virtual std::shared_ptr<progress_board> make_board() = 0;
    virtual const std::shared_ptr<task_shelf>& shelf() const noexcept = 0;
};

/// What handles and operations share; the last one lets the swarm go.
class swarm_hold {
public:
    explicit swarm_hold(std::shared_ptr<swarm_core> core) noexcept : core_(std::move(core)) {}
    swarm_hold(const swarm_hold&) = delete;
    swarm_hold& operator=(const swarm_hold&) = delete;
    ~swarm_hold() { core_->let_go(); }

    swarm_core& core() const noexcept { return *core_; }
    const std::shared_ptr<swarm_core>& shared_core() const noexcept { return core_; }

private:
    std::shared_ptr<swarm_core> core_;
};

inline void swarm_job::feed()
{
    if (const auto alive = owner.lock())
        alive->feed(shared_from_this());
}

// In a worker -----------------------------------------------------------------------------------

/// What a worker shares with its owner of the item it is at; see doc/swarm.md.
struct chunk_marks {
    std::uint32_t* item = nullptr;
    const std::uint32_t* left_job = nullptr; ///< the owner wants nothing more of this job
    std::uint32_t job = 0;

    /// Before each item; false when it is not wanted any more.
    bool begin(std::uint32_t which) const noexcept
    {
        __atomic_store_n(item, which, __ATOMIC_RELAXED);
        return __atomic_load_n(left_job, __ATOMIC_RELAXED) != job;
    }
};

/// A chunk as its stub sees it.
class chunk_invocation : public invocation {
public:
    virtual std::uint32_t count() const noexcept = 0;
    virtual std::string_view items() const noexcept = 0;
    virtual bool stops_at_failure() const noexcept = 0;
    virtual const chunk_marks& marks() const noexcept = 0;
    virtual const worker_state& state() const noexcept = 0;
    /// What all chunks of the job share, made at the first.
    virtual std::shared_ptr<void>& common() noexcept = 0;

    /// Room for results of one size each; valid until the chunk is over.
    virtual char* bulk_results(std::size_t size) = 0;
    /// Results behind their lengths.
    virtual std::string& packed_results() noexcept = 0;
    virtual void failed(std::uint32_t item, std::exception_ptr error) = 0;
    /// So many items are over, when that is not all of them.
    virtual void stopped_after(std::uint32_t items) noexcept = 0;
    virtual void launch_chunk(asio::awaitable<void> body) = 0;
};

} // namespace zproc::detail
