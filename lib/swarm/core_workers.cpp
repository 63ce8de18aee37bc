#include "swarm/core.hpp"
#include "swarm/worker.hpp"

#include <zproc/detail/process_core.hpp>
#include <zproc/error.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

// How workers of a swarm come, are listened to, and go.

namespace zproc::swarming {

/// Tells the core how a worker's process has ended.
class core::exit_waiter final : public detail::process_waiter {
public:
    exit_waiter(std::weak_ptr<core> whose, worker_id id) : core_(std::move(whose)), id_(id) {}

    asio::cancellation_slot slot() const noexcept override { return {}; }

    void ended(const asio::any_io_executor&, const detail::process_outcome& outcome) override
    {
        tell([id = id_, error = outcome.error, killed = outcome.info.signal == SIGKILL](core& c) {
            c.lost(id, error, killed);
        });
    }

    void failed(const asio::any_io_executor&, error_code ec) override
    {
        tell([id = id_, ec](core& c) {
            const auto why = std::make_exception_ptr(system_error(ec));
            c.give_up(why);
            c.lost(id, why);
        });
    }

private:
    template <class Step>
    void tell(Step step)
    {
        const auto self = core_.lock();
        if (!self || self->refusal())
            return;
        asio::post(self->strand_, [self, step] {
            if (self->loop_gone_)
                return;
            step(*self);
            self->work();
        });
    }

    std::weak_ptr<core> core_;
    worker_id id_;
};

class core::worker_spawn final : public detail::pending_spawn {
public:
    worker_spawn(std::weak_ptr<core> whose, worker_id id) : core_(std::move(whose)), id_(id) {}

    void complete(const asio::any_io_executor&, error_code ec,
                  std::shared_ptr<detail::process_core> process) override
    {
        const auto self = core_.lock();
        if (!self || self->refusal()) {
            if (process)
                process->ask_to_stop(std::nullopt);
            return;
        }
        asio::post(self->strand_, [self, id = id_, ec, process] {
            if (self->loop_gone_)
                return;
            self->started(id, ec, process);
            self->work();
        });
    }
    asio::cancellation_slot cancellation_slot() const noexcept override { return {}; }

private:
    std::weak_ptr<core> core_;
    worker_id id_;
};

void core::start_workers()
{
    if (stopped_ || (jobs_.empty() && waiting_.empty()))
        return;
    for (auto left = crew_.missing(now()); left != 0; --left)
        start_worker();
}

void core::start_worker()
{
    const auto id = crew_.start();
    auto made = std::make_shared<worker>();
    made->id = id;
    auto [own, its] = make_wire_pair();
    made->page = control_page::make();
    if (!own || !made->page) {
        last_failure_ = std::make_exception_ptr(
            system_error(error_code(errno, boost::system::system_category())));
        crew_.gone(id, true, now());
        return note_failure(last_failure_);
    }
    auto handed = std::make_shared<std::vector<descriptor>>();
    handed->push_back(std::move(its));
    handed->push_back(duplicate_of(made->page.file()));
    made->socket = std::make_unique<wire>(strand_, std::move(own));
    workers_.emplace(id, std::move(made));
    spawn_options options;
    options.name(options_.name());
    launch_(std::move(options), worker_call({options_.initialiser(), options_.finaliser()}),
            std::move(handed), std::make_unique<worker_spawn>(weak_from_this(), id));
}

void core::started(worker_id id, error_code ec, std::shared_ptr<detail::process_core> process)
{
    const auto found = workers_.find(id);
    if (found == workers_.end()) { // the swarm is being closed
        if (process)
            process->ask_to_stop(std::nullopt);
        return;
    }
    auto& w = *found->second;
    if (!ec) {
        w.process = std::move(process);
        if (w.killed)
            w.process->signal(SIGKILL);
        return;
    }
    const auto why = std::make_exception_ptr(system_error(ec));
    // What the system could not do now it may be able to do later.
    const bool for_good = ec.category() == error_category();
    lost(id, why);
    if (for_good)
        give_up(why);
}

void core::watch(worker& w)
{
    if (w.process && w.exit_ticket == 0)
        w.exit_ticket = w.process->add(std::make_unique<exit_waiter>(weak_from_this(), w.id));
    if (!w.socket)
        return;
    const auto wait = [&](auto kind, bool worker::* flag, auto then) {
        w.*flag = true;
        w.socket->socket().async_wait(
            kind, [weak = weak_from_this(), id = w.id, round = w.round, flag, then](error_code) {
                const auto self = weak.lock();
                if (!self || self->loop_gone_)
                    return;
                const auto found = self->workers_.find(id);
                if (found == self->workers_.end() || found->second->round != round)
                    return;
                (*found->second).*flag = false;
                then(*self, id);
            });
    };
    using descriptor_base = asio::posix::stream_descriptor;
    if (!w.reading)
        wait(descriptor_base::wait_read, &worker::reading,
             [](core& c, worker_id id) { c.read(id); });
    if (!w.writing && w.socket->has_unsent())
        wait(descriptor_base::wait_write, &worker::writing, [](core& c, worker_id) { c.work(); });
}

void core::unwatch(worker& w)
{
    if (w.exit_ticket != 0 && w.process)
        w.process->forget(std::exchange(w.exit_ticket, 0));
    if (!w.reading && !w.writing)
        return;
    ++w.round;
    w.reading = w.writing = false;
    if (w.socket)
        w.socket->socket().cancel();
}

void core::read(worker_id id)
{
    const auto w = workers_.at(id);
    drain(*w);
    work();
}

/// Everything it has said. Where that ends, the news of its own end is to come.
void core::drain(worker& w)
{
    while (w.socket) {
        const auto got = w.socket->fill();
        if (got == wire::outcome::later)
            return;
        if (got == wire::outcome::done) {
            while (w.socket && !w.killed)
                if (const auto f = w.socket->next())
                    handle(w, *f);
                else
                    break;
            if (!w.killed && !w.socket->is_broken())
                continue;
        }
        const bool broken = w.socket->is_broken();
        w.socket.reset();
        scheduler_.retire(w.id);
        if (broken)
            kill(w);
        else if (!w.orphan_until)
            w.orphan_until = now() + grace_;
    }
}

bool core::handle(worker& w, const frame& f)
{
    switch (f.kind) {
    case frame_kind::ready:
        if (is_starting(w)) {
            crew_.up(w.id);
            if (w.remote) {
                w.remote->ready = true;
                remote_failures_[w.remote->host] = 0;
            }
            scheduler_.worker_up(w.id, static_cast<bool>(w.page));
        }
        return true;
    case frame_kind::block:
        if (!w.results.add(f.blob.block, f.blob.length, w.socket->take_descriptor()))
            kill(w);
        return true;
    case frame_kind::forget: w.results.forget(f.blob.block); return true;
    case frame_kind::done: done(w, f); return true;
    default: break; // is not for it to say
    }
    kill(w);
    return false;
}

void core::flush(worker& w)
{
    // Of its end the reading tells.
    if (w.socket && w.socket->has_unsent())
        static_cast<void>(w.socket->flush());
}

void core::retire(worker& w)
{
    crew_.retire(w.id);
    scheduler_.retire(w.id);
    if (w.remote)
        w.remote->retiring = true;
}

bool core::is_starting(const worker& w) const
{
    return w.remote ? !w.remote->ready && !w.remote->retiring : crew_.is_starting(w.id);
}

bool core::is_up(const worker& w) const
{
    return w.remote ? w.remote->ready && !w.remote->retiring : crew_.is_up(w.id);
}

bool core::is_retiring(const worker& w) const
{
    return w.remote ? w.remote->retiring : crew_.is_retiring(w.id);
}

void core::tell_to_leave(worker& w)
{
    if (std::exchange(w.told_to_leave, true) || !w.socket)
        return;
    frame f;
    f.kind = frame_kind::leave;
    w.socket->put(f);
}

void core::kill(worker& w)
{
    if (std::exchange(w.killed, true))
        return;
    scheduler_.retire(w.id);
    if (w.process)
        w.process->signal(SIGKILL);
    if (w.remote && door_)
        door_->kill(w.remote->host, w.remote->number);
}

/// Its process has ended, or never began.
void core::lost(worker_id id, std::exception_ptr death, bool by_somebody)
{
    const auto found = workers_.find(id);
    if (found == workers_.end())
        return;
    const auto w = found->second;
    drain(*w);
    unwatch(*w);
    workers_.erase(id);
    if (!death)
        death = std::make_exception_ptr(system_error(errc::process_gone));
    const auto sign = w->page.sign();
    const auto verdicts = scheduler_.worker_gone(
        id, sign, by_somebody && !w->killed ? scheduler::death::killed : scheduler::death::own);
    const bool failed = crew_.gone(id, !sign, now());
    judge(verdicts, death);
    note_failure(failed ? death : nullptr);
}

/// Of a start, or none.
void core::note_failure(const std::exception_ptr& death)
{
    if (death)
        last_failure_ = death;
    if (is_hopeless() && last_failure_)
        give_up(last_failure_);
}

/// Those that were started lately have failed, wherever there are any, and nobody else is up or starts.
bool core::is_hopeless() const
{
    if (std::ranges::any_of(workers_, [&](const auto& each) {
            return each.second->remote && (is_starting(*each.second) || is_up(*each.second));
        }))
        return false;
    if (remote_failures_.empty())
        return crew_.is_hopeless();
    return (crew_.wanted() == 0 || crew_.is_hopeless()) &&
           std::ranges::all_of(remote_failures_,
                               [](const auto& each) { return each.second >= crew::most_failures; });
}

/// No worker can be had: what waits for one learns why.
void core::give_up(const std::exception_ptr& why)
{
    for (const auto id : job_ids())
        end_job(id, why);
    for (auto at = waiting_.begin(); at != waiting_.end();)
        if (at->second.what == waiting::kind::ready) {
            at->second.ready.complete(io_, why);
            at = waiting_.erase(at);
        } else {
            ++at;
        }
}

void core::look_at_items()
{
    const auto time = now();
    for (const auto& [id, w] : workers_)
        if (const auto sign = w->page.sign())
            scheduler_.progress(id, *sign, time);
    for (const auto id : scheduler_.overdue(time))
        kill(*workers_.at(id));
}

} // namespace zproc::swarming
