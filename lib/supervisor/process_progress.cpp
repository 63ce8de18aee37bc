#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/link.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/outcome.hpp"
#include "supervisor/process_members.hpp"

#include <utility>
#include <vector>

// What its context tells a process: how it is called, and how it gets on.

namespace zproc::detail {

std::vector<int> process_core::open_channel(const call& call, const spawn_options& options,
                                            std::string_view settings, error_code& ec)
{
    const auto& restart = options.restart().settings();
    const auto message = [&](const detail::call& which) {
        supervision::call_message made;
        made.function = which.function;
        made.arguments = which.arguments;
        made.name = self_->name;
        made.settings = settings;
        made.owner = self_->owner;
        made.retried = restart.exceptions;
        for (const auto& each : options.rethrown())
            made.carried.push_back(each.carrier);
        return supervision::encode(made);
    };
    ec = call.failure ? call.failure : restart.failure;
    if (!ec)
        ec = options.failure();
    if (!ec && restart.retry)
        ec = restart.retry->failure;
    if (ec)
        return {};
    auto ends = supervision::make_channel(ec);
    std::vector<descriptor> sent;
    const auto first = message(call);
    if (!ec)
        sent.push_back(std::move(ends.process));
    if (restart.when == restart_settings::mode::never) {
        if (!ec)
            ec = supervision::send_packet(ends.owner.get(), supervision::packet_kind::call, first);
    } else {
        if (!ec)
            sent.push_back(supervision::make_file(first, ec));
        if (!ec && restart.retry)
            sent.push_back(supervision::make_file(message(*restart.retry), ec));
    }
    if (ec)
        return {};
    std::vector<int> numbers;
    for (auto& each : sent)
        numbers.push_back(each.release());
    const std::lock_guard lock(self_->mutex);
    self_->channel = std::move(ends.owner);
    self_->usual_grace = options.grace();
    self_->rethrown = options.rethrown();
    return numbers;
}

void process_core::started(std::uint64_t child, pid_t pid, int pidfd)
{
    std::shared_ptr<process_control> control;
    std::optional<std::chrono::nanoseconds> grace;
    std::vector<members::pending> arrived;
    asio::any_io_executor io;
    {
        const std::lock_guard lock(self_->mutex);
        self_->child = child;
        self_->pid = pid;
        self_->pidfd.reset(pidfd);
        io = self_->executor;
        if (self_->status == process_status::starting)
            arrived = self_->come_to(process_status::up);
        if (self_->stopping) {
            control = self_->control;
            grace = self_->grace;
        }
    }
    members::complete(arrived, io);
    if (control)
        control->stop(child, grace);
}

void process_core::progressed(supervision::notice& told)
{
    using phase = supervision::message::progress::phase;
    std::vector<members::pending> arrived;
    asio::any_io_executor io;
    // Destroyed, as all that is replaced, after the lock is released.
    descriptor old_channel, old_pidfd;
    {
        const std::lock_guard lock(self_->mutex);
        if (self_->outcome != nullptr)
            return;
        io = self_->executor;
        const bool new_run = told.attempt != self_->attempt;
        const auto ended = told.phase == phase::backoff ? told.attempt : told.attempt - 1;
        if (ended > 0 && self_->last_ended != ended) {
            // The channel that is left belongs to the last run that was heard of; that of one which
            // has begun and ended since comes with the news.
            int channel = -1;
            if (ended == self_->attempt)
                channel = self_->channel.get();
            else if (ended == told.attempt)
                channel = told.channel.get();
            self_->last_outcome = supervision::read_outcome(
                channel, told.exit, static_cast<int>(ended) - 1, self_->name, {}, self_->rethrown);
            self_->last_exit = self_->last_outcome.info;
            self_->last_ended = ended;
        }
        if (new_run || told.pidfd) {
            self_->attempt = told.attempt;
            self_->pid = told.pid;
            old_pidfd = std::exchange(self_->pidfd, std::move(told.pidfd));
            old_channel = std::exchange(self_->channel, std::move(told.channel));
        }
        if (self_->last_exit)
            self_->last_exit->retry_in.reset();
        switch (told.phase) {
        case phase::up: arrived = self_->come_to(process_status::up); break;
        case phase::ready: arrived = self_->come_to(process_status::ready); break;
        case phase::stopping:
            self_->stopping = true;
            arrived = self_->come_to(process_status::stopping);
            break;
        case phase::backoff:
            if (self_->last_exit)
                self_->last_exit->retry_in = told.delay;
            arrived = self_->come_to(process_status::backoff);
            break;
        }
    }
    members::complete(arrived, io);
}

void process_core::exited(const supervision::exit_report& report, int restarts,
                          const std::string& cause)
{
    descriptor channel;
    process_outcome known;
    bool is_known = false;
    std::vector<carried_type> rethrown;
    {
        const std::lock_guard lock(self_->mutex);
        rethrown = self_->rethrown;
        channel = std::move(self_->channel);
        // Stopped between two runs: its end is that of the run before.
        is_known = self_->last_ended == static_cast<unsigned>(restarts) + 1;
        if (is_known)
            known = std::move(self_->last_outcome);
    }
    if (is_known)
        known.info.cause = cause;
    else
        known = supervision::read_outcome(channel.get(), report, restarts, self_->name, cause,
                                          rethrown);
    self_->end(std::move(known));
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
