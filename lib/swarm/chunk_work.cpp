#include "swarm/chunk_work.hpp"

#include "supervisor/exception_report.hpp"

#include <zproc/error.hpp>

#include <algorithm>
#include <fstream>
#include <utility>

#include <unistd.h>

namespace zproc::swarming {

namespace {

using clock = std::chrono::steady_clock;

std::uint64_t resident_bytes()
{
    std::ifstream facts("/proc/self/statm");
    std::uint64_t all = 0, resident = 0;
    facts >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

result_blocks::one* result_blocks::find(std::size_t size, std::uint64_t taken, wire& to)
{
    const auto wanted = block_size(size);
    if (wanted == 0 || !to.carries_descriptors())
        return nullptr;
    for (auto at = all_.begin(); at != all_.end();) {
        const bool free = at->busy_until <= taken;
        if (free && at->block.size() >= wanted && at->block.size() <= 4 * wanted)
            return &*at;
        // Too small or too large for what is done now.
        if (free && all_.size() > 3) {
            frame gone;
            gone.kind = frame_kind::forget;
            gone.blob.block = at->block.id;
            to.put(gone);
            at = all_.erase(at);
        } else {
            ++at;
        }
    }
    auto made = make_block(++last_id_, wanted);
    if (!made.memory)
        return nullptr;
    frame f;
    f.kind = frame_kind::block;
    f.blob = {made.id, 0, made.size()};
    to.put(f, made.memory.file.get());
    return &all_.emplace_back(one{std::move(made), 0});
}

chunk_work::chunk_work(workbench& at, std::shared_ptr<known_job> job, const frame& task,
                       std::string_view items, std::string own_items)
    : own_invocation(at.process, job->message, job->function.target),
      bench_(at),
      job_(std::move(job)),
      id_(task.chunk),
      flags_(task.flags),
      count_(task.count),
      own_items_(std::move(own_items)),
      items_(own_items_.empty() ? items : std::string_view(own_items_)),
      done_(task.count)
{
    marks_ = {at.page.item(), at.page.left_job(), task.job};
}

const detail::worker_state& chunk_work::state() const noexcept
{
    return bench_.state;
}

char* chunk_work::bulk_results(std::size_t size)
{
    bulk_size_ = size;
    if (size > largest_inline)
        block_ = bench_.results.find(size, bench_.taken, *bench_.socket);
    if (block_ != nullptr)
        return block_->block.bytes().data();
    bulk_.resize(size);
    return bulk_.data();
}

void chunk_work::failed(std::uint32_t item, std::exception_ptr error)
{
    item_failure made{item, error == nullptr, {}};
    if (error)
        try {
            std::rethrow_exception(error);
        } catch (const system_error& e) {
            if (e.code() == errc::not_serializable) {
                made.unserializable = true;
                made.report = e.what();
            }
        } catch (...) { // NOLINT(bugprone-empty-catch): reported below
        }
    if (!made.unserializable)
        made.report =
            supervision::encode(supervision::describe(error, bench_.process.process_name()));
    write_failure(failure_bytes_, made);
}

std::optional<asio::awaitable<void>> chunk_work::run()
{
    began_ = clock::now();
    __atomic_store_n(bench_.page.item(), 0, __ATOMIC_RELAXED);
    __atomic_store_n(bench_.page.chunk(), id_, __ATOMIC_RELEASE);
    if (job_->failure)
        std::rethrow_exception(job_->failure);
    job_->function.stub(*this);
    return std::move(body_);
}

/// What cannot be run at all is the failure of every item.
void chunk_work::send(std::exception_ptr broken)
{
    if (broken) {
        failure_bytes_.clear();
        packed_.clear();
        done_ = count_;
        if (stops_at_failure())
            done_ = 1;
        for (std::uint32_t item = 0; item != done_; ++item)
            failed(item, broken);
    }
    frame f;
    f.kind = frame_kind::done;
    f.job = marks_.job;
    f.chunk = id_;
    f.count = done_;
    f.number = static_cast<std::uint64_t>((clock::now() - began_).count());
    if ((flags_ & tells_resident) != 0)
        f.resident = resident_bytes();
    std::string body;
    ++bench_.sent;
    if (bulk_size_ > 0) {
        f.blob.length = bulk_size_ / count_ * done_;
        if (block_ == nullptr)
            body.assign(bulk_.data(), static_cast<std::size_t>(f.blob.length));
    } else if (!packed_.empty()) {
        f.blob.length = packed_.size();
        if (packed_.size() > largest_inline)
            block_ = bench_.results.find(packed_.size(), bench_.taken, *bench_.socket);
        if (block_ != nullptr)
            std::copy(packed_.begin(), packed_.end(), block_->block.bytes().data());
        else
            body = std::move(packed_);
    }
    if (block_ != nullptr) {
        f.blob.block = block_->block.id;
        block_->busy_until = bench_.sent;
    }
    body += failure_bytes_;
    f.body = body;
    bench_.socket->put(f);
}

} // namespace zproc::swarming
