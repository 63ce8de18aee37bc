#pragma once

#include "context/task_record.hpp"

#include <zproc/detail/swarm_task.hpp>
#include <zproc/state.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace zproc::detail {

class context_core;

/// Milliseconds since 1970.
std::int64_t system_milliseconds();

/// The results of others and ours, as a process sees them that waits, or that owns a swarm.
///
///     submit: pending record ─► job ─► settled record ─► (taken by somebody, or expired)
///
/// Everything happens on a strand of its own, in coroutines that are there only while something is
/// to be done: nothing here keeps a loop busy.
class kept_tasks final : public task_shelf, public std::enable_shared_from_this<kept_tasks> {
public:
    explicit kept_tasks(const std::shared_ptr<context_core>& core);

    void submit(std::shared_ptr<task_job> job,
                handler<void(std::exception_ptr, task_id)> done) override;
    void take(task_id id, std::string type, std::unique_ptr<pending_task> waiting);

private:
    std::shared_ptr<asio::cancellation_signal> listen(asio::cancellation_slot slot);
    void start(asio::awaitable<void> body);
    asio::awaitable<task_id> enter(std::shared_ptr<task_job> job);
    asio::awaitable<void> settle(std::string key, task_record record);
    asio::awaitable<void> forget(std::string key);
    asio::awaitable<std::string> wait(std::string key, std::string type);
    asio::awaitable<bool> is_gone(origin owner);

    // What nobody has taken.
    asio::awaitable<void> sweep();
    asio::awaitable<void> find_left_behind();
    asio::awaitable<void> look_at(std::string key);

    std::shared_ptr<context_core> core_;
    zproc::state state_;
    asio::any_io_executor strand_;
    bool looked_ = false; ///< for what others have left behind
    bool sweeping_ = false;
    std::multimap<std::int64_t, std::string> due_; ///< when a key is to be looked at
};

} // namespace zproc::detail
