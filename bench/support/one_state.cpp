#include "support/one_state.hpp"

#include "support/window.hpp"

#include <zproc/dict.hpp>
#include <zproc/state.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

#include <time.h>

namespace zproc::bench {

one_state::one_state(context_options options) : ctx(io, std::move(options))
{
    run([](one_state& self) -> asio::awaitable<void> {
        const auto answer = co_await self.ctx.ping();
        self.server = static_cast<pid_t>(answer.pid);
    }(*this));
}

void one_state::set(std::size_t times, std::size_t depth, std::size_t keys)
{
    const auto s = ctx.state();
    std::size_t begun = 0;
    run(keep_under_way(
        depth, [&] { return begun++ < times; },
        [&](auto done) {
            s.set("key " + std::to_string(begun % keys), static_cast<std::int64_t>(begun),
                  std::move(done));
        }));
}

void one_state::fill(std::size_t keys, const std::string& name_space)
{
    run([](state s, std::size_t count) -> asio::awaitable<void> {
        constexpr std::size_t batch = 1000;
        for (std::size_t i = 0; i < count;) {
            dict changes;
            for (const auto end = std::min(i + batch, count); i != end; ++i)
                changes["key " + std::to_string(i)] = static_cast<std::int64_t>(i);
            co_await s.update(std::move(changes));
        }
    }(name_space.empty() ? ctx.state() : ctx.state(name_space), keys));
}

double one_state::cpu() const
{
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(server, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
        return 0;
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

} // namespace zproc::bench
