#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/outcome.hpp"
#include "supervisor/pidfd.hpp"
#include "supervisor/waiters.hpp"

#include <zproc/detail/process_core.hpp>

#include <boost/asio/error.hpp>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <unistd.h>

namespace zproc::detail {

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
    std::shared_ptr<const process_outcome> outcome; ///< once it is down
    std::map<std::uint64_t, pending> waiters;
    std::uint64_t next_waiter = 0;
    bool stopping = false;
    std::optional<std::chrono::nanoseconds> grace;

    members(asio::any_io_executor io, std::shared_ptr<process_control> owner_context,
            std::string process_name, std::string function_name)
        : name(std::move(process_name)),
          function(std::move(function_name)),
          executor(std::move(io)),
          control(std::move(owner_context))
    {
    }

    /// The end, whatever it is; only the first one counts.
    void end(process_outcome result)
    {
        std::map<std::uint64_t, pending> taken;
        asio::any_io_executor io;
        auto shared = std::make_shared<const process_outcome>(std::move(result));
        {
            const std::lock_guard lock(mutex);
            if (outcome != nullptr)
                return;
            outcome = shared;
            status = process_status::down;
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

process_core::process_core(asio::any_io_executor executor, std::shared_ptr<process_control> control,
                           std::string name, std::string function)
    : self_(std::make_unique<members>(std::move(executor), std::move(control), std::move(name),
                                      std::move(function)))
{
}

process_core::~process_core() = default;

asio::any_io_executor process_core::get_executor() const
{
    // In a plain fork of the owner the mutex may be locked for ever, by a thread that is not there.
    if (::getpid() != self_->owner)
        return self_->executor;
    const std::lock_guard lock(self_->mutex);
    return self_->executor;
}

pid_t process_core::pid() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    return self_->pid;
}

const std::string& process_core::name() const noexcept
{
    return self_->name;
}

const std::string& process_core::function() const noexcept
{
    return self_->function;
}

pid_t process_core::owner() const noexcept
{
    return self_->owner;
}

process_status process_core::status() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    return self_->status;
}

bool process_core::running() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    switch (self_->status) {
    case process_status::starting: return true;
    case process_status::up: return supervision::is_alive(self_->pidfd.get());
    case process_status::down: break;
    }
    return false;
}

int process_core::native_handle() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    return self_->pidfd.get();
}

std::optional<exit_info> process_core::ended() const
{
    const std::lock_guard lock(self_->mutex);
    if (self_->outcome == nullptr || self_->outcome->lost)
        return std::nullopt;
    return self_->outcome->info;
}

error_code process_core::signal(int number) noexcept
{
    if (::getpid() != self_->owner)
        return errc::wrong_process;
    const std::lock_guard lock(self_->mutex);
    if (self_->status != process_status::up)
        return errc::process_gone;
    return supervision::send_signal(self_->pidfd.get(), number);
}

void process_core::add(std::unique_ptr<process_waiter> waiter)
{
    if (::getpid() != self_->owner)
        return waiter->failed(get_executor(), errc::wrong_process);

    // The context is asked, and the slot's former content destroyed, outside the lock.
    std::shared_ptr<process_control> control;
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(self_->mutex);
        control = self_->control;
        id = self_->next_waiter++;
    }
    auto listening = control ? control->listen() : nullptr;
    auto slot = waiter->slot();
    if (slot.is_connected())
        slot.assign([weak = weak_from_this(), id](asio::cancellation_type kind) {
            if (kind == asio::cancellation_type::none)
                return;
            if (const auto core = weak.lock())
                core->drop(id);
        });

    std::unique_lock lock(self_->mutex);
    if (self_->outcome == nullptr) {
        self_->waiters.emplace(id, members::pending{std::move(waiter), std::move(listening)});
        return;
    }
    const auto outcome = self_->outcome;
    const auto io = self_->executor;
    lock.unlock();
    if (!io) // whatever it ended with: the loop is gone
        return waiter->failed(io, errc::context_gone);
    members::complete(*waiter, io, *outcome);
}

void process_core::drop(std::uint64_t waiter)
{
    members::pending taken;
    asio::any_io_executor io;
    {
        const std::lock_guard lock(self_->mutex);
        const auto found = self_->waiters.find(waiter);
        if (found == self_->waiters.end())
            return;
        taken = std::move(found->second);
        self_->waiters.erase(found);
        io = self_->executor;
    }
    taken.waiter->failed(io, asio::error::operation_aborted);
}

void process_core::wait(handler<void(error_code, exit_info)> h)
{
    add(std::make_unique<wait_waiter>(std::move(h)));
}

void process_core::stop(std::optional<std::chrono::nanoseconds> grace, handler<void(error_code)> h)
{
    std::shared_ptr<process_control> control;
    std::uint64_t child = 0;
    if (::getpid() == self_->owner) {
        const std::lock_guard lock(self_->mutex);
        if (self_->status == process_status::up) {
            control = self_->control;
            child = self_->child;
        } else if (self_->status == process_status::starting) {
            self_->stopping = true;
            self_->grace = grace;
        }
    }
    add(std::make_unique<stop_waiter>(std::move(h)));
    if (control)
        control->stop(child, grace);
}

int process_core::open_channel(const call& call, std::string_view settings, error_code& ec)
{
    if (call.failure) {
        ec = call.failure;
        return -1;
    }
    auto ends = supervision::make_channel(ec);
    if (ec)
        return -1;
    supervision::call_message message;
    message.function = call.function;
    message.arguments = call.arguments;
    message.name = self_->name;
    message.settings = settings;
    message.owner = self_->owner;
    ec = supervision::send_packet(ends.owner.get(), supervision::packet_kind::call,
                                  supervision::encode(message));
    if (ec)
        return -1;
    const std::lock_guard lock(self_->mutex);
    self_->channel = std::move(ends.owner);
    return ends.process.release();
}

void process_core::started(std::uint64_t child, pid_t pid, int pidfd)
{
    std::shared_ptr<process_control> control;
    std::optional<std::chrono::nanoseconds> grace;
    {
        const std::lock_guard lock(self_->mutex);
        self_->child = child;
        self_->pid = pid;
        self_->pidfd.reset(pidfd);
        if (self_->status == process_status::starting)
            self_->status = process_status::up;
        if (self_->stopping) {
            control = self_->control;
            grace = self_->grace;
        }
    }
    if (control)
        control->stop(child, grace);
}

void process_core::exited(const supervision::exit_report& report, int restarts)
{
    descriptor channel;
    {
        const std::lock_guard lock(self_->mutex);
        channel = std::move(self_->channel);
    }
    self_->end(supervision::read_outcome(channel.get(), report, restarts, self_->name));
}

void process_core::not_started(error_code ec)
{
    lost(ec);
}

void process_core::lost(error_code ec)
{
    process_outcome outcome;
    outcome.lost = ec;
    self_->end(std::move(outcome));
}

void process_core::abandon() noexcept
{
    // Destroying a handler may destroy handles of this process: not under the lock.
    std::map<std::uint64_t, members::pending> dropped;
    std::shared_ptr<process_control> control;
    auto outcome = std::make_shared<process_outcome>();
    outcome->lost = errc::context_gone;
    asio::any_io_executor executor;
    {
        const std::lock_guard lock(self_->mutex);
        dropped.swap(self_->waiters);
        control.swap(self_->control);
        self_->executor.swap(executor);
        if (self_->outcome == nullptr)
            self_->outcome = std::move(outcome);
    }
}

} // namespace zproc::detail
