#include "protocol/address.hpp"
#include "stress/soak/parts.hpp"
#include "supervisor/prepare.hpp"
#include "support/processes.hpp"
#include "support/sandbox.hpp"
#include "support/usage.hpp"
#include "tcp.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <filesystem>
#include <list>
#include <random>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::soaking {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::string data_directory()
{
    return (sandbox::directory() / ("data " + std::to_string(::getpid()))).string();
}

std::int64_t bytes_below(const std::string& directory)
{
    std::int64_t sum = 0;
    std::error_code ec;
    for (std::filesystem::recursive_directory_iterator it(directory, ec), end; !ec && it != end;
         it.increment(ec))
        if (it->is_regular_file(ec))
            sum += static_cast<std::int64_t>(it->file_size(ec));
    return sum;
}

class conductor {
public:
    explicit conductor(context ctx) : ctx_(std::move(ctx)), random_(to_do.seed) {}

    asio::awaitable<int> run()
    {
        server_ = static_cast<pid_t>((co_await ctx_.ping()).pid);
        protocol::address at;
        std::string text;
        protocol::parse_address(ctx_.addresses().front(), protocol::side::client, at, text);
        page->server_port = at.port;
        co_await begin_load();
        const auto begun = clock::now();
        const auto end = begun + to_do.warming_up + to_do.length;
        auto next_sample = begun + to_do.warming_up;
        auto next_kill = begun + to_do.between_kills;
        while (clock::now() < end && !page->stop) {
            co_await spawn_one();
            change_weather();
            if (clock::now() >= next_kill) {
                next_kill += to_do.between_kills;
                co_await kill_somebody();
            }
            if (clock::now() >= next_sample) {
                next_sample += to_do.between_samples;
                co_await take_sample();
            }
            co_await pass(10ms);
        }
        page->stop = true;
        page->network.delay = page->network.largest_piece = page->network.cut = 0;
        page->network.refuse = false;
        for (auto& [name, each] : load_)
            co_await each.result();
        co_return judge();
    }

private:
    asio::awaitable<void> begin_load()
    {
        const auto again = spawn_options{}.restart(
            restart_policy::on_failure().for_signals(SIGKILL).for_ever().delay(10ms));
        for (const auto by : {near, far}) {
            const std::string way = std::string(" ") + road_names[by];
            auto writer = co_await ctx_.spawn(&write, by);
            auto reader = co_await ctx_.spawn(&read, by);
            auto watcher = co_await ctx_.spawn(again, &watch, by);
            load_.emplace_back("writer" + way, std::move(writer));
            load_.emplace_back("reader" + way, std::move(reader));
            load_.emplace_back("watcher" + way, std::move(watcher));
        }
        auto visitor = co_await ctx_.spawn(&visit);
        auto stranger = co_await ctx_.spawn(&knock);
        load_.emplace_back("visitor", std::move(visitor));
        load_.emplace_back("stranger", std::move(stranger));
    }

    static asio::awaitable<void> pass(clock::duration time)
    {
        asio::steady_timer timer(co_await asio::this_coro::executor, time);
        co_await timer.async_wait(asio::use_awaitable);
    }

    asio::awaitable<void> spawn_one()
    {
        auto one = co_await ctx_.spawn(&next_number, spawned_);
        const int told = co_await one.result();
        if (told != ++spawned_)
            throw std::runtime_error("a process has lost its result");
        ++page->spawned;
        if (to_do.injected == leak::memory)
            leaked_.emplace_back(1 << 20, 'x');
        for (int i = 0; to_do.injected == leak::descriptor && i != 10; ++i)
            (void)!::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }

    void change_weather()
    {
        if (clock::now() < next_weather_)
            return;
        next_weather_ = clock::now() + 500ms;
        auto& bad = page->network;
        const auto below = [&](unsigned limit) { return static_cast<unsigned>(random_() % limit); };
        bad.delay = below(3) == 0 ? below(3000) : 0;
        bad.largest_piece = below(3) == 0 ? 1000 + below(8000) : 0;
        bad.cut = below(4) == 0 ? below(2) : 0;
        bad.refuse = below(20) == 0;
        if (below(10) == 0)
            ++bad.cut_all;
    }

    /// By turns the state process, and one who watches.
    asio::awaitable<void> kill_somebody()
    {
        ++page->kills;
        if (page->kills % 2 == 1) {
            ::kill(server_, SIGKILL);
            server_ = static_cast<pid_t>((co_await ctx_.ping()).pid);
            co_return;
        }
        for (auto& [name, each] : load_)
            if (name.starts_with("watcher") && (random_() & 1) != 0)
                each.signal(SIGKILL);
    }

    asio::awaitable<void> take_sample()
    {
        server_ = static_cast<pid_t>((co_await ctx_.ping()).pid);
        sample now;
        const auto look = [&](const std::string& name, pid_t pid) {
            try {
                now.processes[name] = {usage_of(pid).alone,
                                       static_cast<std::int64_t>(open_descriptors(pid))};
            } catch (const std::runtime_error&) {
                now.processes.erase(name); // it is just being started again
            }
        };
        look("state process", server_);
        look("root", ::getpid());
        look("supervisor", supervision::current()->supervisor);
        look("guardian", supervision::current()->guardian);
        for (auto& [name, each] : load_)
            if (name != "stranger")
                look(name, each.pid());
        for (const auto by : {near, far}) {
            std::vector<std::uint64_t> counts;
            for (auto& each : page->latencies[by])
                counts.push_back(each.exchange(0));
            now.requests[road_names[by]] = histogram::read(counts);
        }
        now.disk = bytes_below(data_directory());
        samples_.push_back(std::move(now));
        if (samples_.size() % 12 == 0) {
            std::printf("  %zu samples, %llu operations, %llu events\n", samples_.size(),
                        static_cast<unsigned long long>(page->operations),
                        static_cast<unsigned long long>(page->events));
            std::fflush(stdout);
        }
    }

    int judge() const
    {
        const auto number = [](const auto& of) { return static_cast<unsigned long long>(of); };
        std::printf("  %llu operations (%llu unknown), %llu events, %llu reads of replicas, %llu "
                    "guests, %llu processes, %llu kills, %llu connections cut, %zu samples\n",
                    number(page->operations), number(page->unknown), number(page->events),
                    number(page->reads), number(page->guests), number(page->spawned),
                    number(page->kills), number(page->network.cuts), samples_.size());
        const auto found = compare(samples_, to_do.limits);
        for (const auto& each : found.lines)
            std::printf("  %s\n", each.c_str());
        for (const auto& each : found.grown)
            std::printf("  GROWN: %s\n", each.c_str());
        std::fflush(stdout);
        return found.grown.empty() ? 0 : something_grew;
    }

    context ctx_;
    std::mt19937 random_;
    pid_t server_ = -1;
    std::list<std::pair<std::string, process<>>> load_;
    std::vector<sample> samples_;
    std::list<std::string> leaked_;
    clock::time_point next_weather_{};
    int spawned_ = 0;
};

asio::awaitable<int> conduct(context ctx)
{
    conductor all(ctx);
    co_return co_await all.run();
}

} // namespace

network::network()
{
    error_code ec;
    std::string text;
    protocol::address at, bound;
    at.host = "127.0.0.1";
    auto front = tcp::listen(at, true, bound, ec, text);
    if (ec)
        throw system_error(ec, text);
    page->proxy_port = bound.port;
    proxy_ = ::fork();
    if (proxy_ != 0)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    fault_proxy proxy(
        std::move(front), [] { return connect_on_loopback(page->server_port); }, page->network,
        to_do.seed);
    for (;;)
        proxy.turn(100);
}

network::~network()
{
    ::kill(proxy_, SIGKILL);
    ::waitpid(proxy_, nullptr, 0);
}

int soak()
{
    const network bad;
    run_options options;
    options.listen("tcp://127.0.0.1:0").secret(secret);
    options.data(data_directory()).fsync(fsync_policy::interval);
    return run(&conduct, options);
}

} // namespace zproc::test::soaking
