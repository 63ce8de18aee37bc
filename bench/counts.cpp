// What can be counted, and need not be timed: what a state process takes from the heap and asks of
// the kernel for a request in steady state, what its client takes from the heap, and how often those
// are woken who have nothing to do.
//
//     counts [--smoke] [--places]
//
// Fails when a count is more than it may be. --places says who takes from the heap.
//
// Steady state: the ring was written around more than once, so that keys are carried on.

#include "counts/allocations.hpp"
#include "counts/calls_in_place.hpp"
#include "counts/family.hpp"
#include "counts/system_calls.hpp"
#include "support/batch_client.hpp"
#include "support/one_state.hpp"

#include <zproc/context.hpp>
#include <zproc/process.hpp>
#include <zproc/state.hpp>
#include <zproc/watcher.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;
using bench::batch_client;
using bench::one_state;

namespace {

struct wishes {
    bool smoke = false;
    bool places = false;

    std::size_t of(std::size_t usual, std::size_t least) const { return smoke ? least : usual; }
};

/// Prints each count beside what it may be at most, and remembers whether one was more.
class verdicts {
public:
    void add(const std::string& what, double count, double most)
    {
        // What begins or ends at the edge of the count may be in it, or not.
        constexpr double edge = 0.05;
        const bool well = most == 0 ? count == 0 : count <= most + edge;
        std::printf("  %-52s %10.3f %10.3g  %s\n", what.c_str(), count, most,
                    well ? "met" : "MISSED");
        std::fflush(stdout);
        missed_ += !well;
    }
    bool all_met() const { return missed_ == 0; }

private:
    int missed_ = 0;
};

void heading(const char* title)
{
    std::printf("\n%s\n  %-52s %10s %10s\n", title, "", "count", "at most");
}

// ---- the heap ----------------------------------------------------------------------------------

template <class Work>
void count_allocations(const std::string& what, pid_t of, std::size_t operations, double most,
                       const wishes& how, verdicts& to, Work work)
{
    std::uint64_t before = 0;
    // A buffer may meet only now the most that it will ever hold: how much comes together is chance.
    if (most == 0) {
        const bench::allocation_count first(of, false);
        work();
        before = first.so_far();
    }
    const bench::allocation_count count(of, how.places);
    work();
    const auto all = most == 0 ? std::min(before, count.so_far()) : count.so_far();
    to.add(what, static_cast<double>(all) / static_cast<double>(operations), most);
    std::size_t shown = 0;
    for (const auto& each : count.places()) {
        if (++shown > 12)
            break;
        std::printf("    %llu times:\n", static_cast<unsigned long long>(each.times));
        for (std::size_t i = 0; i != std::min<std::size_t>(each.stack.size(), 6); ++i)
            std::printf("      %s\n", each.stack[i].c_str());
    }
}

void heap(one_state& of, const wishes& how, verdicts& to)
{
    heading("allocations of the state process for an operation");
    batch_client client(of.ctx.address());
    const auto operations = how.of(64'000, 6'400);
    client.run({.depth = 64, .batches = how.of(4'000, 2'000)}); // around the ring
    using bench::batched;
    for (const auto& [name, what] :
         {std::pair{"set", batched::set}, std::pair{"increment", batched::increment},
          std::pair{"get", batched::get}, std::pair{"update", batched::update},
          std::pair{"compare_exchange", batched::exchange}, std::pair{"commit", batched::commit}})
        for (const std::size_t depth : {1, 16, 64}) {
            const auto work = [&] {
                client.run({.what = what, .depth = depth, .batches = operations / depth});
            };
            work(); // numbers get longer, and buffers with them
            count_allocations(std::string(name) + ", batches of " + std::to_string(depth),
                              of.server, operations, 0, how, to, work);
        }
    for (const std::size_t depth : {1, 16, 64}) {
        of.set(operations, depth);
        count_allocations("set by zproc's client, " + std::to_string(depth) + " under way",
                          of.server, operations, 0, how, to, [&] { of.set(operations, depth); });
    }
}

asio::awaitable<void> set_and_await(zproc::context ctx, std::size_t times)
{
    const auto s = ctx.state();
    for (std::size_t i = 0; i != times; ++i)
        co_await s.set("awaited", static_cast<std::int64_t>(i));
}

/// What is asked, what completes it, and what lets it be cancelled.
void client_heap(one_state& of, const wishes& how, verdicts& to)
{
    heading("allocations of a client for an operation that it awaits");
    const auto operations = how.of(20'000, 2'000);
    const auto work = [&] { of.run(set_and_await(of.ctx, operations)); };
    work();
    count_allocations("set", ::getpid(), operations, 1, how, to, work);
}

// ---- system calls ------------------------------------------------------------------------------

void add_calls(const std::string& what, const std::map<long, std::uint64_t>& calls,
               std::size_t batches, double most, verdicts& to)
{
    const auto each = [&](std::uint64_t count) {
        return static_cast<double>(count) / static_cast<double>(batches);
    };
    std::uint64_t all = 0;
    std::string parts;
    for (const auto& [number, count] : calls) {
        all += count;
        char text[64];
        std::snprintf(text, sizeof text, "%s%s %.3f", parts.empty() ? "" : ", ",
                      bench::name_of_system_call(number).c_str(), each(count));
        parts += text;
    }
    to.add(what, each(all), most);
    std::printf("    %s\n", parts.c_str());
}

/// All of them, by tracing, which makes the state process so slow that it sleeps more often.
template <class Work>
void count_all_calls(const std::string& what, one_state& of, std::size_t batches, double most,
                     verdicts& to, Work work)
{
    const auto calls = bench::count_system_calls(of.server, work, [&] {
        of.run([](zproc::context ctx) -> asio::awaitable<void> { co_await ctx.ping(); }(of.ctx));
    });
    add_calls(what, calls, batches, most, to);
}

/// Reading, writing and waiting, at full speed: the least of three times, for who else needs the core makes it
/// sleep more often.
template <class Work>
void count_calls_in_place(const std::string& what, one_state& of, std::size_t batches, double most,
                          verdicts& to, Work work)
{
    std::map<long, std::uint64_t> fewest;
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t in_vain = 0;
    for (int i = 0; i != 3; ++i) {
        const bench::call_count count(of.server);
        work();
        auto calls = count.so_far();
        std::uint64_t all = 0;
        for (const auto& [number, times] : calls)
            all += times;
        if (all >= least)
            continue;
        least = all;
        fewest = std::move(calls);
        in_vain = count.looks_in_vain();
    }
    add_calls(what, fewest, batches, most, to);
    std::printf("    besides %.1f looks in vain\n",
                static_cast<double>(in_vain) / static_cast<double>(batches));
}

void kernel(one_state& of, const wishes& how, verdicts& to)
{
    heading("system calls of the state process for a batch of sets");
    batch_client client(of.ctx.address());
    const auto name = [](std::size_t ahead, std::size_t depth) {
        return std::to_string(ahead) + (ahead == 1 ? " batch of " : " batches of ") +
               std::to_string(depth) + " under way";
    };
    const auto under_way = [&](std::size_t ahead, std::size_t depth, std::size_t batches) {
        client.run({.depth = depth, .batches = batches, .ahead = ahead});
    };
    // Who sleeps until all answers have been read has to wait, read, and write; who looks, when there
    // is a core to spare, reads and writes.
    const auto count = [&](std::size_t ahead, std::size_t depth, double most) {
        const auto often = how.of(50'000, 5'000);
        const auto seldom = how.of(1'000, 200);
        under_way(ahead, depth, often);
        count_calls_in_place(name(ahead, depth), of, often, most, to,
                             [&] { under_way(ahead, depth, often); });
        count_all_calls(name(ahead, depth) + ", traced", of, seldom, ahead == 1 ? 3 : 2, to,
                        [&] { under_way(ahead, depth, seldom); });
    };
    const double most = how.smoke ? 3 : 2.1;
    for (const std::size_t depth : {1, 16, 64})
        count(1, depth, most);
    for (const std::size_t depth : {16, 64})
        count(2, depth, most);
}

// ---- those who have nothing to do --------------------------------------------------------------

/// A child that waits for what comes at the end only.
asio::awaitable<void> wait_for_end(zproc::context ctx)
{
    auto ends = ctx.state().when_change("end", {.own = true});
    co_await ctx.state().increment("waiting");
    co_await ends.next();
}

void count_wakeups(const char* circumstance, pid_t server, const wishes& how, verdicts& to)
{
    struct one {
        const char* name;
        pid_t pid;
        std::uint64_t before = 0;
    };
    std::vector<one> all{{"state process", server},
                         {"supervisor", bench::parent_of(server)},
                         {"guardian", bench::descendant_called("zproc-guardian")}};
    // Who has just come, or was just written to, is looked after once more within a second or two.
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    const double seconds = how.smoke ? 2 : 15;
    for (auto& each : all)
        each.before = bench::sleeps_of(each.pid);
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    for (const auto& each : all)
        to.add(std::string(each.name) + ", " + circumstance,
               static_cast<double>(bench::sleeps_of(each.pid) - each.before) / seconds, 0);
}

void idle(one_state& of, const wishes& how, verdicts& to)
{
    heading("wake-ups a second of who has nothing to do");
    count_wakeups("its program connected", of.server, how, to);
    {
        std::deque<batch_client> clients;
        for (int i = 0; i != 10; ++i)
            clients.emplace_back(of.ctx.address()).run({.depth = 16, .batches = 10});
        std::vector<zproc::process<>> children;
        of.run([](zproc::context ctx, auto& into) -> asio::awaitable<void> {
            for (int i = 0; i != 4; ++i) {
                auto one = co_await ctx.spawn(&wait_for_end);
                into.push_back(std::move(one));
            }
            co_await ctx.state().when_equal("waiting", 4);
        }(of.ctx, children));
        count_wakeups("10 clients and 4 waiting children", of.server, how, to);
        of.run([](zproc::context ctx, auto& ending) -> asio::awaitable<void> {
            co_await ctx.state().set("end", true);
            for (auto& each : ending)
                co_await each.result();
        }(of.ctx, children));
    }
    count_wakeups("all of them gone again", of.server, how, to);
}

} // namespace

int main(int argc, char** argv)
try {
    wishes how;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--smoke") {
            how.smoke = true;
        } else if (word == "--places") {
            how.places = true;
        } else {
            std::fprintf(stderr, "usage: %s [--smoke] [--places]\n", argv[0]);
            return 2;
        }
    }
    bench::allocation_count::prepare();
    bench::call_count::prepare();
    one_state of;
    verdicts to;
    if (!how.places) {
        idle(of, how, to); // first: nobody has come and gone yet
        kernel(of, how, to);
    }
    heap(of, how, to);
    client_heap(of, how, to);
    return to.all_met() ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "counts: %s\n", e.what());
    return 1;
}
