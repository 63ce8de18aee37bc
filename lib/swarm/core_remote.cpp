#include "supervisor/outcome.hpp"
#include "swarm/core.hpp"
#include "swarm/worker.hpp"

#include <zproc/error.hpp>

#include <boost/asio/post.hpp>

#include <csignal>
#include <utility>
#include <vector>

// Workers of other machines: they come through the door, and their hosts tell how they end.

namespace zproc::swarming {

namespace {

constexpr worker_id first_remote = worker_id{1} << 31; ///< above those of the crew

} // namespace

/// While nobody else knows the swarm.
void core::open_door(door_plan plan)
{
    address_ = plan.address;
    door_ = std::make_shared<door>(strand_, std::move(plan));
    const auto told = [weak = weak_from_this()](auto what) {
        return [weak, what](auto&&... args) {
            const auto self = weak.lock();
            if (!self || self->loop_gone_ || !self->door_)
                return;
            what(*self, std::forward<decltype(args)>(args)...);
            self->work();
        };
    };
    door::events events;
    events.worker_came =
        told([](core& c, door::host_id host, door::worker_number number,
                std::unique_ptr<wire> link) { c.worker_came(host, number, std::move(link)); });
    events.worker_ended =
        told([](core& c, door::host_id host, door::worker_number number, worker_ending ending) {
            c.worker_ended(host, number, std::move(ending));
        });
    events.host_lost = told([](core& c, door::host_id host) { c.host_lost(host); });
    asio::post(strand_, [weak = weak_from_this(), events = std::move(events)] {
        const auto self = weak.lock();
        if (self && !self->loop_gone_ && !self->stopped_ && self->door_)
            self->door_->open(events);
    });
}

void core::close_door()
{
    if (const auto gone = std::exchange(door_, nullptr))
        gone->close();
    remote_ = 0;
}

void core::worker_came(door::host_id host, door::worker_number number, std::unique_ptr<wire> link)
{
    if (stopped_)
        return;
    const auto id = first_remote + ++last_remote_;
    auto made = std::make_shared<worker>();
    made->id = id;
    made->socket = std::move(link);
    made->remote.emplace(worker::elsewhere{host, number});
    const auto plan = encode_plan({options_.initialiser(), options_.finaliser()});
    frame f;
    f.kind = frame_kind::prepare;
    f.body = plan;
    made->socket->put(f);
    workers_.emplace(id, std::move(made));
}

std::size_t core::count_remote() const
{
    std::size_t count = 0;
    for (const auto& [id, w] : workers_)
        count += w->remote && is_up(*w);
    return count;
}

/// What it has said may be on its way still: the end of its own connection comes behind that.
void core::worker_ended(door::host_id host, door::worker_number number, worker_ending ending)
{
    for (const auto& [id, w] : workers_)
        if (w->remote && w->remote->host == host && w->remote->number == number) {
            w->remote->ending = std::move(ending);
            w->remote->until = now() + grace_;
            drain(*w);
            return;
        }
    // It has never come: without a report it was only too early, or too late.
    if ((ending.info.code && !ending.info.error) || stopped_)
        return;
    ++remote_failures_;
    note_failure(supervision::failure(ending.info, options_.name()));
}

void core::host_lost(door::host_id host)
{
    std::vector<worker_id> with_it;
    for (const auto& [id, w] : workers_)
        if (w->remote && w->remote->host == host)
            with_it.push_back(id);
    for (const auto id : with_it)
        lost_with_its_host(id);
}

/// What has come of it counts; the rest is no item's doing.
void core::lost_with_its_host(worker_id id)
{
    const auto found = workers_.find(id);
    if (found == workers_.end())
        return;
    const auto w = found->second;
    drain(*w);
    if (w->remote->ending)
        return lost_elsewhere(id);
    unwatch(*w);
    w->socket.reset();
    workers_.erase(id);
    static_cast<void>(scheduler_.worker_gone(id, std::nullopt, scheduler::death::lost));
    note_failure(nullptr);
}

/// Its host has said how it ended.
void core::lost_elsewhere(worker_id id)
{
    const auto w = workers_.at(id);
    drain(*w);
    unwatch(*w);
    w->socket.reset();
    workers_.erase(id);
    const auto& ending = *w->remote->ending;
    const auto death = supervision::failure(ending.info, options_.name());
    const bool by_somebody = ending.info.signal == SIGKILL && !w->killed;
    const auto verdicts = scheduler_.worker_gone(
        id, ending.sign, by_somebody ? scheduler::death::killed : scheduler::death::own);
    const bool useless = ending.sign.chunk == 0 && !w->told_to_leave && !w->killed;
    remote_failures_ += useless;
    judge(verdicts, death);
    note_failure(useless ? death : nullptr);
}

void core::mind_remote()
{
    if (!door_)
        return;
    const auto time = now();
    std::vector<worker_id> over;
    std::vector<door::host_id> mute;
    for (const auto& [id, w] : workers_) {
        if (!w->remote)
            continue;
        auto& r = *w->remote;
        if (r.ending && (!w->socket || time >= *r.until))
            over.push_back(id);
        else if (!r.ending && w->killed && !r.until)
            r.until = time + door_->silence();
        else if (!r.ending && r.until && time >= *r.until)
            mute.push_back(r.host);
    }
    for (const auto id : over)
        lost_elsewhere(id);
    // It does not do what it is told, or does not tell.
    for (const auto host : mute) {
        door_->forget(host);
        host_lost(host);
    }
    if (!over.empty() || !mute.empty()) {
        hand_out();
        settle_jobs();
    }
    remote_ = count_remote();
}

void core::at_remote(std::optional<duration>& next) const
{
    for (const auto& [id, w] : workers_)
        if (w->remote && w->remote->until && (!next || *w->remote->until < *next))
            next = w->remote->until;
}

} // namespace zproc::swarming
