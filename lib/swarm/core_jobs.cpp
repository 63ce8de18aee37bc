#include "supervisor/call_message.hpp"
#include "swarm/core.hpp"
#include "swarm/worker.hpp"

#include <zproc/detail/swarm_items.hpp>
#include <zproc/error.hpp>
#include <zproc/remote_error.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

// What a swarm's owner does with jobs: chunks out, results in.

namespace zproc::swarming {

std::pair<std::size_t, std::size_t> batch::slice(std::uint64_t from, std::uint32_t items) const
{
    if (stride != 0)
        return {static_cast<std::size_t>(from - first) * stride, items * stride};
    auto rest = all();
    const auto whole = rest.size();
    std::string_view item;
    bool absent = false;
    for (auto at = first; at != from; ++at)
        detail::next_item(rest, item, absent);
    const auto begin = whole - rest.size();
    for (std::uint32_t i = 0; i != items; ++i)
        detail::next_item(rest, item, absent);
    return {begin, whole - rest.size() - begin};
}

std::string_view batch::all() const
{
    return block ? std::string_view(block->bytes().data() + offset, length)
                 : std::string_view(bytes);
}

job_id core::find(const detail::swarm_job* job) const
{
    for (const auto& [id, each] : jobs_)
        if (each.job.get() == job)
            return id;
    return 0;
}

std::vector<job_id> core::job_ids() const
{
    std::vector<job_id> all;
    for (const auto& [id, each] : jobs_)
        all.push_back(id);
    return all;
}

void core::hand_out()
{
    while (const auto offered = scheduler_.next()) {
        auto& of = jobs_.at(offered->job);
        if (!offered->again) {
            if (!pull(*offered))
                continue;
        }
        const auto what = scheduler_.assign(
            *offered, offered->again ? offered->most : of.batches.rbegin()->second->count, now());
        send(*workers_.at(what.worker), what, of);
    }
}

/// Takes items out of the input, as one batch. False when there are none, or no more jobs.
bool core::pull(const offer& taken)
{
    auto& of = jobs_.at(taken.job);
    detail::swarm_batch got;
    try {
        got = of.job->pull(taken.most);
    } catch (...) {
        end_job(taken.job, std::current_exception());
        return false;
    }
    if (got.next == detail::swarm_batch::then::end)
        scheduler_.input_ended(taken.job);
    else if (got.next == detail::swarm_batch::then::later)
        scheduler_.starve(taken.job);
    if (got.count == 0)
        return false;
    auto made = std::make_shared<batch>();
    made->first = scheduler_.taken(taken.job);
    made->count = static_cast<std::uint32_t>(got.count);
    made->left = got.count;
    made->stride = got.stride;
    made->bytes = std::move(got.bytes);
    if (got.block) {
        made->block = std::static_pointer_cast<block_pool::borrowed>(std::move(got.block));
        made->offset = got.offset;
        made->length = got.count * got.stride;
    } else if (made->bytes.size() > largest_inline) {
        if (auto block = pool_->acquire(made->bytes.size())) {
            std::memcpy(block->bytes().data(), made->bytes.data(), made->bytes.size());
            made->length = made->bytes.size();
            made->block = std::move(block);
            made->bytes = {};
        }
    }
    of.batches.emplace(made->first, std::move(made));
    return true;
}

void core::send_block(worker& to, const block_pool::borrowed& block)
{
    if (!to.blocks.insert(block.id()).second)
        return;
    frame f;
    f.kind = frame_kind::block;
    f.blob = {block.id(), 0, block.size()};
    to.socket->put(f, block.file());
}

void core::send(worker& to, const chunk& what, running_job& of)
{
    const auto& from = std::prev(of.batches.upper_bound(what.first))->second;
    const auto [at, size] = from->slice(what.first, what.count);
    if (to.socket && !to.socket->carries_descriptors() && size > max_frame_body) {
        if (const auto verdict = scheduler_.refused(to.id, what.id))
            judge({*verdict}, std::make_exception_ptr(system_error(
                                  errc::too_large, "an item for a worker of another machine is "
                                                   "larger than 1 GiB")));
        return;
    }
    to.held.push_back(from);
    if (!to.socket) // its end is on its way
        return;
    if (to.jobs.insert(what.job).second) {
        if (of.message.empty())
            of.message = encode_job(of.job->work);
        frame f;
        f.kind = frame_kind::job;
        f.job = what.job;
        f.body = of.message;
        to.socket->put(f);
    }
    frame f;
    f.kind = frame_kind::task;
    f.flags = static_cast<std::uint16_t>(
        (of.job->stops_at_failure && of.job->options.exception_retries() == 0 ? stops_at_failure
                                                                              : 0) |
        (options_.memory_per_worker() ? tells_resident : 0) | (from->stride != 0 ? in_bulk : 0));
    f.job = what.job;
    f.chunk = what.id;
    f.count = what.count;
    f.number = to.taken;
    if (from->block && to.socket->carries_descriptors()) {
        send_block(to, *from->block);
        f.blob = {from->block->id(), from->offset + at, size};
    } else {
        f.blob = {0, 0, size};
        f.body = from->all().substr(at, size);
    }
    to.socket->put(f);
}

namespace {

std::exception_ptr to_exception(const item_failure& f)
{
    if (f.unserializable)
        return std::make_exception_ptr(system_error(errc::not_serializable, f.report));
    if (auto report = supervision::decode_error(f.report))
        return std::make_exception_ptr(remote_error(std::move(*report)));
    return nullptr;
}

} // namespace

/// What does not fit together is not believed, and its worker not trusted any more.
void core::done(worker& from, const frame& f)
{
    const auto results = f.blob.block != 0
                             ? from.results.view(f.blob.block, f.blob.offset, f.blob.length)
                             : f.body.substr(0, static_cast<std::size_t>(f.blob.length));
    const bool there = f.blob.block == 0 || f.blob.length == 0 || results.data() != nullptr;
    auto failures = read_failures(
        f.body.substr(f.blob.block != 0 ? 0 : static_cast<std::size_t>(f.blob.length)));
    if (!there || !failures)
        return kill(from);
    std::vector<std::uint32_t> items;
    for (const auto& each : *failures) {
        items.push_back(each.item);
        if (to_exception(each) == nullptr)
            return kill(from);
    }
    const auto finish =
        scheduler_.finished(from.id, f.chunk, f.count, items,
                            duration(static_cast<std::int64_t>(
                                std::min<std::uint64_t>(f.number, std::uint64_t{1} << 60))),
                            now());
    if (!finish)
        return kill(from);
    const auto keeps = std::move(from.held.front());
    from.held.pop_front();
    ++from.taken;
    crew_.worked();
    if (from.remote)
        remote_failures_[from.remote->host] = 0;
    from.items += f.count;
    from.orphan_until.reset();
    if (finish->wanted)
        take_results(from, *finish, results, std::move(*failures));
    const auto most = options_.items_per_worker();
    const auto memory = options_.memory_per_worker();
    if (is_up(from) && ((most && from.items >= *most) || (memory && f.resident > *memory)))
        retire(from);
}

void core::take_results(worker& from, const scheduler::finish& finish, std::string_view results,
                        std::vector<item_failure> failures)
{
    const auto id = finish.done.job;
    auto& of = jobs_.at(id);
    const auto job = of.job;
    std::vector<std::uint64_t> missing;
    for (const auto& each : failures)
        missing.push_back(finish.done.first + each.item);
    try {
        if (!job->take(finish.done.first, finish.done.count, results, missing)) {
            kill(from);
            return end_job(id, std::make_exception_ptr(system_error(errc::malformed_frame)));
        }
        for (const auto& each : failures) {
            const auto item = finish.done.first + each.item;
            if (std::ranges::binary_search(finish.failed, item)) {
                job->fail({item, to_exception(each)});
                ++of.failed;
            }
        }
    } catch (...) {
        return end_job(id, std::current_exception());
    }
    settle_items(of, finish.done.first, finish.done.count);
    for (const auto item : finish.retried) // they are not settled after all
        ++std::prev(of.batches.upper_bound(item))->second->left;
    std::erase_if(of.batches, [](const auto& each) { return each.second->left == 0; });
}

/// A batch is kept until all its items are settled.
void core::settle_items(running_job& job, std::uint64_t first, std::uint64_t count)
{
    if (count == 0)
        return;
    std::prev(job.batches.upper_bound(first))->second->left -= count;
}

void core::judge(const std::vector<verdict>& verdicts, const std::exception_ptr& death)
{
    for (const auto& each : verdicts) {
        const auto found = jobs_.find(each.job);
        if (found == jobs_.end())
            continue;
        found->second.job->fail({each.item, each.overdue ? std::make_exception_ptr(system_error(
                                                               errc::deadline_exceeded))
                                                         : death});
        ++found->second.failed;
        settle_items(found->second, each.item, 1);
        std::erase_if(found->second.batches, [](const auto& b) { return b.second->left == 0; });
    }
}

void core::end_job(job_id id, const std::exception_ptr& error)
{
    const auto found = jobs_.find(id);
    if (found == jobs_.end())
        return;
    report(id);
    const auto job = std::move(found->second.job);
    jobs_.erase(found);
    scheduler_.end_job(id);
    if (job->board)
        job->board->ended(job.get());
    for (auto& [number, w] : workers_)
        if (w->socket && w->jobs.erase(id) != 0) {
            frame f;
            f.kind = frame_kind::end_job;
            f.job = id;
            w->socket->put(f);
        }
    job->end(error);
}

void core::settle_jobs()
{
    for (const auto id : job_ids()) {
        const auto& job = *jobs_.at(id).job;
        if (const auto error = job.stops_at_failure ? job.failed() : nullptr)
            end_job(id, error);
        else if (scheduler_.is_settled(id))
            end_job(id, nullptr);
    }
}

/// Workers learn by their page what they should leave; who does not in time is killed.
void core::clean_up_orphans()
{
    const auto time = now();
    for (auto& [id, w] : workers_) {
        if (const auto orphan = scheduler_.orphan(id)) {
            if (w->page)
                __atomic_store_n(w->page.left_job(), orphan->job, __ATOMIC_RELAXED);
            else if (w->remote && !w->orphan_until && door_)
                door_->abandon(w->remote->host, w->remote->number, orphan->job);
            if (!w->orphan_until)
                w->orphan_until = time + grace_;
        }
        if (w->orphan_until && time >= *w->orphan_until && !w->killed)
            kill(*w);
    }
}

} // namespace zproc::swarming
