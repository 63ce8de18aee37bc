#include "swarm/progress_board.hpp"

#include "engine/loop_service.hpp"
#include "swarm/core.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/query.hpp>

#include <utility>

namespace zproc::swarming {

std::shared_ptr<progress_board> progress_board::make(const asio::any_io_executor& io)
{
    auto made = std::make_shared<progress_board>(io);
    asio::use_service<engine::loop_service>(asio::query(io, asio::execution::context))
        .add(made->weak_from_this());
    return made;
}

progress_board::~progress_board()
{
    if (asking_ && io_ && mark_.is_set())
        asking_->done.complete(io_, error_code(asio::error::operation_aborted));
}

asio::any_io_executor progress_board::get_executor() const
{
    const std::lock_guard lock(mutex_);
    return io_;
}

void progress_board::next(next_handler done)
{
    error_code ec;
    std::unique_lock lock(mutex_);
    if (!io_)
        ec = errc::context_gone;
    else if (!mark_.is_set())
        ec = errc::wrong_process;
    else if (asking_ || delivering_)
        ec = asio::error::already_started;
    if (ec) {
        const auto io = io_;
        lock.unlock();
        return done.complete(io, ec);
    }
    asking_.emplace(asking{std::move(done)});
    listen(*asking_);
    serve(std::move(lock));
}

void progress_board::listen(const asking& asked)
{
    auto slot = asked.done.cancellation_slot();
    if (!slot.is_connected())
        return;
    slot.assign([weak = weak_from_this(), cancelled = asked.cancelled](asio::cancellation_type t) {
        if (t == asio::cancellation_type::none)
            return;
        *cancelled = true;
        if (const auto self = weak.lock())
            self->cancel();
    });
}

void progress_board::cancel()
{
    std::unique_lock lock(mutex_);
    if (!asking_ || !*asking_->cancelled)
        return;
    auto given_up = std::move(*asking_);
    asking_.reset();
    const auto io = io_;
    lock.unlock();
    given_up.done.complete(io, error_code(asio::error::operation_aborted));
}

void progress_board::serve(std::unique_lock<std::mutex> lock)
{
    if (!asking_ || !meter_.has_news())
        return;
    auto asked = std::move(*asking_);
    asking_.reset();
    delivering_ = true;
    const auto io = io_;
    lock.unlock();
    asked.done.complete(io, std::shared_ptr<detail::progress_board>(shared_from_this()),
                        std::shared_ptr<const std::atomic<bool>>(std::move(asked.cancelled)));
}

std::optional<swarm_progress> progress_board::delivered(bool taken) noexcept
{
    const std::lock_guard lock(mutex_);
    delivering_ = false;
    return taken ? meter_.take(now()) : std::nullopt;
}

void progress_board::begun(const void* job, std::optional<std::uint64_t> total)
{
    std::unique_lock lock(mutex_);
    meter_.begun(job, total, now());
    serve(std::move(lock));
}

void progress_board::at(const void* job, std::uint64_t taken, std::uint64_t settled,
                        std::uint64_t failed)
{
    std::unique_lock lock(mutex_);
    meter_.at(job, taken, settled, failed, now());
    serve(std::move(lock));
}

void progress_board::ended(const void* job)
{
    std::unique_lock lock(mutex_);
    meter_.ended(job, now());
    serve(std::move(lock));
}

void progress_board::loop_gone()
{
    std::optional<asking> dropped; // not under the lock
    const std::lock_guard lock(mutex_);
    dropped.swap(asking_);
    io_ = {};
}

// The owner's side ------------------------------------------------------------------------------

std::shared_ptr<detail::progress_board> core::make_board()
{
    if (const auto ec = refusal())
        throw system_error(ec);
    return progress_board::make(io_);
}

void core::report(job_id id)
{
    const auto& of = jobs_.at(id);
    if (of.job->board)
        of.job->board->at(of.job.get(), scheduler_.taken(id), scheduler_.settled(id), of.failed);
}

} // namespace zproc::swarming
