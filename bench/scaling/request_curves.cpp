// What one client asks for, against the number of keys, of namespaces, of connections, and the
// size of a value.

#include "scaling/curve.hpp"
#include "support/batch_client.hpp"
#include "support/echo.hpp"
#include "support/heap_rings.hpp"
#include "support/interleave.hpp"
#include "support/one_state.hpp"

#include <zproc/state.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace zproc::bench {

namespace asio = boost::asio;

namespace {

using clock_type = std::chrono::steady_clock;

/// How long each of many took, in µs.
class durations {
public:
    void begin() { begun_ = clock_type::now(); }
    void end()
    {
        const std::chrono::duration<double, std::micro> one = clock_type::now() - begun_;
        all_.push_back(one.count());
    }
    void clear() { all_.clear(); }
    double middle() const { return median(all_); }

private:
    clock_type::time_point begun_;
    std::vector<double> all_;
};

/// µs of one: the median until it was answered, and the state process's CPU time on average.
struct cost {
    double wall = 0;
    double cpu = 0;
};

/// `work(count, took)` does it so many times; at first some that do not count.
template <class Work>
cost cost_of(const one_state& on, std::size_t count, Work work)
{
    durations took;
    work(count / 10 + 1, took);
    took.clear();
    const double cpu = on.cpu();
    work(count, took);
    return {took.middle(), (on.cpu() - cpu) / 1e3 / static_cast<double>(count)};
}

// ---- keys --------------------------------------------------------------------------------------

asio::awaitable<void> set_scattered(state s, std::size_t keys, std::size_t count, durations& took)
{
    scattered order(keys);
    for (std::size_t i = 0; i != count; ++i) {
        const auto key = "key " + std::to_string(order.next());
        took.begin();
        co_await s.set(key, static_cast<std::int64_t>(i));
        took.end();
    }
}

asio::awaitable<void> get_scattered(state s, std::size_t keys, std::size_t count, durations& took)
{
    scattered order(keys);
    for (std::size_t i = 0; i != count; ++i) {
        const auto key = "key " + std::to_string(order.next());
        took.begin();
        static_cast<void>(co_await s.get<std::int64_t>(key));
        took.end();
    }
}

std::vector<double> with_keys(std::size_t keys, const effort& how)
{
    one_state on(sleeping());
    on.fill(keys);
    const auto s = on.ctx.state();
    const auto count = how.of(5'000, 50);
    const auto set = cost_of(on, count, [&](std::size_t n, durations& took) {
        on.run(set_scattered(s, keys, n, took));
    });
    const auto get = cost_of(on, count, [&](std::size_t n, durations& took) {
        on.run(get_scattered(s, keys, n, took));
    });
    return {set.wall, get.wall, set.cpu};
}

// ---- the size of a value -----------------------------------------------------------------------

asio::awaitable<void> set_one(state s, std::size_t size, std::size_t count, durations& took)
{
    std::string value(size, 'v');
    for (std::size_t i = 0; i != count; ++i) {
        value[i % size] ^= 1; // another one each time
        took.begin();
        co_await s.set("key", value);
        took.end();
    }
}

asio::awaitable<void> get_one(state s, std::size_t size, std::size_t count, durations& took)
{
    for (std::size_t i = 0; i != count; ++i) {
        took.begin();
        const auto value = co_await s.get<std::string>("key");
        took.end();
        if (value.size() != size)
            throw std::runtime_error("another value came back");
    }
}

std::vector<double> with_value_of(std::size_t bytes, const effort& how)
{
    constexpr std::size_t reply = 24;
    constexpr std::size_t around = 32; // a value of 1 MiB is the largest, with its length
    const auto size = std::min(bytes, (std::size_t{1} << 20) - around);
    const auto count =
        how.of(std::clamp<std::size_t>((std::size_t{64} << 20) / size, 60, 3'000), 20);
    one_state on(sleeping());
    const auto s = on.ctx.state();
    const auto set = cost_of(
        on, count, [&](std::size_t n, durations& took) { on.run(set_one(s, size, n, took)); });
    const auto get = cost_of(
        on, count, [&](std::size_t n, durations& took) { on.run(get_one(s, size, n, took)); });
    const echo_process echo(size, reply);
    const std::string value(size, 'v');
    std::string answer(reply, ' ');
    const auto plain = cost_of(on, count, [&](std::size_t n, durations& took) {
        for (std::size_t i = 0; i != n; ++i) {
            took.begin();
            if (!write_all(echo.socket(), value.data(), size) ||
                !read_all(echo.socket(), answer.data(), reply))
                throw std::runtime_error("the echo has gone");
            took.end();
        }
    });
    return {set.wall, get.wall, plain.wall};
}

// ---- namespaces --------------------------------------------------------------------------------

constexpr std::size_t keys_in_each = 10;

asio::awaitable<void> set_in_each(const std::vector<state>& all, std::size_t count, durations& took)
{
    scattered order(all.size());
    for (std::size_t i = 0; i != count; ++i) {
        const auto& s = all[order.next()];
        const auto key = "key " + std::to_string(i % keys_in_each);
        took.begin();
        co_await s.set(key, static_cast<std::int64_t>(i));
        took.end();
    }
}

std::vector<double> with_namespaces(std::size_t spaces, const effort& how)
{
    one_state on(sleeping());
    std::vector<state> all;
    for (std::size_t i = 0; i != spaces; ++i) {
        const auto name = "room " + std::to_string(i);
        on.fill(keys_in_each, name);
        all.push_back(on.ctx.state(name));
    }
    const auto set = cost_of(on, how.of(5'000, 50), [&](std::size_t n, durations& took) {
        on.run(set_in_each(all, n, took));
    });
    return {set.wall, set.cpu};
}

// ---- connections -------------------------------------------------------------------------------

void allow_many_descriptors()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<double> with_connections(std::size_t connections, const effort& how)
{
    allow_many_descriptors();
    one_state on(sleeping());
    std::deque<batch_client> all;
    for (std::size_t i = 0; i != connections; ++i)
        all.emplace_back(on.ctx.address()).run({});
    const auto count = how.of(5'000, 50);
    const auto one = cost_of(on, count, [&](std::size_t n, durations& took) {
        for (std::size_t i = 0; i != n; ++i) {
            took.begin();
            all.front().run({});
            took.end();
        }
    });
    const auto rounds = std::max<std::size_t>(count / connections, 3);
    const auto every = cost_of(on, rounds, [&](std::size_t n, durations& took) {
        for (std::size_t i = 0; i != n; ++i) {
            took.begin();
            for (auto& each : all)
                each.send({});
            for (auto& each : all)
                each.receive({});
            took.end();
        }
    });
    return {one.wall, one.cpu, every.cpu / static_cast<double>(connections)};
}

} // namespace

void add_request_curves(std::vector<curve>& to)
{
    to.push_back({.name = "keys",
                  .title = "One request, against the number of keys",
                  .x = "keys in the namespace",
                  .lines = {"set, until it is answered", "get, until it is answered",
                            "set, CPU of the state process"},
                  .sizes = {10, 100, 1e3, 1e4, 1e5, 1e6},
                  .few = {10, 1e3},
                  .measure = with_keys});
    to.push_back({.name = "value_size",
                  .title = "One request, against the size of the value",
                  .x = "bytes of the value",
                  .lines = {"set, until it is answered", "get, until it is answered",
                            "as many bytes over a Unix socket, until they are answered"},
                  .sizes = {16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576},
                  .few = {16, 65536},
                  .measure = with_value_of});
    to.push_back({.name = "namespaces",
                  .title = "One request, against the number of namespaces",
                  .x = "namespaces of ten keys, written in turns",
                  .lines = {"set, until it is answered", "set, CPU of the state process"},
                  .sizes = {1, 10, 100, 1e3},
                  .few = {1, 10},
                  .measure = with_namespaces});
    to.push_back({.name = "connections",
                  .title = "One request, against the number of connections",
                  .x = "connections",
                  .lines = {"one of them sets, until it is answered",
                            "one of them sets, CPU of the state process",
                            "all of them set at once, CPU of the state process for each"},
                  .sizes = {1, 3, 10, 30, 100, 300, 1e3},
                  .few = {1, 20},
                  .measure = with_connections});
}

} // namespace zproc::bench
