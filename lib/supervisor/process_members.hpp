#pragma once

#include "descriptor.hpp"

#include <zproc/detail/carried_exception.hpp>
#include <zproc/detail/process_core.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace zproc::detail {

/// What a process's handles share, for the files that implement it.
struct process_core::members {
    /// A waiter, and what keeps the context listening for it.
    struct pending {
        std::unique_ptr<process_waiter> waiter;
        std::shared_ptr<void> listening;
    };

    const std::string name;
    const std::string function;
    const pid_t owner = ::getpid();

    mutable std::mutex mutex;
    // Everything below: under the mutex. Handlers are completed, and things of others destroyed,
    // only after it is released.
    asio::any_io_executor executor;
    std::shared_ptr<process_control> control;
    process_status status = process_status::starting;
    std::uint64_t child = 0;
    pid_t pid = 0;
    descriptor pidfd;
    descriptor channel;
    unsigned attempt = 1;
    // Of the last run that has ended.
    unsigned last_ended = 0; ///< which it was
    process_outcome last_outcome;
    std::optional<exit_info> last_exit;
    std::shared_ptr<const process_outcome> outcome; ///< once it is down
    std::map<std::uint64_t, pending> waiters;
    std::uint64_t next_waiter = 1;
    bool stopping = false;
    std::optional<std::chrono::nanoseconds> grace; ///< of a stop that came before the start
    std::optional<std::chrono::nanoseconds> usual_grace;
    std::vector<carried_type> rethrown;

    members(asio::any_io_executor io, std::shared_ptr<process_control> owner_context,
            std::string process_name, std::string function_name)
        : name(std::move(process_name)),
          function(std::move(function_name)),
          executor(std::move(io)),
          control(std::move(owner_context))
    {
    }

    /// Under the mutex. Those who have waited for this status are the caller's to complete.
    [[nodiscard]] std::vector<pending> come_to(process_status now)
    {
        std::vector<pending> arrived;
        status = now;
        for (auto at = waiters.begin(); at != waiters.end();)
            if (at->second.waiter->waits_for(now)) {
                arrived.push_back(std::move(at->second));
                at = waiters.erase(at);
            } else {
                ++at;
            }
        return arrived;
    }

    static void complete(const std::vector<pending>& arrived, const asio::any_io_executor& io)
    {
        for (const auto& each : arrived)
            each.waiter->arrived(io);
    }

    std::pair<pending, asio::any_io_executor> take(std::uint64_t waiter)
    {
        const std::lock_guard lock(mutex);
        const auto found = waiters.find(waiter);
        if (found == waiters.end())
            return {};
        std::pair<pending, asio::any_io_executor> taken(std::move(found->second), executor);
        waiters.erase(found);
        return taken;
    }

    /// Under the mutex: whether there is a process to send something to.
    bool has_run() const noexcept
    {
        using enum process_status;
        return status == up || status == ready || status == stopping;
    }

    /// The end, whatever it is; only the first one counts.
    void end(process_outcome result)
    {
        std::map<std::uint64_t, pending> taken;
        asio::any_io_executor io;
        std::shared_ptr<const process_outcome> shared;
        {
            const std::lock_guard lock(mutex);
            if (outcome != nullptr)
                return;
            const bool well = result.lost || result.info.success() || stopping;
            status = well ? process_status::down : process_status::failed;
            result.status = status;
            if (!result.lost)
                last_exit = result.info;
            shared = std::make_shared<const process_outcome>(std::move(result));
            outcome = shared;
            taken.swap(waiters);
            io = executor;
        }
        for (auto& [id, each] : taken)
            complete(*each.waiter, io, *shared);
    }

    static void complete(process_waiter& waiter, const asio::any_io_executor& io,
                         const process_outcome& outcome)
    {
        if (outcome.lost)
            waiter.failed(io, outcome.lost);
        else
            waiter.ended(io, outcome);
    }
};

} // namespace zproc::detail
