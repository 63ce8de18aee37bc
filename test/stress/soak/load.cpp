#include "stress/soak/parts.hpp"
#include "support/secret_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <random>
#include <stdexcept>

#include <time.h>
#include <unistd.h>

namespace zproc::test::soaking {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto waited = asio::as_tuple(asio::use_awaitable);

std::string far_address()
{
    return "tcp://127.0.0.1:" + std::to_string(page->proxy_port);
}

context by_road(const context& near_one, road by)
{
    if (by == near)
        return near_one;
    return context(near_one.get_executor(),
                   context_options{}.address(far_address()).secret(secret));
}

std::string ticks_of(road by)
{
    return std::string("ticks ") + road_names[by];
}

asio::awaitable<void> pass(clock::duration time)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
}

/// Whether it happened; what else goes wrong is a violation.
bool done(const error_code& ec, const char* what)
{
    if (!ec) {
        ++page->operations;
        return true;
    }
    if (ec != errc::outcome_unknown)
        throw std::runtime_error(std::string(what) + " failed: " + ec.message());
    ++page->unknown;
    return false;
}

class stopwatch {
public:
    explicit stopwatch(road by) : by_(by) {}
    void stop() const
    {
        const std::chrono::duration<double, std::micro> took = clock::now() - begun_;
        ++page->latencies[by_][histogram::step_of(took.count())];
    }

private:
    road by_;
    clock::time_point begun_ = clock::now();
};

asio::awaitable<void> mixed_lane(state s, road by, unsigned seed)
{
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    const auto add = zproc::atomic([](draft& d, const std::string& key) { d[key] += 1; });
    while (!page->stop) {
        const auto key = "key " + std::to_string(below(500));
        const auto dice = below(100);
        const stopwatch took(by);
        error_code ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        if (dice < 40)
            co_await s.set(key, std::string(below(400), 'x'), token);
        else if (dice < 60)
            co_await s.get_or(key, std::string(), token);
        else if (dice < 80)
            co_await s.increment("number " + std::to_string(below(100)), 1, token);
        else if (dice < 95)
            co_await s.erase(key, token);
        else
            co_await add(s, "number " + std::to_string(below(100)), token);
        if (done(ec, "an operation"))
            took.stop();
        if (by == far || dice == 0)
            co_await pass(1ms); // for the others
    }
}

/// What the watchers see: every number, one after the other.
asio::awaitable<void> ticking_lane(state s, road by)
{
    while (!page->stop) {
        const auto [ec, now] = co_await s.increment(ticks_of(by), 1, waited);
        done(ec, "a tick");
        co_await pass(1ms);
    }
}

/// Runs them all, to the end; throws the first thing that one of them throws.
asio::awaitable<void> all_of(std::vector<asio::awaitable<void>> lanes)
{
    const auto here = co_await asio::this_coro::executor;
    asio::steady_timer ended(here, asio::steady_timer::time_point::max());
    std::size_t running = lanes.size();
    std::exception_ptr first;
    for (auto& each : lanes)
        asio::co_spawn(here, std::move(each), [&](std::exception_ptr error) {
            if (error && !first) {
                first = error;
                page->stop = true;
            }
            if (--running == 0)
                ended.cancel();
        });
    error_code ignored;
    co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (first)
        std::rethrow_exception(first);
}

/// Follows the ticks from where it was, with a new watcher now and then.
asio::awaitable<void> follow(state s, road by)
{
    const auto key = ticks_of(by);
    std::int64_t last = 0;
    std::uint64_t revision = 0;
    while (!page->stop) {
        auto ticks = s.when_change(key, {.since = revision, .timeout = 1s, .own = true});
        for (int i = 0; i != 2000 && !page->stop; ++i) {
            const auto [ec, e] = co_await ticks.next(waited);
            if (ec == asio::error::timed_out)
                continue;
            if (ec)
                throw system_error(ec, "a watcher");
            revision = e->revision;
            if (e->kind == event_kind::resync) {
                last = 0;
                continue;
            }
            const auto now = e->changes.front().after->get<std::int64_t>();
            if (last != 0 && now != last + 1)
                throw std::runtime_error("after tick " + std::to_string(last) + " came " +
                                         std::to_string(now));
            last = now;
            ++page->events;
        }
    }
}

} // namespace

asio::awaitable<void> write(context ctx, road by)
{
    const auto s = by_road(ctx, by).state();
    std::vector<asio::awaitable<void>> lanes;
    lanes.push_back(ticking_lane(s, by));
    const auto seed = to_do.seed + static_cast<unsigned>(::getpid());
    for (unsigned i = 0; i != 4; ++i)
        lanes.push_back(mixed_lane(s, by, seed + i));
    co_await all_of(std::move(lanes));
}

asio::awaitable<void> watch(context ctx, road by)
{
    const auto s = by_road(ctx, by).state();
    std::vector<asio::awaitable<void>> lanes;
    lanes.push_back(follow(s, near));
    lanes.push_back(follow(s, far));
    co_await all_of(std::move(lanes));
}

asio::awaitable<void> read(context ctx, road by)
{
    const auto there = by_road(ctx, by);
    while (!page->stop) {
        const auto r = co_await there.state().replica(asio::use_awaitable);
        std::int64_t last = 0;
        for (int i = 0; i != 500 && !page->stop; ++i) {
            const auto now = r.get_or(ticks_of(by), std::int64_t{0});
            if (now < last)
                throw std::runtime_error("a replica went back");
            last = now;
            ++page->reads;
            co_await pass(2ms);
        }
    }
}

asio::awaitable<void> visit(context ctx)
{
    while (!page->stop) {
        const auto guest = by_road(ctx, far);
        const auto [ec] = co_await guest.state("guests").set("last", ::getpid(), waited);
        done(ec, "a guest's operation");
        ++page->guests;
        co_await pass(20ms);
    }
}

void knock()
{
    const timespec between{0, 200'000'000};
    while (!page->stop) {
        ::nanosleep(&between, nullptr);
        protocol::address server;
        server.host = "127.0.0.1";
        server.port = page->server_port;
        try {
            secret_client stranger(server, "who knows what it is", "127.0.0.9");
            if (!stranger.greet().failed())
                throw std::logic_error("a stranger came in");
        } catch (const std::runtime_error&) {
            continue; // nobody listens at this moment
        }
    }
}

int next_number(int n)
{
    return n + 1;
}

} // namespace zproc::test::soaking
