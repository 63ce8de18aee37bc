#pragma once

#include <zproc/detail/swarm_map.hpp>
#include <zproc/task_id.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace zproc::detail {

/// One item whose result is kept as the bytes that came.
class task_job final : public swarm_job {
public:
    task_job(std::string item, bool bulk, std::string type)
        : type_(std::move(type)), item_(std::move(item)), bulk_(bulk)
    {
        total = 1;
        stops_at_failure = true;
    }

    /// Told once, on the swarm's strand: the bytes of the result, or why there are none.
    std::function<void(std::string, std::exception_ptr)> settled;

    const std::string& type() const noexcept { return type_; }

    swarm_batch pull(std::size_t) override { return single_item(item_, bulk_); }

    bool take(std::uint64_t, std::uint32_t, std::string_view results,
              std::span<const std::uint64_t> failed) override
    {
        if (failed.empty())
            result_ = results;
        return true;
    }

    void fail(swarm_failure failure) override { error_ = failure.error; }
    std::exception_ptr failed() const noexcept override { return error_; }

    void end(std::exception_ptr error) override
    {
        if (const auto told = std::exchange(settled, nullptr))
            told(std::move(result_), error ? error : error_);
    }

    void abandon() noexcept override { settled = nullptr; }

private:
    std::string type_;
    std::string item_;
    bool bulk_;
    std::string result_;
    std::exception_ptr error_;
};

/// Where results are kept: the owner's side.
///
/// Thread safety: every function may be called from any thread.
class task_shelf {
public:
    virtual ~task_shelf() = default;
    /// Makes the task known, and then begins it.
    virtual void submit(std::shared_ptr<task_job> job,
                        handler<void(std::exception_ptr, task_id)> done) = 0;
};

/// Somebody who waits for a result.
struct pending_task {
    virtual ~pending_task() = default;
    virtual void complete(const asio::any_io_executor& io, std::exception_ptr error,
                          std::string_view result) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

template <class R>
struct typed_task final : pending_task {
    using signature = typename result_signature<R>::type;
    handler<signature> done;

    explicit typed_task(handler<signature> h) : done(std::move(h)) {}

    void complete(const asio::any_io_executor& io, std::exception_ptr error,
                  std::string_view result) override
    {
        std::optional<typename settled<R>::stored_type> value;
        if (!error) {
            const bool right = each_result<R>(
                0, 1, result, {},
                [&](std::uint64_t, auto&& each) {
                    value.emplace(std::forward<decltype(each)>(each));
                },
                [&](std::uint64_t, const std::exception_ptr& why) { error = why; });
            if (!error && (!right || !value))
                error = std::make_exception_ptr(system_error(errc::not_serializable));
        }
        if constexpr (std::is_void_v<R>)
            done.complete(io, error);
        else
            done.complete(io, error, error ? R() : std::move(*value));
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

} // namespace zproc::detail
