// P1, P2, P3 and P10: what one client asks for.

#include "compare/machine.hpp"
#include "compare/row.hpp"
#include "support/echo.hpp"
#include "support/seqlocked_table.hpp"
#include "support/window.hpp"

#include <zproc/dict.hpp>
#include <zproc/replica.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <vector>

#include <hiredis/hiredis.h>

namespace zproc::bench {

namespace {

constexpr std::size_t request_size = 48; // of a set, in our protocol
constexpr std::size_t reply_size = 24;

double median_of(std::vector<double> all)
{
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::ranges::nth_element(all, middle);
    return *middle;
}

/// Of each call, in µs; the median.
template <class Call>
double median_time(std::size_t times, Call call)
{
    std::vector<double> took;
    took.reserve(times);
    for (std::size_t i = 0; i != times; ++i) {
        const auto begun = now_ns();
        call(i);
        took.push_back(static_cast<double>(now_ns() - begun) / 1e3);
    }
    return median_of(std::move(took));
}

/// Round trips of as many bytes as a set takes.
double median_echo(const echo_process& with, std::size_t times)
{
    return median_time(times, [&](std::size_t) {
        std::array<char, request_size> bytes{};
        if (!write_all(with.socket(), bytes.data(), request_size) ||
            !read_all(with.socket(), bytes.data(), reply_size))
            throw std::runtime_error("the echo has gone");
    });
}

/// Sets, from a coroutine.
asio::awaitable<void> time_sets(state s, std::size_t times, double& median)
{
    static std::int64_t number = 0;
    std::vector<double> took;
    took.reserve(times);
    for (std::size_t i = 0; i != times; ++i) {
        const auto begun = now_ns();
        co_await s.set("key 0", ++number);
        took.push_back(static_cast<double>(now_ns() - begun) / 1e3);
    }
    median = median_of(std::move(took));
}

asio::awaitable<void> fill(state s, std::size_t keys)
{
    constexpr std::size_t batch = 1000;
    for (std::size_t i = 0; i < keys;) {
        dict changes;
        for (const std::size_t end = std::min(i + batch, keys); i != end; ++i)
            changes["key " + std::to_string(i)] = static_cast<std::int64_t>(i);
        co_await s.update(std::move(changes));
    }
}

// ---- P1 ----------------------------------------------------------------------------------------

class one_set : public experiment {
public:
    explicit one_set(const scale& s) : times_(s.of(20'000, 200)) {}

    std::vector<figures> round(unsigned number) override
    {
        figures out;
        in_turn(number, {[&] { out.raw = median_echo(echo_, times_); },
                         [&] {
                             out.peer = median_time(times_, [&](std::size_t i) {
                                 client_.run("SET %s %d", "key:0", static_cast<int>(i));
                             });
                         },
                         [&] { own_.run(time_sets(own_.ctx.state(), times_, out.ours)); }});
        return {out};
    }

private:
    std::size_t times_;
    own_state own_;
    redis_server server_;
    redis_client client_{server_.path()};
    echo_process echo_{request_size, reply_size};
};

// ---- P2 ----------------------------------------------------------------------------------------

class pipelined_sets : public experiment {
public:
    explicit pipelined_sets(const scale& s) : times_(s.of(200'000, 2'000)) {}

    std::vector<figures> round(unsigned number) override
    {
        std::vector<figures> all;
        for (const std::size_t depth : {std::size_t{16}, std::size_t{64}}) {
            figures out;
            in_turn(number, {[&] { out.raw = rate([&] { exchange(depth); }); },
                             [&] { out.peer = rate([&] { ask_redis(depth); }); },
                             [&] { out.ours = rate([&] { own_.run(ask_us(depth)); }); }});
            all.push_back(out);
        }
        return all;
    }

private:
    /// Thousands a second.
    template <class Work>
    double rate(Work work) const
    {
        const auto begun = now_ns();
        work();
        return static_cast<double>(times_) * 1e6 / static_cast<double>(now_ns() - begun);
    }

    void exchange(std::size_t depth)
    {
        std::vector<char> bytes(depth * request_size);
        for (std::size_t i = 0; i < times_; i += depth)
            if (!write_all(echo_.socket(0), bytes.data(), depth * request_size) ||
                !read_all(echo_.socket(0), bytes.data(), depth * reply_size))
                throw std::runtime_error("the echo has gone");
    }

    void ask_redis(std::size_t depth)
    {
        for (std::size_t i = 0; i < times_; i += depth) {
            for (std::size_t k = 0; k != depth; ++k)
                redisAppendCommand(client_.get(), "SET %s %d", "key:0", static_cast<int>(i + k));
            for (std::size_t k = 0; k != depth; ++k) {
                void* reply = nullptr;
                if (redisGetReply(client_.get(), &reply) != REDIS_OK)
                    throw std::runtime_error("redis-server has gone");
                freeReplyObject(reply);
            }
        }
    }

    asio::awaitable<void> ask_us(std::size_t depth)
    {
        const auto s = own_.ctx.state();
        std::size_t begun = 0;
        co_await keep_under_way(
            depth, [&] { return begun++ < times_; },
            [&](auto done) { s.set("key 0", static_cast<std::int64_t>(begun), std::move(done)); });
    }

    std::size_t times_;
    own_state own_;
    redis_server server_;
    redis_client client_{server_.path()};
    echo_crowd echo_{1, request_size, reply_size};
};

// ---- P3 ----------------------------------------------------------------------------------------

class local_reads : public experiment {
public:
    explicit local_reads(const scale& s)
        : own_times_(s.of(5'000'000, 1'000)), times_(s.of(20'000, 200))
    {
        own_.run(fill(own_.ctx.state(), 1000));
        own_.run([](local_reads& self) -> asio::awaitable<void> {
            auto made = co_await self.own_.ctx.state().replica();
            self.replica_.emplace(std::move(made));
        }(*this));
        for (int i = 0; i != 1000; ++i) {
            client_.run("SET key:%d %d", i, i);
            table_.set("key " + std::to_string(i), i);
        }
    }

    std::vector<figures> round(unsigned number) override
    {
        figures out;
        in_turn(number,
                {[&] { out.ours = rate([&] { return replica_->get<std::int64_t>("key 7"); }); },
                 [&] { out.raw = rate([&] { return table_.get("key 7"); }); },
                 [&] {
                     const auto begun = now_ns();
                     for (std::size_t i = 0; i != times_; ++i)
                         client_.run("GET %s", "key:7");
                     out.peer =
                         1e9 * static_cast<double>(times_) / static_cast<double>(now_ns() - begun);
                 }});
        return {out};
    }

private:
    /// A second.
    template <class Read>
    double rate(Read read) const
    {
        const auto begun = now_ns();
        std::int64_t sum = 0;
        for (std::size_t i = 0; i != own_times_; ++i)
            sum += read();
        if (sum != 7 * static_cast<std::int64_t>(own_times_))
            throw std::runtime_error("a read has another value");
        return 1e9 * static_cast<double>(own_times_) / static_cast<double>(now_ns() - begun);
    }

    std::size_t own_times_;
    std::size_t times_;
    own_state own_;
    std::optional<replica> replica_;
    seqlocked_table table_;
    redis_server server_;
    redis_client client_{server_.path()};
};

// ---- P10 ---------------------------------------------------------------------------------------

class many_keys : public experiment {
public:
    explicit many_keys(const scale& s) : times_(s.of(20'000, 200))
    {
        few_.run(fill(few_.ctx.state(), 10));
        many_.run(fill(many_.ctx.state(), s.of(100'000, 1'000)));
    }

    std::vector<figures> round(unsigned number) override
    {
        figures out;
        in_turn(number, {[&] { many_.run(time_sets(many_.ctx.state(), times_, out.ours)); },
                         [&] { few_.run(time_sets(few_.ctx.state(), times_, out.peer)); },
                         [&] { out.raw = median_echo(echo_, times_); }});
        return {out};
    }

private:
    std::size_t times_;
    own_state few_;
    own_state many_;
    echo_process echo_{request_size, reply_size};
};

template <class Experiment>
std::unique_ptr<experiment> begin(const scale& s)
{
    return std::make_unique<Experiment>(s);
}

} // namespace

void add_request_rows(std::vector<row>& to)
{
    to.push_back({"P1",
                  {{"P1", "one SET, median", "us", "Redis", better::less, 1.05, 0.9,
                    "an echo over a Unix socket, blocking"}},
                  &begin<one_set>});
    to.push_back({"P2",
                  {{"P2/16", "pipelined SET, 16 deep", "1000/s", "Redis", better::more, 1.1, 1.5,
                    "an echo over a Unix socket, epoll"},
                   {"P2/64", "pipelined SET, 64 deep", "1000/s", "Redis", better::more, 1.8, 3,
                    "an echo over a Unix socket, epoll"}},
                  &begin<pipelined_sets>});
    to.push_back({"P3",
                  {{"P3", "read: a replica, beside GET", "/s", "Redis", better::more, 150, 500,
                    "a hash table behind a seqlock"}},
                  &begin<local_reads>});
    to.push_back({"P10",
                  {{"P10", "one SET with 100,000 keys, beside 10", "us", "zproc, 10 keys",
                    better::less, 1.1, 1.02, "an echo over a Unix socket, blocking"}},
                  &begin<many_keys>});
}

} // namespace zproc::bench
