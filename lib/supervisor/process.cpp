#include "supervisor/pidfd.hpp"
#include "supervisor/process_members.hpp"
#include "supervisor/waiters.hpp"

#include <boost/asio/error.hpp>

#include <mutex>
#include <utility>

#include <unistd.h>

// A process as its handles see it; how it gets on is in process_progress.cpp.

namespace zproc::detail {

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

std::uint64_t process_core::id() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    return self_->child;
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
    using enum process_status;
    switch (self_->status) {
    case starting:
    case backoff: return true;
    case up:
    case ready:
    case stopping: return supervision::is_alive(self_->pidfd.get());
    case failed:
    case down: break;
    }
    return false;
}

int process_core::native_handle() const noexcept
{
    const std::lock_guard lock(self_->mutex);
    return self_->pidfd.get();
}

std::optional<exit_info> process_core::last_exit() const
{
    const std::lock_guard lock(self_->mutex);
    return self_->last_exit;
}

error_code process_core::signal(int number) noexcept
{
    if (::getpid() != self_->owner)
        return errc::wrong_process;
    const std::lock_guard lock(self_->mutex);
    if (!self_->has_run())
        return errc::process_gone;
    return supervision::send_signal(self_->pidfd.get(), number);
}

std::uint64_t process_core::add(std::unique_ptr<process_waiter> waiter)
{
    if (::getpid() != self_->owner) {
        waiter->failed(get_executor(), errc::wrong_process);
        return 0;
    }

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
                core->abort(id);
        });

    std::unique_lock lock(self_->mutex);
    if (self_->outcome == nullptr && waiter->waits_for(self_->status)) {
        const auto io = self_->executor;
        lock.unlock();
        waiter->arrived(io);
        return id;
    }
    if (self_->outcome == nullptr) {
        self_->waiters.emplace(id, members::pending{std::move(waiter), std::move(listening)});
        return id;
    }
    const auto outcome = self_->outcome;
    const auto io = self_->executor;
    lock.unlock();
    if (!io) // whatever it ended with: the loop is gone
        waiter->failed(io, errc::context_gone);
    else
        members::complete(*waiter, io, *outcome);
    return id;
}

void process_core::abort(std::uint64_t waiter)
{
    const auto [taken, io] = self_->take(waiter);
    if (taken.waiter)
        taken.waiter->failed(io, asio::error::operation_aborted);
}

void process_core::forget(std::uint64_t ticket) noexcept
{
    static_cast<void>(self_->take(ticket));
}

void process_core::wait(handler<void(error_code, exit_info)> h)
{
    add(std::make_unique<wait_waiter>(std::move(h)));
}

void process_core::ask_to_stop(std::optional<std::chrono::nanoseconds> grace)
{
    if (::getpid() != self_->owner)
        return;
    std::shared_ptr<process_control> control;
    std::uint64_t child = 0;
    {
        const std::lock_guard lock(self_->mutex);
        if (!grace)
            grace = self_->usual_grace;
        if (self_->has_run() || self_->status == process_status::backoff) {
            control = self_->control;
            child = self_->child;
            self_->stopping = true;
        } else if (self_->status == process_status::starting) {
            self_->stopping = true;
            self_->grace = grace;
        }
    }
    if (control)
        control->stop(child, grace);
}

void process_core::stop(std::optional<std::chrono::nanoseconds> grace, handler<void(error_code)> h)
{
    add(std::make_unique<stop_waiter>(std::move(h)));
    ask_to_stop(grace);
}

void process_core::when(process_status status, handler<void(error_code)> h)
{
    add(std::make_unique<status_waiter>(status, std::move(h)));
}

} // namespace zproc::detail
