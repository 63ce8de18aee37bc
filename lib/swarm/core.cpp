#include "swarm/core.hpp"

#include "engine/loop_service.hpp"
#include "io_executor.hpp"

#include <zproc/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace zproc::swarming {

duration now()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

core::core(asio::any_io_executor io, swarm_options options, std::chrono::nanoseconds grace,
           launcher launch)
    : io_(std::move(io)),
      strand_(strand_of(io_)),
      options_(std::move(options)),
      grace_(grace),
      launch_(std::move(launch)),
      size_(options_.size().value_or(1)),
      crew_(size_),
      timer_(std::make_unique<asio::steady_timer>(strand_))
{
}

std::shared_ptr<core> core::make(asio::any_io_executor io, swarm_options options,
                                 std::chrono::nanoseconds grace, launcher launch,
                                 std::optional<door_plan> plan)
{
    auto made = std::make_shared<core>(std::move(io), std::move(options), grace, std::move(launch));
    if (plan)
        made->open_door(std::move(*plan));
    asio::use_service<engine::loop_service>(asio::query(made->io_, asio::execution::context))
        .add(made->weak_from_this());
    return made;
}

core::~core()
{
    if (mark_.is_set())
        return;
    static_cast<void>(timer_.release());
    for (auto& [id, w] : workers_)
        if (w->socket)
            w->socket->leak();
    if (door_)
        door_->leak();
}

template <class Step>
void core::on_strand(Step step)
{
    asio::post(strand_, [self = shared_from_this(), step = std::move(step)]() mutable {
        if (!self->loop_gone_)
            step(*self);
    });
}

error_code core::refusal() const noexcept
{
    if (loop_gone_)
        return errc::context_gone;
    return mark_.is_set() ? error_code() : error_code(errc::wrong_process);
}

std::shared_ptr<detail::swarm_block> core::acquire(std::size_t size) noexcept
{
    return mark_.is_set() ? pool_->acquire(size) : nullptr;
}

// From any thread -------------------------------------------------------------------------------

void core::start(std::shared_ptr<detail::swarm_job> job)
{
    if (const auto ec = refusal()) {
        job->io = loop_gone_ ? asio::any_io_executor() : io_;
        return job->end(std::make_exception_ptr(system_error(ec)));
    }
    job->io = io_;
    job->strand = strand_;
    job->owner = weak_from_this();
    if (auto slot = job->slot(); slot.is_connected())
        slot.assign(
            [weak = weak_from_this(), of = std::weak_ptr(job)](asio::cancellation_type type) {
                const auto self = weak.lock();
                const auto alive = of.lock();
                if (self && alive && type != asio::cancellation_type::none && !self->refusal())
                    self->cancel(alive);
            });
    {
        const std::lock_guard lock(mutex_);
        if (begun_.size() >= prune_at_) {
            std::erase_if(begun_, [](const auto& each) { return each.expired(); });
            prune_at_ = 2 * begun_.size() + 64;
        }
        begun_.push_back(job);
    }
    on_strand([job = std::move(job)](core& c) mutable {
        error_code ec = job->work.failure;
        if (!ec && (c.stopped_ || (c.crew_.wanted() == 0 && !c.door_)))
            ec = errc::swarm_stopped;
        if (job->board)
            job->board->begun(job.get(), job->total);
        if (ec) {
            if (job->board)
                job->board->ended(job.get());
            return job->end(std::make_exception_ptr(system_error(ec)));
        }
        job_rules rules;
        const auto& o = job->options;
        rules.total = job->total;
        rules.chunk = o.chunk();
        rules.stream = job->stream;
        rules.in_flight = o.in_flight();
        if (o.retries())
            rules.retries = rules.kill_retries = *o.retries();
        rules.exception_retries = o.exception_retries();
        rules.deadline = o.deadline();
        const auto id = c.scheduler_.add_job(rules);
        c.jobs_.emplace(id, running_job{std::move(job), {}, {}, true, 0});
        c.crew_.hope();
        c.hope_elsewhere();
        c.work();
    });
}

void core::cancel(const std::shared_ptr<detail::swarm_job>& job)
{
    if (refusal())
        return;
    on_strand([job](core& c) {
        if (const auto id = c.find(job.get()); id != 0) {
            c.end_job(id, std::make_exception_ptr(system_error(asio::error::operation_aborted)));
            c.work();
        }
    });
}

void core::want(const std::shared_ptr<detail::swarm_job>& job, bool wanted)
{
    if (refusal())
        return;
    on_strand([job, wanted](core& c) {
        const auto id = c.find(job.get());
        if (id == 0)
            return;
        c.jobs_.at(id).wanted = wanted;
        if (wanted) {
            c.crew_.hope();
            c.hope_elsewhere();
        }
        c.work();
    });
}

void core::consumed(const std::shared_ptr<detail::swarm_job>& job, std::uint64_t items)
{
    if (refusal())
        return;
    on_strand([job, items](core& c) {
        if (const auto id = c.find(job.get()); id != 0) {
            c.scheduler_.consumed(id, items);
            c.work();
        }
    });
}

void core::feed(const std::shared_ptr<detail::swarm_job>& job)
{
    if (refusal())
        return;
    on_strand([job](core& c) {
        if (const auto id = c.find(job.get()); id != 0) {
            c.scheduler_.feed(id);
            c.work();
        }
    });
}

std::uint64_t core::add_waiting(waiting w, asio::cancellation_slot slot)
{
    const auto ticket = ++last_waiting_;
    if (slot.is_connected())
        slot.assign([weak = weak_from_this(), ticket](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (!self || type == asio::cancellation_type::none || self->refusal())
                return;
            self->on_strand([ticket](core& c) {
                const auto found = c.waiting_.find(ticket);
                if (found == c.waiting_.end())
                    return;
                auto given_up = std::move(found->second);
                c.waiting_.erase(found);
                const error_code ec = asio::error::operation_aborted;
                if (given_up.what == waiting::kind::ready)
                    given_up.ready.complete(c.io_, std::make_exception_ptr(system_error(ec)));
                else
                    given_up.stopped.complete(c.io_, ec);
                c.work();
            });
        });
    on_strand([ticket, w = std::make_shared<waiting>(std::move(w))](core& c) {
        c.waiting_.emplace(ticket, std::move(*w));
        c.work();
    });
    return ticket;
}

void core::when_ready(detail::handler<void(std::exception_ptr)> done)
{
    if (const auto ec = refusal())
        return done.complete(loop_gone_ ? asio::any_io_executor() : io_,
                             std::make_exception_ptr(system_error(ec)));
    auto slot = done.cancellation_slot();
    waiting w;
    w.ready = std::move(done);
    add_waiting(std::move(w), slot);
}

void core::resize(std::size_t workers, detail::handler<void(std::exception_ptr)> done)
{
    if (const auto ec = refusal())
        return done.complete(loop_gone_ ? asio::any_io_executor() : io_,
                             std::make_exception_ptr(system_error(ec)));
    on_strand([workers](core& c) {
        if (c.stopped_)
            return;
        c.size_ = workers;
        for (const auto id : c.crew_.resize(workers))
            c.retire(*c.workers_.at(id));
        if (workers == 0 && !c.door_)
            for (const auto id : c.job_ids())
                c.end_job(id, std::make_exception_ptr(system_error(errc::swarm_stopped)));
    });
    when_ready(std::move(done));
}

void core::stop(bool force, detail::handler<void(error_code)> done)
{
    if (const auto ec = refusal())
        return done.complete(loop_gone_ ? asio::any_io_executor() : io_, ec);
    on_strand([force](core& c) {
        c.stopped_ = true;
        c.size_ = 0;
        for (const auto id : c.job_ids())
            c.end_job(id, std::make_exception_ptr(system_error(errc::swarm_stopped)));
        static_cast<void>(c.crew_.resize(0));
        for (const auto& [id, each] : c.workers_) {
            c.retire(*each);
            if (force)
                c.kill(*each);
        }
        if (c.door_)
            c.door_->dismiss(false);
    });
    auto slot = done.cancellation_slot();
    waiting w;
    w.what = waiting::kind::stopped;
    w.stopped = std::move(done);
    add_waiting(std::move(w), slot);
}

void core::let_go() noexcept
try {
    if (!refusal())
        on_strand([](core& c) { c.close(); });
} catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): they end with this process
}

/// They see the end of their sockets, and the supervisor sees to it that they go.
void core::close()
{
    stopped_ = true;
    size_ = 0;
    static_cast<void>(crew_.resize(0));
    for (auto& [id, w] : workers_) {
        unwatch(*w);
        w->socket.reset();
        if (w->process)
            w->process->ask_to_stop(std::nullopt);
    }
    workers_.clear();
    close_door();
    for (auto& [ticket, w] : std::exchange(waiting_, {}))
        if (w.what == waiting::kind::stopped)
            w.stopped.complete(io_, error_code());
        else
            w.ready.complete(io_, std::make_exception_ptr(system_error(errc::swarm_stopped)));
    arm();
}

void core::loop_gone()
{
    loop_gone_ = true;
    const auto jobs = std::exchange(jobs_, {});
    std::vector<std::weak_ptr<detail::swarm_job>> begun;
    {
        const std::lock_guard lock(mutex_);
        begun.swap(begun_);
    }
    for (const auto& each : begun)
        if (const auto job = each.lock()) {
            job->abandon();
            job->strand = {}; // a stream may be there for longer than the loop
        }
    const auto workers = std::exchange(workers_, {});
    for (const auto& [id, each] : workers) {
        each->socket.reset();
        if (each->process && each->exit_ticket != 0)
            each->process->forget(each->exit_ticket);
    }
    timer_.reset();
    door_.reset();
    const auto dropped = std::exchange(waiting_, {});
    launch_ = nullptr;
    shelf_.reset();
    strand_ = {};
    io_ = {};
    const auto self = std::move(self_);
}

// On the strand ---------------------------------------------------------------------------------

void core::work()
{
    start_workers();
    hand_out();
    settle_jobs();
    clean_up_orphans();
    mind_remote();
    for (const auto forgotten : pool_->take_forgotten())
        for (auto& [id, w] : workers_)
            if (w->socket && w->blocks.erase(forgotten) != 0) {
                frame f;
                f.kind = frame_kind::forget;
                f.blob.block = forgotten;
                w->socket->put(f);
            }
    for (auto& [id, w] : workers_)
        if (is_retiring(*w) && scheduler_.held(id) == 0)
            tell_to_leave(*w);
    for (auto& [id, w] : workers_)
        flush(*w);
    settle_waiting();
    for (const auto& [id, of] : jobs_)
        report(id);
    arm();
}

bool core::is_needed() const
{
    return !waiting_.empty() || (door_ && !stopped_) ||
           std::ranges::any_of(jobs_, [](const auto& each) { return each.second.wanted; }) ||
           std::ranges::any_of(workers_, [](const auto& each) {
               return each.second->orphan_until || each.second->killed;
           });
}

/// Descriptors and timers are waited for while they are needed, and only then.
void core::arm()
{
    const auto last =
        is_needed() ? std::exchange(self_, shared_from_this()) : std::exchange(self_, nullptr);
    for (auto& [id, w] : workers_)
        if (self_)
            watch(*w);
        else
            unwatch(*w);
    arm_timer();
}

void core::arm_timer()
{
    std::optional<duration> next;
    const auto at = [&next](const std::optional<duration>& time) {
        if (time && (!next || *time < *next))
            next = time;
    };
    if (self_) {
        const auto time = now();
        at(crew_.next_start());
        if (const auto period = scheduler_.look_every())
            at(timer_at_ && *timer_at_ > time ? std::min(*timer_at_, time + *period)
                                              : time + *period);
        for (const auto& [id, w] : workers_)
            if (!w->killed)
                at(w->orphan_until);
        at_remote(next);
    }
    if (next == timer_at_)
        return;
    timer_at_ = next;
    const auto round = ++timer_round_;
    timer_->cancel();
    if (!next)
        return;
    timer_->expires_at(asio::steady_timer::time_point(
        std::chrono::duration_cast<asio::steady_timer::duration>(*next)));
    timer_->async_wait([weak = weak_from_this(), round](error_code ec) {
        const auto self = weak.lock();
        if (!ec && self && !self->loop_gone_ && self->timer_round_ == round)
            self->on_timer();
    });
}

void core::on_timer()
{
    timer_at_.reset();
    look_at_items();
    work();
}

void core::settle_waiting()
{
    const bool ready = !stopped_ && crew_.up() >= crew_.wanted() && crew_.alive() == crew_.wanted();
    const bool over = stopped_ && crew_.alive() == 0 && workers_.empty();
    if (over)
        close_door();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        auto& w = at->second;
        const bool refused = w.what == waiting::kind::ready && stopped_;
        if (w.what == waiting::kind::ready && (ready || refused))
            w.ready.complete(io_, refused
                                      ? std::make_exception_ptr(system_error(errc::swarm_stopped))
                                      : std::exception_ptr());
        else if (w.what == waiting::kind::stopped && over)
            w.stopped.complete(io_, error_code());
        else {
            ++at;
            continue;
        }
        at = waiting_.erase(at);
    }
}

} // namespace zproc::swarming
