#pragma once

#include "client/fork_mark.hpp"
#include "swarm/progress_meter.hpp"

#include <zproc/detail/progress_board.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace zproc::swarming {

namespace asio = boost::asio;

/// The meter with a clock, and with somebody who waits.
///
/// Under the mutex, but for what says otherwise; no handler is called under it.
class progress_board final : public detail::progress_board,
                             public std::enable_shared_from_this<progress_board> {
public:
    static std::shared_ptr<progress_board> make(const asio::any_io_executor& io);
    explicit progress_board(asio::any_io_executor io) : io_(std::move(io)) {}
    ~progress_board() override;

    asio::any_io_executor get_executor() const override;
    void next(next_handler done) override;
    std::optional<swarm_progress> delivered(bool taken) noexcept override;
    void begun(const void* job, std::optional<std::uint64_t> total) override;
    void at(const void* job, std::uint64_t taken, std::uint64_t settled,
            std::uint64_t failed) override;
    void ended(const void* job) override;

    void loop_gone();

private:
    struct asking {
        next_handler done;
        std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
    };
    void listen(const asking& asked);
    void cancel();
    void serve(std::unique_lock<std::mutex> lock);

    mutable std::mutex mutex_;
    asio::any_io_executor io_; ///< empty once the loop is gone
    client::fork_mark mark_;   ///< under no lock
    progress_meter meter_;
    std::optional<asking> asking_;
    bool delivering_ = false;
};

} // namespace zproc::swarming
