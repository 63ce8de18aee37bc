#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/exit_info.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace zproc {

namespace supervision {
struct exit_report;
}

/// Where a process is in its life.
enum class process_status { starting, up, down };

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
    exit_info info;
    bool has_result = false;
    std::string result;       ///< an archive
    std::exception_ptr error; ///< what `result()` throws, when there is no result
};

/// One pending operation on a process.
class process_waiter {
public:
    virtual ~process_waiter() = default;
    virtual asio::cancellation_slot slot() const noexcept = 0;
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
    pid_t pid() const noexcept;
    const std::string& name() const noexcept;
    const std::string& function() const noexcept;
    pid_t owner() const noexcept;
    process_status status() const noexcept;
    bool running() const noexcept;
    int native_handle() const noexcept;
    std::optional<exit_info> ended() const;
    error_code signal(int number) noexcept;

    void add(std::unique_ptr<process_waiter> waiter);
    void wait(handler<void(error_code, exit_info)> h);
    void stop(std::optional<std::chrono::nanoseconds> grace, handler<void(error_code)> h);

    // ---- the context's side

    /// Makes the channel and writes the call into it; returns the child's end, to be sent with the
    /// spawn and then closed by the caller, or -1. Never blocks: what is large goes by a memfd.
    /// `settings` reach the child's context unread.
    int open_channel(const call& call, std::string_view settings, error_code& ec);

    /// The supervisor has started it. Takes over `pidfd`.
    void started(std::uint64_t child, pid_t pid, int pidfd);
    /// It could not be started; pending operations complete with `ec`.
    void not_started(error_code ec);
    /// The supervisor has reaped it: drains the channel, completes whoever waits.
    void exited(const supervision::exit_report& report, int restarts = 0);
    /// Nothing more will be heard of it (supervisor_lost, wrong_process).
    void lost(error_code ec);
    /// The loop is being destroyed: pending handlers are dropped uncalled, nothing touches the
    /// executor from now on, which is empty, and later operations fail with `context_gone`.
    void abandon() noexcept;

private:
    void drop(std::uint64_t waiter);

    struct members;
    std::unique_ptr<members> self_;
};

} // namespace detail
} // namespace zproc
