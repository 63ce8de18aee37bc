// P6, P7, P8 and P15: processes that wait for what another writes.

#include "compare/machine.hpp"
#include "compare/row.hpp"
#include "compare/watchers.hpp"
#include "support/echo.hpp"
#include "support/window.hpp"

#include <zproc/watcher.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

using namespace std::chrono_literals;

class watching : public experiment {
protected:
    /// Our watchers, made and ready; then `write`, and their end.
    template <class Watcher>
    void with_ours(int count, Watcher watcher, bool own_keys,
                   const std::function<asio::awaitable<void>(state)>& write)
    {
        page->reset();
        watchers_.clear();
        own_.run(
            [](watching& self, int n, Watcher w, bool own,
               const std::function<asio::awaitable<void>(state)>& body) -> asio::awaitable<void> {
                const auto s = self.own_.ctx.state();
                std::vector<process<>> all;
                for (int i = 0; i != n; ++i) {
                    const std::string key = own ? "key " + std::to_string(i) : "key";
                    auto one = co_await self.own_.ctx.spawn(w, key);
                    self.watchers_.push_back(one.pid());
                    all.push_back(std::move(one));
                }
                page->await_ready(n);
                co_await body(s);
                for (int i = 0; i != (own ? n : 1); ++i) {
                    const std::string key = own ? "key " + std::to_string(i) : "key";
                    co_await s.set(key, -now_ns()); // an equal value would be no event
                }
                for (auto& each : all)
                    co_await each.result();
            }(*this, count, watcher, own_keys, write));
    }

    void with_theirs(int count, const std::function<void(int)>& watcher,
                     const std::function<void()>& write, const std::function<void()>& end)
    {
        page->reset();
        const crowd all(count, watcher);
        watchers_ = all.pids();
        page->await_ready(count);
        std::this_thread::sleep_for(20ms); // they sleep
        write();
        end();
    }

    asio::awaitable<void> pause() const
    {
        asio::steady_timer timer(const_cast<asio::io_context&>(own_.io), 300us);
        co_await timer.async_wait(asio::use_awaitable);
    }

    own_state own_{context_options{}.journal_size(std::size_t{32} << 20)};
    redis_server server_;
    redis_client client_{server_.path()};
    std::vector<pid_t> watchers_;
};

/// One write, and everybody is awake before the next one.
class waking : public watching {
public:
    explicit waking(const scale& s, std::vector<int> crowds, bool cpu)
        : quick_(s.quick), crowds_(std::move(crowds)), cpu_(cpu)
    {
    }

    std::vector<figures> round(unsigned number) override
    {
        std::vector<figures> all;
        for (const int n : crowds_) {
            const int watchers = quick_ ? std::min(n, 3) : n;
            const int times = quick_ ? 20 : n == 100 ? 100 : 500;
            figures out;
            in_turn(number, {[&] { out.ours = ours(watchers, times); },
                             [&] { out.peer = theirs(watchers, times); },
                             [&] {
                                 out.raw = cpu_ ? bell(watchers, times)
                                                : rung_by_another(watchers, times);
                             }});
            all.push_back(out);
        }
        return all;
    }

private:
    /// The median latency in µs; or the server's CPU time for an event, in µs.
    double result(double cpu, int times) const
    {
        return cpu_ ? cpu / times / 1e3 : page->took.median() / 1e3;
    }

    double ours(int count, int times)
    {
        double cpu = 0;
        with_ours(count, &watch_one, false, [&](state s) -> asio::awaitable<void> {
            const double before = cpu_ns({own_.server});
            for (int i = 1; i <= times; ++i) {
                co_await pause();
                co_await s.set("key", now_ns());
                await_seen(static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(count));
            }
            cpu = cpu_ns({own_.server}) - before;
        });
        return result(cpu, times);
    }

    double theirs(int count, int times)
    {
        double cpu = 0;
        with_theirs(
            count, [&](int) { subscribe(server_.path(), "key", false); },
            [&] {
                const double before = cpu_ns({server_.pid()});
                for (int i = 1; i <= times; ++i) {
                    std::this_thread::sleep_for(300us);
                    client_.run("PUBLISH key %lld", static_cast<long long>(now_ns()));
                    await_seen(static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(count));
                }
                cpu = cpu_ns({server_.pid()}) - before;
            },
            [&] { client_.run("PUBLISH key %s", last_word); });
        return result(cpu, times);
    }

    /// What two wake-ups take: of a server that only rings, and of who waits for it.
    double rung_by_another(int count, int times)
    {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            throw std::runtime_error("no sockets");
        const auto tell = [&](std::int64_t what) {
            auto* const bytes = reinterpret_cast<char*>(&what);
            if (!write_all(ends[0], bytes, sizeof what) || !read_all(ends[0], bytes, sizeof what))
                throw std::runtime_error("who rings has gone");
        };
        with_theirs(
            count + 1,
            [&](int number) {
                ::close(ends[0]);
                if (number == count)
                    ring_when_told(ends[1]);
                else
                    wait_for_bell(0);
            },
            [&] {
                ::close(ends[1]);
                for (int i = 1; i <= times; ++i) {
                    std::this_thread::sleep_for(300us);
                    tell(now_ns());
                    await_seen(static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(count));
                }
            },
            [&] {
                tell(-1);
                ::close(ends[0]);
            });
        return result(0, times);
    }

    double bell(int count, int times)
    {
        double cpu = 0;
        with_theirs(
            count, [](int) { wait_for_bell(0); },
            [&] {
                for (int i = 1; i <= times; ++i) {
                    std::this_thread::sleep_for(300us);
                    const double before = cpu_ns({::getpid()});
                    ring_bell(0, now_ns());
                    cpu += cpu_ns({::getpid()}) - before;
                    await_seen(static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(count));
                }
            },
            [] { ring_bell(0, -1); });
        return result(cpu, times);
    }

    bool quick_;
    std::vector<int> crowds_;
    bool cpu_;
};

/// As many events as can be written, in batches of 256; all watchers get all of them.
class delivering : public watching {
public:
    explicit delivering(const scale& s) : quick_(s.quick)
    {
        client_.run("CONFIG SET client-output-buffer-limit %s", "pubsub 0 0 0");
    }

    std::vector<figures> round(unsigned number) override
    {
        std::vector<figures> published;
        std::vector<figures> streamed;
        for (const int n : {10, 100}) {
            const int watchers = quick_ ? 3 : n;
            const int batches = quick_ ? 2 : n == 10 ? 100 : 30;
            figures to_peers;
            figures to_streams;
            in_turn(number, {[&] { to_peers.ours = to_streams.ours = ours(watchers, batches); },
                             [&] { to_peers.raw = to_streams.raw = plain(watchers, batches); },
                             [&] {
                                 to_peers.peer = theirs(
                                     watchers, batches,
                                     [&](int) { subscribe(server_.path(), "key", true); },
                                     "PUBLISH key %d", "PUBLISH key %s");
                             },
                             [&] {
                                 client_.run("DEL s");
                                 to_streams.peer = theirs(
                                     watchers, batches, [&](int) { read_stream(server_.path()); },
                                     "XADD s * v %d", "XADD s * v %s");
                             }});
            published.push_back(to_peers);
            streamed.push_back(to_streams);
        }
        published.insert(published.end(), streamed.begin(), streamed.end());
        return published;
    }

private:
    /// Millions of deliveries a second.
    static double rate(int count, int batches, std::int64_t nanoseconds)
    {
        return 256.0 * count * batches * 1e3 / static_cast<double>(nanoseconds);
    }

    double ours(int count, int batches)
    {
        double out = 0;
        with_ours(count, &count_all, false, [&](state s) -> asio::awaitable<void> {
            const auto events = batch * static_cast<std::uint64_t>(batches);
            const auto begun = now_ns();
            for (std::uint64_t written = 0; written != events;) {
                const auto end = written + batch;
                co_await keep_under_way(
                    batch, [&] { return written != end ? ++written : 0; },
                    [&](auto done) {
                        s.set("key", static_cast<std::int64_t>(written), std::move(done));
                    });
            }
            await_seen(events * static_cast<std::uint64_t>(count));
            out = rate(count, batches, now_ns() - begun);
        });
        return out;
    }

    double plain(int count, int batches)
    {
        double out = 0;
        with_theirs(
            count, [](int) { count_events(); },
            [&] {
                const auto begun = now_ns();
                for (int i = 0; i != batches; ++i)
                    write_events(1, batch);
                await_seen(batch * static_cast<std::uint64_t>(batches) *
                           static_cast<std::uint64_t>(count));
                out = rate(count, batches, now_ns() - begun);
            },
            [] { write_events(-1, 1); });
        return out;
    }

    double theirs(int count, int batches, const std::function<void(int)>& watcher,
                  const char* event, const char* end)
    {
        double out = 0;
        with_theirs(
            count, watcher,
            [&] {
                const auto begun = now_ns();
                for (int i = 0; i != batches; ++i) {
                    for (int k = 0; k != 256; ++k)
                        redisAppendCommand(client_.get(), event, 256 * i + k + 1);
                    for (int k = 0; k != 256; ++k) {
                        void* reply = nullptr;
                        if (redisGetReply(client_.get(), &reply) != REDIS_OK)
                            throw std::runtime_error("redis-server has gone");
                        freeReplyObject(reply);
                    }
                }
                await_seen(256 * static_cast<std::uint64_t>(batches) *
                           static_cast<std::uint64_t>(count));
                out = rate(count, batches, now_ns() - begun);
            },
            [&] { client_.run(end, last_word); });
        return out;
    }

    bool quick_;
};

/// A hundred watchers of a key each, and one of these keys is written: the CPU time of everybody.
class one_of_many : public watching {
public:
    explicit one_of_many(const scale& s) : quick_(s.quick) {}

    std::vector<figures> round(unsigned number) override
    {
        const int watchers = quick_ ? 5 : 100;
        const int times = quick_ ? 20 : 500;
        figures out;
        in_turn(number, {[&] { out.ours = ours(watchers, times); },
                         [&] { out.peer = theirs(watchers, times); },
                         [&] { out.raw = bells(watchers, times); }});
        return {out};
    }

private:
    double cpu_of(pid_t server) const
    {
        auto all = watchers_;
        all.push_back(server);
        return cpu_ns(all);
    }

    double ours(int count, int times)
    {
        double cpu = 0;
        with_ours(count, &watch_one, true, [&](state s) -> asio::awaitable<void> {
            const double before = cpu_of(own_.server);
            for (int i = 1; i <= times; ++i) {
                co_await pause();
                co_await s.set("key 2", now_ns());
                await_seen(static_cast<std::uint64_t>(i));
            }
            cpu = cpu_of(own_.server) - before;
        });
        return cpu / times / 1e3;
    }

    double theirs(int count, int times)
    {
        double cpu = 0;
        with_theirs(
            count, [&](int i) { subscribe(server_.path(), "key:" + std::to_string(i), false); },
            [&] {
                const double before = cpu_of(server_.pid());
                for (int i = 1; i <= times; ++i) {
                    std::this_thread::sleep_for(300us);
                    client_.run("PUBLISH key:2 %lld", static_cast<long long>(now_ns()));
                    await_seen(static_cast<std::uint64_t>(i));
                }
                cpu = cpu_of(server_.pid()) - before;
            },
            [&] {
                for (int i = 0; i != count; ++i)
                    client_.run("PUBLISH key:%d %s", i, last_word);
            });
        return cpu / times / 1e3;
    }

    /// Who writes wakes: there is no server, and its part is counted.
    double bells(int count, int times)
    {
        double cpu = 0;
        with_theirs(
            count, [](int number) { wait_for_bell(number); },
            [&] {
                const double before = cpu_ns(watchers_);
                for (int i = 1; i <= times; ++i) {
                    std::this_thread::sleep_for(300us);
                    const double own = cpu_ns({::getpid()});
                    ring_bell(2, now_ns());
                    cpu += cpu_ns({::getpid()}) - own;
                    await_seen(static_cast<std::uint64_t>(i));
                }
                cpu += cpu_ns(watchers_) - before;
            },
            [count] {
                for (int i = 0; i != count; ++i)
                    ring_bell(i, -1);
            });
        return cpu / times / 1e3;
    }

    bool quick_;
};

} // namespace

void add_watch_rows(std::vector<row>& to)
{
    to.push_back(
        {"P6",
         {{"P6/1", "write to watcher awake, median, 1 watcher", "us", "Redis pub/sub", better::less,
           0.75, 0.55, "a futex, rung by a process that is told by a socket"},
          {"P6/10", "the same, 10 watchers", "us", "Redis pub/sub", better::less, 0.8, 0.6,
           "a futex, rung by a process that is told by a socket"},
          {"P6/100", "the same, 100 watchers", "us", "Redis pub/sub", better::less, 0.9, 0.7,
           "a futex, rung by a process that is told by a socket"}},
         [](const scale& s) {
             return std::make_unique<waking>(s, std::vector{1, 10, 100}, false);
         }});
    to.push_back({"P7",
                  {{"P7/10", "delivered events, 10 watchers", "M/s", "Redis pub/sub", better::more,
                    3, 5, "shared memory and a futex, no server"},
                   {"P7/100", "delivered events, 100 watchers", "M/s", "Redis pub/sub",
                    better::more, 3, 5, "shared memory and a futex, no server"},
                   {"P7/s10", "the same, 10, beside Streams", "M/s", "Redis Streams", better::more,
                    6, 10, "shared memory and a futex, no server"},
                   {"P7/s100", "the same, 100, beside Streams", "M/s", "Redis Streams",
                    better::more, 6, 10, "shared memory and a futex, no server"}},
                  [](const scale& s) { return std::make_unique<delivering>(s); }});
    to.push_back(
        {"P8",
         {{"P8", "CPU of the server for one event, 100 watchers", "us", "Redis pub/sub",
           better::less, 0.5, 0.25, "shared memory and a futex, no server"}},
         [](const scale& s) { return std::make_unique<waking>(s, std::vector{100}, true); }});
    to.push_back({"P15",
                  {{"P15", "CPU of all, one of 100 watched keys is written", "us", "Redis pub/sub",
                    better::less, 1, 0.7, "shared memory and a futex, no server"}},
                  [](const scale& s) { return std::make_unique<one_of_many>(s); }});
}

} // namespace zproc::bench
