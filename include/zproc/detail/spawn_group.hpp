#pragma once

#include <zproc/context/base.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/process.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace zproc::detail {

/// Several spawns that are one operation: it completes when all have started; when one could not
/// be, those that have are stopped, and the error is that of the first.
class spawn_group : public std::enable_shared_from_this<spawn_group> {
public:
    using cores = std::vector<std::shared_ptr<process_core>>;

    explicit spawn_group(std::size_t count) : started_(count), left_(count), cancels_(count) {}
    virtual ~spawn_group() = default;

    /// One of the spawns; each only once.
    std::unique_ptr<pending_spawn> member(std::size_t which);

    /// Hands cancellations on to all of them.
    void listen(asio::cancellation_slot slot);

protected:
    virtual void complete(const asio::any_io_executor& io, error_code ec, cores started) = 0;

private:
    class one;

    void started(std::size_t which, const asio::any_io_executor& io, error_code ec,
                 std::shared_ptr<process_core> process);

    std::mutex mutex_;
    cores started_;
    std::size_t left_;
    error_code first_error_;
    std::deque<asio::cancellation_signal> cancels_;
};

/// The same with the user's handler. `Made` is constructed from the processes.
template <class Made>
class typed_spawn_group final : public spawn_group {
public:
    using signature = void(error_code, Made);
    using maker = Made (*)(cores&&);

    typed_spawn_group(std::size_t count, maker make, handler<signature> done)
        : spawn_group(count), make_(make), done_(std::move(done))
    {
    }

    asio::cancellation_slot slot() const noexcept { return done_.cancellation_slot(); }

private:
    void complete(const asio::any_io_executor& io, error_code ec, cores started) override
    {
        done_.complete(io, ec, ec ? Made() : make_(std::move(started)));
    }

    maker make_;
    handler<signature> done_;
};

} // namespace zproc::detail
