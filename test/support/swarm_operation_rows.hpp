#pragma once

#include "support/operation_world.hpp"
#include "support/state_operation_rows.hpp"

#include <boost/asio/awaitable.hpp>

#include <exception>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

// The part of the table that is about swarms.

namespace zproc::test {

/// Waits for the server, so that it does not end while that does not answer.
inline asio::awaitable<int> doubled_when_answered(context ctx, int item)
{
    co_await ctx.ping();
    co_return 2 * item;
}

struct swarm_row : row {
    static constexpr auto cancelled = cancels::always;
    static void before(operation_world& w)
    {
        w.workers = w.now([&](auto token) { return w.ctx.create_swarm(1, token); });
    }
};

struct create_swarm_row : row {
    static constexpr std::string_view name = "context_swarms::create_swarm";
    using signature = void(std::exception_ptr, swarm);
    static constexpr auto cancelled = cancels::always;
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.create_swarm(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, const swarm& got)
    {
        return got.size() > 0 &&
               w.now([&](auto token) { return got.run(doubled_when_answered, 4, token); }) == 8;
    }
};

struct create_sized_swarm_row : create_swarm_row {
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.create_swarm(2, std::forward<decltype(token)>(token)...);
    }
};

struct map_row : swarm_row {
    static constexpr std::string_view name = "swarm::map";
    using signature = void(std::exception_ptr, std::vector<int>);
    static auto start(operation_world& w, auto&&... token)
    {
        return w.workers->map(doubled_when_answered, std::views::iota(1, 4),
                              std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::vector<int>& got)
    {
        return got == std::vector{2, 4, 6};
    }
};

struct run_row : swarm_row {
    static constexpr std::string_view name = "swarm::run";
    using signature = void(std::exception_ptr, int);
    static auto start(operation_world& w, auto&&... token)
    {
        return w.workers->run(doubled_when_answered, 4, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, int got) { return got == 8; }
};

struct resize_row : swarm_row {
    static constexpr std::string_view name = "swarm::resize";
    using signature = void(std::exception_ptr);
    static auto start(operation_world& w, auto&&... token)
    {
        return w.workers->resize(2, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w) { return w.workers->size() == 2; }
};

struct stream_next_row : swarm_row {
    static constexpr std::string_view name = "swarm_stream::next";
    using signature = void(std::exception_ptr, std::optional<int>);
    static void before(operation_world& w)
    {
        swarm_row::before(w);
        w.results.emplace(w.workers->map_lazy(doubled_when_answered, std::views::iota(4)));
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.results->next(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::optional<int>& got) { return got == 8; }
};

/// There is something to be seen when the server has answered.
struct progress_next_row : swarm_row {
    static constexpr std::string_view name = "progress_stream::next";
    using signature = void(error_code, std::optional<swarm_progress>);
    static void before(operation_world& w)
    {
        swarm_row::before(w);
        w.followed.emplace(w.workers->progress());
    }
    static auto start(operation_world& w, auto&&... token)
    {
        w.ctx.ping([followed = w.workers->with(*w.followed)](error_code, pong) {
            followed.run(doubled_when_answered, 4, [](const std::exception_ptr&, int) {});
        });
        return w.followed->next(std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, const std::optional<swarm_progress>& got)
    {
        return got && got->total == 1u;
    }
};

struct submit_row : swarm_row {
    static constexpr std::string_view name = "swarm::submit";
    using signature = void(std::exception_ptr, task_id);
    static auto start(operation_world& w, auto&&... token)
    {
        return w.workers->submit(doubled_when_answered, 4, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world& w, task_id got)
    {
        return w.now([&](auto token) { return w.ctx.result<int>(got, token); }) == 8;
    }
};

struct task_result_row : swarm_row {
    static constexpr std::string_view name = "context_results::result";
    using signature = void(std::exception_ptr, int);
    static void before(operation_world& w)
    {
        swarm_row::before(w);
        w.task =
            w.now([&](auto token) { return w.workers->submit(doubled_when_answered, 4, token); });
    }
    static auto start(operation_world& w, auto&&... token)
    {
        return w.ctx.result<int>(w.task, std::forward<decltype(token)>(token)...);
    }
    static bool right(operation_world&, int got) { return got == 8; }
};

} // namespace zproc::test
