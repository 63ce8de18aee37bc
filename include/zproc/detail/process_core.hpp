#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/exit_info.hpp>
#include <zproc/spawn_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace zproc {

namespace supervision {
struct exit_report;
struct notice;
} // namespace supervision

/// Where a process is in its life.
enum class process_status {
    starting, ///< the supervisor has been asked
    up,
    ready,    ///< it has said so: see `context::notify_ready`
    stopping, ///< asked to end, within its grace period
    backoff,  ///< its last run failed, the next one has not begun
    failed,   ///< ended, otherwise than with code 0 or because it was asked to
    down,     ///< ended
};

/// Its name, as it stands above.
std::string_view to_string(process_status status) noexcept;
std::ostream& operator<<(std::ostream& out, process_status status);

namespace detail {

/// What processes need of the context that owns them. Called from any thread, under no lock.
class process_control {
public:
    virtual ~process_control() = default;

    /// As long as what it returns lives, ends of processes are read and reported.
    virtual std::shared_ptr<void> listen() = 0;

    /// Asks the supervisor to stop child `child` and all its descendants; without `grace`: the
    /// context's. The end is reported as every other one.
    virtual void stop(std::uint64_t child, std::optional<std::chrono::nanoseconds> grace) = 0;
};

/// How a process ended, complete, as its waiters get it.
struct process_outcome {
    error_code lost; ///< nothing is known: the supervisor or the process is out of reach
    process_status status = process_status::down;
    exit_info info;
    bool has_result = false;
    std::string result;       ///< an archive
    std::exception_ptr error; ///< why there is no result
    /// Where the exception is one that is thrown again as it was: itself.
    std::string thrown;
    std::exception_ptr (*raise)(std::string_view, const std::exception_ptr&) = nullptr;

    /// What `result()` throws. Runs a user's constructor.
    std::exception_ptr exception() const
    {
        return raise != nullptr && error ? raise(thrown, error) : error;
    }
};

/// One pending operation on a process.
class process_waiter {
public:
    virtual ~process_waiter() = default;
    virtual asio::cancellation_slot slot() const noexcept = 0;
    /// Whether it waits for this status, with which it is then completed by `arrived`.
    virtual bool waits_for(process_status) const noexcept { return false; }
    virtual void arrived(const asio::any_io_executor&) {}
    virtual void ended(const asio::any_io_executor& io, const process_outcome& outcome) = 0;
    virtual void failed(const asio::any_io_executor& io, error_code ec) = 0;
};

/// What all handles of one process share.
///
/// Thread safety: every member function may be called from any thread.
class process_core : public std::enable_shared_from_this<process_core> {
public:
    /// `name` is what people call the process; usually `call.name`.
    process_core(asio::any_io_executor executor, std::shared_ptr<process_control> control,
                 std::string name, std::string function);
    process_core(const process_core&) = delete;
    process_core& operator=(const process_core&) = delete;
    ~process_core();

    // ---- the handle's side

    asio::any_io_executor get_executor() const;
    std::uint64_t id() const noexcept;
    pid_t pid() const noexcept;
    const std::string& name() const noexcept;
    const std::string& function() const noexcept;
    pid_t owner() const noexcept;
    process_status status() const noexcept;
    bool running() const noexcept;
    int native_handle() const noexcept;
    std::optional<exit_info> last_exit() const;
    error_code signal(int number) noexcept;

    /// The ticket takes the waiter out again, uncalled and without a word.
    std::uint64_t add(std::unique_ptr<process_waiter> waiter);
    void forget(std::uint64_t ticket) noexcept;
    void wait(handler<void(error_code, exit_info)> h);
    void stop(std::optional<std::chrono::nanoseconds> grace, handler<void(error_code)> h);
    void ask_to_stop(std::optional<std::chrono::nanoseconds> grace);
    void when(process_status status, handler<void(error_code)> h);

    // ---- the context's side

    /// Makes the channel and writes the call into it; returns the child's end, to be sent with the
    /// spawn and then closed by the caller. Never blocks: what is large goes by a memfd. Of a
    /// process that may run again the calls follow, as files that every run can read.
    /// `settings` reach the child's context unread.
    std::vector<int> open_channel(const call& call, const spawn_options& options,
                                  std::string_view settings, error_code& ec);

    /// The supervisor has started it. Takes over `pidfd`.
    void started(std::uint64_t child, pid_t pid, int pidfd);
    /// It could not be started; pending operations complete with `ec`.
    void not_started(error_code ec);
    /// How far it has come. Takes over what the notice owns.
    void progressed(supervision::notice& told);
    /// The supervisor has reaped it: drains the channel, completes whoever waits.
    void exited(const supervision::exit_report& report, int restarts = 0,
                const std::string& cause = {});
    /// Nothing more will be heard of it (supervisor_lost, wrong_process).
    void lost(error_code ec);
    /// The loop is being destroyed: pending handlers are dropped uncalled, nothing touches the
    /// executor from now on, which is empty, and later operations fail with `context_gone`.
    void abandon() noexcept;

private:
    void abort(std::uint64_t waiter);

    struct members;
    std::unique_ptr<members> self_;
};

} // namespace detail
} // namespace zproc
