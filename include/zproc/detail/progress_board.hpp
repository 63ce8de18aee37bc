#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/swarm_progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace zproc::detail {

class progress_board;

/// On its way to the handler. What it brings is looked up when that runs, so that it is the present,
/// and nothing is seen by a `next` that was cancelled until then.
class progress_delivery {
public:
    explicit progress_delivery(error_code ec) noexcept : error_(ec) {}
    progress_delivery(std::shared_ptr<progress_board> from,
                      std::shared_ptr<const std::atomic<bool>> cancelled) noexcept
        : from_(std::move(from)), cancelled_(std::move(cancelled))
    {
    }
    progress_delivery(progress_delivery&& other) noexcept = default;
    progress_delivery& operator=(progress_delivery&&) = delete;
    ~progress_delivery() { look(false); }

    template <class Handler>
    void operator()(Handler&& done)
    {
        const bool aborted = cancelled_ && *cancelled_;
        if (aborted)
            error_ = asio::error::operation_aborted;
        auto seen = look(!aborted);
        std::move(done)(error_, std::move(seen));
    }

private:
    std::optional<swarm_progress> look(bool taken) noexcept;

    error_code error_;
    std::shared_ptr<progress_board> from_;
    std::shared_ptr<const std::atomic<bool>> cancelled_;
};

/// Where jobs write how far they are, and one reader looks.
///
/// Thread safety: every function may be called from any thread.
class progress_board {
public:
    using signature = void(error_code, std::optional<swarm_progress>);

    virtual ~progress_board() = default;

    virtual asio::any_io_executor get_executor() const = 0;
    using next_handler = handler<signature, progress_delivery>;
    virtual void next(next_handler done) = 0;
    /// What was on its way has come, or will not: then nothing is seen.
    virtual std::optional<swarm_progress> delivered(bool taken) noexcept = 0;

    // The writers: `job` tells them apart, while they run.
    virtual void begun(const void* job, std::optional<std::uint64_t> total) = 0;
    virtual void at(const void* job, std::uint64_t taken, std::uint64_t settled,
                    std::uint64_t failed) = 0;
    virtual void ended(const void* job) = 0;
};

inline std::optional<swarm_progress> progress_delivery::look(bool taken) noexcept
{
    const auto from = std::exchange(from_, nullptr);
    return from ? from->delivered(taken) : std::nullopt;
}

} // namespace zproc::detail
