#pragma once

#include "support/operation_world.hpp"
#include "support/state_operation_rows.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

// THE table of the functions that start an asynchronous operation. A test reads the public headers
// and fails when one of them is missing here; every token and every kind of cancellation is tried
// with each row.

namespace zproc::test {

struct next_row : row {
    static constexpr std::string_view name = "watcher::next";
    using signature = void(error_code, std::optional<event>);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w)
    {
        w.watched.emplace(w.ctx.state().when_change("key"));
        w.put("key", 8);
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.watched->next(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::optional<event>& got)
    {
        return got && got->changes.size() == 1 && got->changes[0].after == 8;
    }
};

struct watcher_row : row {
    static constexpr std::string_view name = "watcher::operator()";
    using signature = void(error_code, event);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { next_row::before(w); }
    static auto start(operation_world& w) { return std::move(*w.watched); }
    static auto start(operation_world& w, auto&& token)
    {
        return std::move(*w.watched)(std::forward<decltype(token)>(token));
    }
    static bool right(operation_world&, const event& got)
    {
        return got.changes.size() == 1 && got.changes[0].after == 8;
    }
};

inline int seven()
{
    return 7;
}

inline asio::awaitable<int> sleep_long()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
    co_return 0;
}

struct wait_row : row {
    static constexpr std::string_view name = "process::wait";
    using signature = void(error_code, exit_info);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(seven); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.wait(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const exit_info& got) { return got.success(); }
};

struct result_row : row {
    static constexpr std::string_view name = "process::result";
    using signature = void(std::exception_ptr, int);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(seven); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.result(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, int got) { return got == 7; }
};

struct stop_row : row {
    static constexpr std::string_view name = "process::stop";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(sleep_long); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.stop(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return !w.child.running(); }
};

struct stop_within_row : stop_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.stop(std::chrono::seconds(10), std::forward<decltype(token)>(token)...);
    }
};

struct spawn_row : row {
    static constexpr std::string_view name = "context::spawn";
    using signature = void(error_code, process<int>);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.spawn(seven, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const process<int>& got)
    {
        return w.now([&](auto token) { return got.result(token); }) == 7;
    }
};

struct ping_row : row {
    static constexpr std::string_view name = "context::ping";
    using signature = void(error_code, pong);
    static constexpr auto cancelled = cancels::as_read;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.ping(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const pong& got) { return got.pid > 0; }
};

struct wait_for_all_row : row {
    static constexpr std::string_view name = "context::wait";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(seven); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.wait(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return !w.child.running(); }
};

struct shutdown_row : row {
    static constexpr std::string_view name = "context::shutdown";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w)
    {
        w.other.emplace(w.io);
        w.child = w.now([&](auto token) { return w.other->spawn(sleep_long, token); });
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.other->shutdown(std::chrono::seconds(10), std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return !w.child.running(); }
};

using all_operations =
    std::tuple<get_row, get_or_row, contains_row, size_row, keys_row, snapshot_row, replica_row,
               set_row, erase_row, update_row, replace_row, clear_row, pop_row, set_default_row,
               increment_row, increment_by_row, decrement_row, decrement_by_row, append_row,
               compare_exchange_row, atomic_row, atomic_write_row, atomic_operation_row, next_row,
               watcher_row, wait_row, result_row, stop_row, stop_within_row, spawn_row, ping_row,
               wait_for_all_row, shutdown_row>;

} // namespace zproc::test
