#pragma once

#include <zproc/detail/swarm_map.hpp>

#include <boost/asio/error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace zproc {

/// A result of `swarm::as_completed`: of which item, and what became of it.
template <class R>
struct completed {
    std::uint64_t index = 0;
    settled<R> result;
};

namespace detail {

/// What a stream yields, in its order, or fails with.
template <class T>
struct stream_element {
    std::optional<T> value;
    std::exception_ptr error;
};

template <class T>
class stream_source {
public:
    virtual void give_back(stream_element<T> element) = 0;

protected:
    ~stream_source() = default;
};

/// On its way to the handler, it is the handler's when that runs and was not cancelled until then;
/// otherwise the stream's again.
template <class T>
class stream_delivery {
public:
    explicit stream_delivery(error_code ec) : error_(std::make_exception_ptr(system_error(ec))) {}
    stream_delivery(std::shared_ptr<stream_source<T>> from, stream_element<T> element,
                    std::shared_ptr<std::atomic<bool>> cancelled)
        : from_(std::move(from)), element_(std::move(element)), cancelled_(std::move(cancelled))
    {
    }
    stream_delivery(stream_delivery&& other) noexcept = default;
    stream_delivery& operator=(stream_delivery&&) = delete;
    ~stream_delivery() { give_back(); }

    template <class Handler>
    void operator()(Handler&& done)
    {
        if (cancelled_ && *cancelled_) {
            give_back();
            element_ = {};
            error_ = std::make_exception_ptr(
                system_error(make_error_code(asio::error::operation_aborted)));
        }
        from_.reset();
        std::move(done)(error_ ? error_ : element_.error, std::move(element_.value));
    }

private:
    void give_back()
    {
        if (const auto from = std::exchange(from_, nullptr);
            from && (element_.value || element_.error))
            from->give_back(std::move(element_));
    }

    std::exception_ptr error_;
    std::shared_ptr<stream_source<T>> from_;
    stream_element<T> element_;
    std::shared_ptr<std::atomic<bool>> cancelled_;
};

template <class T>
using stream_handler = handler<void(std::exception_ptr, std::optional<T>), stream_delivery<T>>;

/// One pending `next` of a stream.
template <class T>
struct pending_result {
    stream_handler<T> done;
    std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

/// The typed end of a stream. What is ready is under a mutex; the rest is the strand's.
template <class T>
class stream_job_base : public swarm_job, public stream_source<T> {
public:
    void next(stream_handler<T> h)
    {
        pending_result<T> asked;
        asked.done = std::move(h);
        std::unique_lock lock(mutex_);
        if (asking_) {
            lock.unlock();
            return asked.done.complete(executor(), make_error_code(asio::error::already_started));
        }
        listen(asked);
        if (!ready_.empty() || ended_) {
            auto element = take_ready();
            lock.unlock();
            deliver(std::move(asked), std::move(element));
            return report(false);
        }
        asking_.emplace(std::move(asked));
        const bool first = !begun.exchange(true);
        lock.unlock();
        auto& core = keeps->core();
        report(true);
        if (first)
            core.start(this->shared_from_this());
        else
            core.want(this->shared_from_this(), true);
    }

    /// The stream is dropped: whatever is pending is told so.
    void drop()
    {
        cancel_next();
        if (begun)
            keeps->core().cancel(this->shared_from_this());
        const auto last = std::move(keeps);
    }

    void end(std::exception_ptr error) override
    {
        std::unique_lock lock(mutex_);
        if (error)
            ready_.push_back({std::nullopt, error});
        ended_ = true;
        lock.unlock();
        stop_source();
        serve();
    }

    void abandon() noexcept override
    {
        std::optional<pending_result<T>> dropped; // not under the lock
        const std::lock_guard lock(mutex_);
        if (asking_)
            dropped.emplace(std::move(*asking_));
        asking_.reset();
        ended_ = true;
    }

protected:
    virtual void stop_source() = 0;

    void push(stream_element<T> element)
    {
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(element));
    }

    /// Gives who waits what there is now. On the strand.
    void serve()
    {
        std::unique_lock lock(mutex_);
        if (!asking_ || (ready_.empty() && !ended_))
            return;
        auto asked = std::move(*asking_);
        asking_.reset();
        auto element = take_ready();
        lock.unlock();
        deliver(std::move(asked), std::move(element));
        if (const auto core = owner.lock())
            core->want(this->shared_from_this(), false);
    }

private:
    asio::any_io_executor executor() const { return keeps->core().get_executor(); }

    /// Under the mutex.
    stream_element<T> take_ready()
    {
        if (ready_.empty())
            return {};
        auto element = std::move(ready_.front());
        ready_.pop_front();
        if (element.value || element.error)
            ++unreported_;
        return element;
    }

    void give_back(stream_element<T> element) override
    {
        const std::lock_guard lock(mutex_);
        ready_.push_front(std::move(element));
        --unreported_;
    }

    /// What was taken makes room; told now and then, and always before waiting.
    void report(bool now)
    {
        std::uint64_t taken = 0;
        {
            const std::lock_guard lock(mutex_);
            constexpr std::int64_t often = 64;
            if (unreported_ <= 0 || (!now && unreported_ < often))
                return;
            taken = static_cast<std::uint64_t>(std::exchange(unreported_, 0));
        }
        keeps->core().consumed(this->shared_from_this(), taken);
    }

    void listen(pending_result<T>& asked)
    {
        auto slot = asked.done.cancellation_slot();
        if (!slot.is_connected())
            return;
        slot.assign([weak = this->weak_from_this(),
                     cancelled = asked.cancelled](asio::cancellation_type type) {
            if (type == asio::cancellation_type::none)
                return;
            *cancelled = true;
            if (const auto self = weak.lock())
                static_cast<stream_job_base&>(*self).cancel_next();
        });
    }

    void cancel_next()
    {
        std::unique_lock lock(mutex_);
        if (!asking_)
            return;
        auto asked = std::move(*asking_);
        asking_.reset();
        lock.unlock();
        asked.done.complete(executor(), make_error_code(asio::error::operation_aborted));
        if (const auto core = owner.lock())
            core->want(this->shared_from_this(), false);
    }

    void deliver(pending_result<T> asked, stream_element<T> element)
    {
        auto self = std::static_pointer_cast<stream_job_base>(this->shared_from_this());
        const auto where = executor();
        if (!where)
            return asked.done.complete(where, make_error_code(errc::context_gone));
        asked.done.complete(where, std::shared_ptr<stream_source<T>>(std::move(self)),
                            std::move(element), std::move(asked.cancelled));
    }

    std::mutex mutex_;
    std::deque<stream_element<T>> ready_;
    std::optional<pending_result<T>> asking_;
    std::int64_t unreported_ = 0;
    bool ended_ = false;
};

} // namespace detail
} // namespace zproc
