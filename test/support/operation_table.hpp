#pragma once

#include "support/operation_world.hpp"
#include "support/state_operation_rows.hpp"
#include "support/swarm_operation_rows.hpp"

#include <zproc/detail/handler.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

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

struct next_some_row : row {
    static constexpr std::string_view name = "watcher::next_some";
    using signature = void(error_code, std::vector<event>);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { next_row::before(w); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.watched->next_some(9, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const std::vector<event>& got)
    {
        return got.size() == 1 && next_row::right(w, got.front());
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

struct stop_swarm_row : stop_row {
    static constexpr std::string_view name = "swarm::stop";
    static void before(operation_world& w) { swarm_row::before(w); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.workers->stop(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.workers->size() == 0; }
};

struct stop_within_row : stop_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.stop(std::chrono::seconds(10), std::forward<decltype(token)>(token)...);
    }
};

struct wait_within_row : wait_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.wait(std::chrono::seconds(10), std::forward<decltype(token)>(token)...);
    }
};

struct result_within_row : result_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.result(std::chrono::seconds(10), std::forward<decltype(token)>(token)...);
    }
};

struct when_status_row : row {
    static constexpr std::string_view name = "process::when";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(seven); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.child.when(process_status::down, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return !w.child.running(); }
};

/// A list of the one child.
struct list_row : row {
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.spawn(seven); }
    static process_list<int> all(operation_world& w) { return process_list<int>({w.child}); }
};

struct wait_all_row : list_row {
    static constexpr std::string_view name = "process_list::wait_all";
    using signature = void(error_code, std::vector<exit_info>);
    static auto start(operation_world& w, auto&&... token)
    {
        return all(w).wait_all(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<exit_info>& got)
    {
        return got.size() == 1 && got[0].success();
    }
};

struct wait_any_row : list_row {
    static constexpr std::string_view name = "process_list::wait_any";
    using signature = void(error_code, first_end);
    static auto start(operation_world& w, auto&&... token)
    {
        return all(w).wait_any(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const first_end& got)
    {
        return got.index == 0 && got.info.success();
    }
};

struct results_row : list_row {
    static constexpr std::string_view name = "process_list::results";
    using signature = void(std::exception_ptr, std::vector<int>);
    static auto start(operation_world& w, auto&&... token)
    {
        return all(w).results(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<int>& got)
    {
        return got == std::vector{7};
    }
};

struct settled_results_row : list_row {
    static constexpr std::string_view name = "process_list::settled_results";
    using signature = void(error_code, std::vector<settled<int>>);
    static auto start(operation_world& w, auto&&... token)
    {
        return all(w).settled_results(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<settled<int>>& got)
    {
        return got.size() == 1 && got[0] && got[0].value() == 7;
    }
};

struct stop_all_row : stop_row {
    static constexpr std::string_view name = "process_list::stop";
    static auto start(operation_world& w, auto&&... token)
    {
        return process_list<int>({w.child}).stop(std::forward<decltype(token)>(token)...);
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

struct spawn_command_row : row {
    static constexpr std::string_view name = "context::spawn";
    using signature = void(error_code, program);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.spawn(command("true"), std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const program& got)
    {
        return w.now([&](auto token) { return got.wait(token); }).success();
    }
};

struct processes_row : row {
    static constexpr std::string_view name = "context::processes";
    using signature = void(error_code, std::vector<process_info>);
    static constexpr auto cancelled = cancels::as_read;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.processes(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const std::vector<process_info>& got)
    {
        return std::ranges::any_of(got, [pid = w.server()](auto& each) { return each.pid == pid; });
    }
};

struct spawn_n_row : row {
    static constexpr std::string_view name = "context_lists::spawn_n";
    using signature = void(error_code, process_list<int>);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.spawn_n(2, seven, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const process_list<int>& got)
    {
        return w.now([&](auto token) { return got.results(token); }) == std::vector{7, 7};
    }
};

inline int twice(int item)
{
    return 2 * item;
}

struct spawn_map_row : row {
    static constexpr std::string_view name = "context_lists::spawn_map";
    using signature = void(error_code, process_list<int>);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.spawn_map(twice, std::vector{1, 2}, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const process_list<int>& got)
    {
        return w.now([&](auto token) { return got.results(token); }) == std::vector{2, 4};
    }
};

struct spawn_all_row : row {
    static constexpr std::string_view name = "context_lists::spawn_all";
    using signature = void(error_code, std::tuple<process<int>, process<int>>);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.spawn_all(seven, seven, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const std::tuple<process<int>, process<int>>& got)
    {
        return w.now([&](auto token) { return std::get<1>(got).result(token); }) == 7;
    }
};

inline void called(event)
{
}

/// Started, and stopped again.
struct call_row : row {
    using signature = void(error_code, process<>);
    static constexpr auto cancelled = cancels::always;
    static bool right(operation_world& w, const process<>& got)
    {
        w.now([&](auto token) { return got.stop(token); });
        return !got.running();
    }
};

struct call_when_change_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_change";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_change("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_available_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_available";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_available("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_none_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_none";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_none("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_not_none_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_not_none";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_not_none("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_truthy_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_truthy";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_truthy("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_falsy_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_falsy";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_falsy("key", called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_equal_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_equal";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_equal("key", 1, called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_not_equal_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when_not_equal";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when_not_equal("key", 1, called, std::forward<decltype(token)>(token)...);
    }
};

struct call_when_row : call_row {
    static constexpr std::string_view name = "context_calls::call_when";
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.call_when(
            "key", [](const value&) { return true; }, called,
            std::forward<decltype(token)>(token)...);
    }
};

struct namespaces_row : row {
    static constexpr std::string_view name = "context::namespaces";
    using signature = void(error_code, std::vector<namespace_info>);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.namespaces(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const std::vector<namespace_info>& got)
    {
        return got.size() == 1 && got[0].name == w.state.name() && got[0].size == 1;
    }
};

struct drop_namespace_row : row {
    static constexpr std::string_view name = "context::drop_namespace";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_mutation;
    static void before(operation_world& w) { w.put("key", 1); }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.drop_namespace(w.state.name(), std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.everything().empty(); }
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

struct sync_row : row {
    static constexpr std::string_view name = "context::sync";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::as_read;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.sync(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&) { return true; }
};

struct who_row : row {
    static constexpr std::string_view name = "context::who";
    using signature = void(error_code, peer);
    static constexpr auto cancelled = cancels::as_read;
    static void before(operation_world& w)
    {
        next_row::before(w);
        w.author = w.now([&](auto token) { return w.watched->next(token); })->origin;
        w.watched.reset();
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.who(w.author, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const peer& got)
    {
        return got.pid == ::getpid() && !got.name.empty();
    }
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

/// It ends when the world's own server has answered.
struct serve_row : row {
    static constexpr std::string_view name = "server::run";
    using signature = void(error_code);
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w) { w.own.emplace(w.io.get_executor()); }
    static auto start(operation_world& w, auto&& token)
    {
        return detail::initiate<signature>(
            w.own->get_executor(),
            [&w, made = w.own->run(asio::deferred)](detail::handler<signature> done) mutable {
                const auto slot = done.cancellation_slot();
                const auto io = w.own->get_executor();
                const auto where = done.executor(io);
                std::move(made)(asio::bind_executor(
                    where, asio::bind_cancellation_slot(
                               slot, [done = std::move(done), io](error_code ec) mutable {
                                   done.complete(io, ec);
                               })));
                if (!io) // the loop is gone
                    return;
                w.ctx.ping([&w](error_code, pong) {
                    if (w.own)
                        w.own->stop();
                });
            },
            std::forward<decltype(token)>(token));
    }
    static auto start(operation_world& w) { return start(w, asio::deferred); }
    static bool right(operation_world& w)
    {
        error_code again;
        w.own->run([&](error_code ec) { again = ec; });
        w.run();
        return again == errc::already_finished;
    }
};

using state_rows =
    std::tuple<get_row, get_explained_row, get_or_row, contains_row, size_row, keys_row, values_row,
               items_row, snapshot_row, replica_row, at_row, history_row, diff_row, revision_at_row,
               set_row, erase_row, update_row, replace_row, clear_row, pop_row, pop_item_row,
               set_default_row, increment_row, increment_by_row, decrement_row, decrement_by_row,
               append_row, compare_exchange_row, atomic_row, atomic_write_row,
               atomic_operation_row>;
using other_rows =
    std::tuple<next_row, next_some_row, watcher_row, wait_row, result_row, stop_row,
               stop_within_row, spawn_row, wait_within_row, result_within_row, when_status_row,
               wait_all_row, wait_any_row, results_row, settled_results_row, stop_all_row,
               spawn_command_row, processes_row, spawn_n_row, spawn_map_row, spawn_all_row,
               ping_row, sync_row, who_row, wait_for_all_row, shutdown_row, serve_row,
               call_when_change_row, namespaces_row, drop_namespace_row, create_swarm_row,
               create_sized_swarm_row, map_row, run_row, resize_row, stop_swarm_row,
               stream_next_row, progress_next_row, submit_row, task_result_row>;
/// The same but for what is waited for: tried with some tokens only.
using family_rows = std::tuple<call_when_available_row, call_when_none_row, call_when_not_none_row,
                               call_when_truthy_row, call_when_falsy_row, call_when_equal_row,
                               call_when_not_equal_row, call_when_row>;

using all_operations =
    decltype(std::tuple_cat(std::declval<state_rows>(), std::declval<other_rows>()));

} // namespace zproc::test
