#include <zproc/detail/gathering.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_executor.hpp>

#include <algorithm>
#include <mutex>

namespace zproc::detail {
namespace {

/// One operation on several processes. Held by a waiter in each of them; whoever brings the last
/// piece completes it, and takes the other waiters out.
class group : public std::enable_shared_from_this<group> {
public:
    group(std::vector<std::shared_ptr<process_core>> of, asio::any_io_executor io,
          std::unique_ptr<gathering> g)
        : gathering_(std::move(g)), io_(std::move(io)), left_(of.size()), tickets_(of.size())
    {
        for (const auto& each : of)
            processes_.emplace_back(each);
    }

    void begin(std::optional<std::chrono::nanoseconds> limit);
    void ended(std::size_t which, const process_outcome& outcome);
    void finish(error_code ec);

private:
    class waiter;

    std::mutex mutex_;
    std::unique_ptr<gathering> gathering_; ///< until it is complete
    asio::any_io_executor io_;
    std::size_t left_;
    std::vector<std::weak_ptr<process_core>> processes_;
    std::vector<std::optional<std::uint64_t>> tickets_;
    std::optional<asio::steady_timer> timer_;
};

class group::waiter final : public process_waiter {
public:
    waiter(std::shared_ptr<group> whose, std::size_t which)
        : group_(std::move(whose)), which_(which)
    {
    }

    asio::cancellation_slot slot() const noexcept override { return {}; }

    void ended(const asio::any_io_executor&, const process_outcome& outcome) override
    {
        group_->ended(which_, outcome);
    }

    void failed(const asio::any_io_executor&, error_code ec) override { group_->finish(ec); }

private:
    std::shared_ptr<group> group_;
    std::size_t which_;
};

void group::begin(std::optional<std::chrono::nanoseconds> limit)
{
    if (auto slot = gathering_->slot(); slot.is_connected())
        slot.assign([weak = weak_from_this()](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (self && type != asio::cancellation_type::none)
                self->finish(asio::error::operation_aborted);
        });
    if (processes_.empty())
        return finish({});
    if (limit) {
        timer_.emplace(io_, *limit);
        timer_->async_wait([weak = weak_from_this()](error_code ec) {
            if (const auto self = weak.lock(); self && !ec)
                self->finish(asio::error::timed_out);
        });
    }
    for (std::size_t i = 0; i != processes_.size(); ++i)
        if (const auto process = processes_[i].lock()) {
            const auto ticket = process->add(std::make_unique<waiter>(shared_from_this(), i));
            const std::lock_guard lock(mutex_);
            tickets_[i] = ticket;
            if (gathering_ == nullptr)
                break;
        }
    // It may have ended while the last ones were still being added.
    std::unique_lock lock(mutex_);
    if (gathering_ == nullptr) {
        lock.unlock();
        finish({});
    }
}

void group::ended(std::size_t which, const process_outcome& outcome)
{
    {
        const std::lock_guard lock(mutex_);
        tickets_[which].reset();
        if (gathering_ == nullptr)
            return;
        const bool enough = gathering_->ended(which, outcome);
        if (--left_ != 0 && !enough)
            return;
    }
    finish({});
}

void group::finish(error_code ec)
{
    std::unique_ptr<gathering> done;
    std::vector<std::pair<std::shared_ptr<process_core>, std::uint64_t>> others;
    {
        const std::lock_guard lock(mutex_);
        done = std::move(gathering_);
        for (std::size_t i = 0; i != tickets_.size(); ++i)
            if (auto ticket = std::exchange(tickets_[i], std::nullopt))
                if (auto process = processes_[i].lock())
                    others.emplace_back(std::move(process), *ticket);
    }
    for (const auto& [process, ticket] : others)
        process->forget(ticket);
    if (!done)
        return;
    if (timer_)
        asio::post(io_, [self = shared_from_this()] { self->timer_->cancel(); });
    done->complete(io_, ec);
}

} // namespace

void gather(std::vector<std::shared_ptr<process_core>> of,
            std::optional<std::chrono::nanoseconds> limit, std::unique_ptr<gathering> g)
{
    asio::any_io_executor io = asio::system_executor();
    // An empty handle is of no process that could end.
    if (std::ranges::find(of, nullptr) != of.end())
        return g->complete(io, errc::process_gone);
    if (!of.empty())
        io = of.front()->get_executor();
    if (!io)
        return g->complete(io, errc::context_gone);
    std::make_shared<group>(std::move(of), std::move(io), std::move(g))->begin(limit);
}

} // namespace zproc::detail
