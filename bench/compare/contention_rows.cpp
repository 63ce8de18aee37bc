// P4 and P5: eight processes that change one key.

#include "compare/machine.hpp"
#include "compare/row.hpp"
#include "support/echo.hpp"
#include "support/window.hpp"

#include <zproc/draft.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <hiredis/hiredis.h>

namespace zproc::bench {

namespace {

using namespace std::chrono_literals;

constexpr int workers = 8;
constexpr std::size_t request_size = 48; // of an increment, in our protocol
constexpr std::size_t reply_size = 24;

// ---- what each of our workers does -------------------------------------------------------------

asio::awaitable<void> await_go()
{
    ++page->ready;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!page->go) {
        timer.expires_after(200us);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> increment(context ctx, int depth)
{
    const auto s = ctx.state();
    co_await s.set_default("n", 0);
    co_await await_go();
    std::uint64_t done = 0;
    if (depth == 1) {
        for (; !page->stop; ++done)
            co_await s.increment("n");
    } else {
        co_await keep_under_way(
            static_cast<std::size_t>(depth), [] { return !page->stop; },
            [&](auto ended) {
                ++done;
                s.increment("n", 1, std::move(ended));
            });
    }
    page->done += done;
}

void add_one(draft& d)
{
    d["n"] += 1;
}

/// Reads what it writes: it has to know what there is.
void read_and_add_one(draft& d)
{
    d["n"] = d["n"].get<int>() + 1;
}

asio::awaitable<void> change(context ctx, void (*how)(draft&))
{
    const auto s = ctx.state();
    co_await s.set_default("n", 0);
    co_await await_go();
    std::uint64_t done = 0;
    for (; !page->stop; ++done)
        co_await s.atomic(how);
    page->done += done;
}

asio::awaitable<void> add_atomically(context ctx)
{
    co_await change(std::move(ctx), &add_one);
}

asio::awaitable<void> read_and_add_atomically(context ctx)
{
    co_await change(std::move(ctx), &read_and_add_one);
}

// ---- what each of theirs does ------------------------------------------------------------------

void increment_redis(const std::string& path, int depth)
{
    redis_client client(path);
    page->await_go();
    std::uint64_t done = 0;
    while (!page->stop) {
        for (int i = 0; i != depth; ++i)
            redisAppendCommand(client.get(), "INCR n");
        for (int i = 0; i != depth; ++i, ++done) {
            void* reply = nullptr;
            if (redisGetReply(client.get(), &reply) != REDIS_OK)
                throw std::runtime_error("redis-server has gone");
            freeReplyObject(reply);
        }
    }
    page->done += done;
}

/// As many bytes as an increment and its reply take, of so many in one message; one thing is done
/// with every so many messages.
void exchange(int socket, int depth, std::uint64_t messages = 1)
{
    std::vector<char> bytes(static_cast<std::size_t>(depth) * request_size);
    page->await_go();
    std::uint64_t sent = 0;
    for (; !page->stop; ++sent)
        if (!write_all(socket, bytes.data(), bytes.size()) ||
            !read_all(socket, bytes.data(), static_cast<std::size_t>(depth) * reply_size))
            throw std::runtime_error("the echo has gone");
    page->done += sent * static_cast<std::uint64_t>(depth) / messages;
}

/// Read, add and write under WATCH; once more where another came in between. Everything that can
/// go in one write does.
void add_under_watch(const std::string& path)
{
    redis_client client(path);
    auto* const c = client.get();
    const auto next = [c] {
        void* reply = nullptr;
        if (redisGetReply(c, &reply) != REDIS_OK)
            throw std::runtime_error("redis-server has gone");
        return static_cast<redisReply*>(reply);
    };
    page->await_go();
    std::uint64_t done = 0;
    while (!page->stop) {
        redisAppendCommand(c, "WATCH n");
        redisAppendCommand(c, "GET n");
        freeReplyObject(next());
        auto* const now = next();
        const long long n = now->str != nullptr ? std::atoll(now->str) : 0;
        freeReplyObject(now);
        redisAppendCommand(c, "MULTI");
        redisAppendCommand(c, "SET n %lld", n + 1);
        redisAppendCommand(c, "EXEC");
        freeReplyObject(next());
        freeReplyObject(next());
        auto* const executed = next();
        done += executed->type == REDIS_REPLY_ARRAY;
        freeReplyObject(executed);
    }
    page->done += done;
}

void add_by_script(const std::string& path)
{
    redis_client client(path);
    page->await_go();
    std::uint64_t done = 0;
    for (; !page->stop; ++done)
        client.run("EVAL %s 1 n",
                   "redis.call('SET', KEYS[1], (redis.call('GET', KEYS[1]) or 0) + 1)");
    page->done += done;
}

// ---- the experiments ---------------------------------------------------------------------------

class contention : public experiment {
public:
    explicit contention(const scale& s) : window_(s.quick ? 30ms : 1000ms) {}

protected:
    template <class F, class... Args>
    double ours(F f, Args... args)
    {
        double rate = 0;
        own_.run([](contention& self, F g, double& out, Args... of) -> asio::awaitable<void> {
            page->reset();
            std::vector<process<>> all;
            for (int i = 0; i != workers; ++i) {
                auto one = co_await self.own_.ctx.spawn(g, of...);
                all.push_back(std::move(one));
            }
            page->await_ready(workers); // nobody needs this loop meanwhile
            out = self.measure();
            for (auto& each : all)
                co_await each.result();
            out = static_cast<double>(page->done) / out / 1e3;
        }(*this, f, rate, args...));
        return rate;
    }

    double theirs(const std::function<void(const std::string&)>& work)
    {
        return plain([&](int) { work(server_.path()); });
    }

    double plain(const std::function<void(int number)>& work)
    {
        page->reset();
        double seconds = 0;
        {
            const crowd all(workers, work);
            page->await_ready(workers);
            seconds = measure();
        }
        return static_cast<double>(page->done) / seconds / 1e3;
    }

private:
    /// How long they were let go.
    double measure() const
    {
        const auto begun = now_ns();
        page->go = true;
        std::this_thread::sleep_for(window_);
        page->stop = true;
        return static_cast<double>(now_ns() - begun) / 1e9;
    }

    std::chrono::milliseconds window_;
    own_state own_;
    redis_server server_;
};

class increments : public contention {
public:
    using contention::contention;

    std::vector<figures> round(unsigned number) override
    {
        std::vector<figures> all;
        for (const int depth : {1, 16}) {
            figures out;
            in_turn(number,
                    {[&] { out.ours = ours(&increment, depth); },
                     [&] {
                         out.peer = theirs(
                             [depth](const std::string& path) { increment_redis(path, depth); });
                     },
                     [&] {
                         out.raw = plain([&](int worker) {
                             exchange(echo_.socket(static_cast<std::size_t>(worker)), depth);
                         });
                     }});
            all.push_back(out);
        }
        return all;
    }

private:
    echo_crowd echo_{workers, request_size, reply_size};
};

class atomics : public contention {
public:
    using contention::contention;

    std::vector<figures> round(unsigned number) override
    {
        figures watched;
        figures scripted;
        figures reading;
        in_turn(number, {[&] { watched.ours = scripted.ours = ours(&add_atomically); },
                         [&] { watched.peer = reading.peer = theirs(&add_under_watch); },
                         [&] { reading.ours = ours(&read_and_add_atomically); },
                         [&] { scripted.peer = theirs(&add_by_script); },
                         [&] { watched.raw = scripted.raw = echoes(1); },
                         [&] { reading.raw = echoes(2); }});
        return {watched, scripted, reading};
    }

private:
    /// A change takes so many messages.
    double echoes(std::uint64_t messages)
    {
        return plain([&](int worker) {
            exchange(echo_.socket(static_cast<std::size_t>(worker)), 1, messages);
        });
    }

    echo_crowd echo_{workers, request_size, reply_size};
};

} // namespace

void add_contention_rows(std::vector<row>& to)
{
    to.push_back({"P4",
                  {{"P4", "8 processes increment one key", "1000/s", "Redis INCR", better::more,
                    1.1, 1.3, "an echo over Unix sockets, epoll"},
                   {"P4/16", "the same, 16 deep", "1000/s", "Redis INCR", better::more, 1.5, 2,
                    "an echo over Unix sockets, epoll"}},
                  [](const scale& s) { return std::make_unique<increments>(s); }});
    to.push_back({"P5",
                  {{"P5", "8 processes change one key atomically", "1000/s", "Redis WATCH, MULTI",
                    better::more, 5, 8, "an echo over Unix sockets, epoll"},
                   {"P5/eval", "the same, beside a script", "1000/s", "Redis EVAL", better::more,
                    0.6, 1, "an echo over Unix sockets, epoll"},
                   {"P5/read", "the same, reading what it writes", "1000/s", "Redis WATCH, MULTI",
                    better::more, 5, 8, "two echoes over Unix sockets, epoll"}},
                  [](const scale& s) { return std::make_unique<atomics>(s); }});
}

} // namespace zproc::bench
