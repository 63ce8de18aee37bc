// P12: what a swarm does a second, beside a pool of Python's, threads, and plain sockets.

#include "compare/row.hpp"
#include "compare/swarm_peers.hpp"

#include <zproc/swarm.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace zproc::bench {

namespace {

std::int64_t count_marks_in(const std::string& bytes)
{
    return count_marks(bytes.data(), bytes.size());
}

/// What the plain sockets send.
std::vector<char> in_a_row(const std::vector<std::string>& items)
{
    std::vector<char> all;
    for (const auto& each : items)
        all.insert(all.end(), each.begin(), each.end());
    return all;
}

void check(bool right)
{
    if (!right)
        throw std::runtime_error("a result of the swarm's row is wrong");
}

/// All workers are there before the clock begins, ours as those of the peers.
class swarming : public experiment {
public:
    explicit swarming(const scale& s)
        : amounts_{s.of(1'000'000, 10'000), s.of(10'000, 20), s.of(10'000, 20), s.of(128, 4),
                   s.of(2'000, 20)},
          python_(amounts_)
    {
        if (thread_loop::is_there())
            threads_.emplace(amounts_);
        for (const auto what :
             {swarm_work::squares, swarm_work::even, swarm_work::uneven, swarm_work::large})
            raw_.push_back(std::make_unique<socket_workers>(what));
        own_.emplace();
        own_->run(warm_up());
    }

    std::vector<figures> round(unsigned number) override
    {
        std::vector<figures> lines(2);
        for (const auto what : {swarm_work::even, swarm_work::uneven, swarm_work::large}) {
            const auto all = measure(what, number);
            lines.push_back({all.ours, all.python, all.raw});
            if (threads_)
                lines.push_back({all.ours, all.threads, all.raw});
        }
        const auto squares = measure(swarm_work::squares, number);
        lines[0] = {squares.ours, squares.python, squares.raw};
        lines[1] = {squares.ours, squares.raw, squares.raw};
        return lines;
    }

private:
    /// Items a second.
    struct rates {
        double ours = 0;
        double python = 0;
        double threads = 0;
        double raw = 0;
    };

    rates measure(swarm_work what, unsigned number)
    {
        const auto all = static_cast<double>(amounts_.of(what));
        const auto theirs =
            static_cast<double>(what == swarm_work::even ? amounts_.peers_even : amounts_.of(what));
        rates out;
        in_turn(number, {[&] { out.ours = all / ours(what); },
                         [&] { out.python = theirs / python_.seconds_for(what); },
                         [&] { out.threads = threads_ ? theirs / threads_->seconds_for(what) : 0; },
                         [&] { out.raw = theirs / raw(what); }});
        return out;
    }

    asio::awaitable<void> warm_up()
    {
        swarm_ = co_await own_->ctx.create_swarm(swarm_workers);
        const auto few = numbers(1000);
        static_cast<void>(co_await swarm_.map(square, few));
    }

    template <class F, class Items>
    asio::awaitable<void> map(F f, const Items& items, double& seconds, bool& right)
    {
        const auto begun = now_ns();
        const auto results = co_await swarm_.map(f, std::views::all(items));
        seconds = static_cast<double>(now_ns() - begun) / 1e9;
        right = results.size() == items.size();
        if constexpr (std::is_same_v<F, decltype(&square)>)
            right = right && std::ranges::equal(results, items, {}, {}, &square);
        else if constexpr (std::is_same_v<F, decltype(&count_marks_in)>)
            right = right && std::ranges::count(results, 1) == std::ssize(items);
    }

    template <class F, class Items>
    double timed(F f, const Items& items)
    {
        double seconds = 0;
        bool right = false;
        own_->run(map(f, items, seconds, right));
        check(right);
        return seconds;
    }

    double ours(swarm_work what)
    {
        switch (what) {
        case swarm_work::squares: return timed(&square, numbers(amounts_.squares));
        case swarm_work::even: return timed(&busy, even_times(amounts_.even));
        case swarm_work::uneven: return timed(&busy, uneven_times(amounts_.uneven));
        case swarm_work::large: break;
        }
        return timed(&count_marks_in, large_items(amounts_.large));
    }

    template <class Result, class Item>
    double by_sockets(swarm_work what, const std::vector<Item>& items, std::size_t count,
                      std::size_t at_once, std::vector<Result>& results) const
    {
        const auto& workers = *raw_[static_cast<std::size_t>(what)];
        const auto begun = now_ns();
        results.resize(count);
        workers.run(reinterpret_cast<const char*>(items.data()), count, at_once,
                    reinterpret_cast<char*>(results.data()));
        return static_cast<double>(now_ns() - begun) / 1e9;
    }

    double raw(swarm_work what) const
    {
        std::vector<int> results;
        double seconds = 0;
        switch (what) {
        case swarm_work::squares: {
            const auto items = numbers(amounts_.squares);
            seconds = by_sockets(what, items, items.size(), 16 << 10, results);
            check(std::ranges::equal(results, items, {}, {}, &square));
            return seconds;
        }
        case swarm_work::even:
            return by_sockets(what, even_times(amounts_.peers_even), amounts_.peers_even, 1,
                              results);
        case swarm_work::uneven:
            return by_sockets(what, uneven_times(amounts_.uneven), amounts_.uneven, 1, results);
        case swarm_work::large: break;
        }
        std::vector<std::int64_t> counts;
        seconds =
            by_sockets(what, in_a_row(large_items(amounts_.large)), amounts_.large, 1, counts);
        check(std::ranges::count(counts, 1) == std::ssize(counts));
        return seconds;
    }

    swarm_amounts amounts_;
    python_pool python_;
    std::optional<thread_loop> threads_;
    std::vector<std::unique_ptr<socket_workers>> raw_; ///< by work
    std::optional<own_state> own_; ///< after the forks above: they have nothing of it
    swarm swarm_;
};

std::vector<line> swarm_lines()
{
    constexpr auto more = better::more;
    const std::string python = "Python's Pool.map";
    const std::string sockets = "fork, sockets, poll";
    const std::string threads = "oneTBB's parallel_for";
    std::vector<line> all{
        {"P12", "swarm of two, x² over 10⁶ ints", "/s", python, more, 15, 30, sockets},
        {"P12/raw", "the same", "/s", sockets, more, 0.5, 0.9, sockets}};
    const auto add = [&](const std::string& id, const std::string& what, line beside_python,
                         line beside_threads) {
        for (auto* each : {&beside_python, &beside_threads}) {
            each->what = what;
            each->unit = "/s";
            each->which = more;
        }
        beside_python.id = "P12/" + id;
        beside_python.peer = python;
        beside_python.raw = beside_threads.raw = sockets;
        beside_threads.id = beside_python.id + "/t";
        beside_threads.peer = threads;
        all.push_back(beside_python);
        if (thread_loop::is_there())
            all.push_back(beside_threads);
    };
    const auto goal = [](double must, double moonshot) {
        line made;
        made.must = must;
        made.moonshot = moonshot;
        return made;
    };
    add("1ms", "the same swarm, items of 1 ms", goal(0.95, 1), goal(0.9, 1));
    add("zipf", "the same swarm, times by Zipf's law", goal(1, 1.2), goal(0.9, 1));
    add("1M", "the same swarm, items of 1 MiB", goal(2, 5), goal(0.1, 0.5));
    return all;
}

} // namespace

void add_swarm_rows(std::vector<row>& to)
{
    if (!thread_loop::is_there())
        std::fprintf(stderr, "P12 is without threads: oneTBB was not there when this was built\n");
    to.push_back(
        {"P12", swarm_lines(), [](const scale& s) { return std::make_unique<swarming>(s); }});
}

} // namespace zproc::bench
