#include "support/interleave.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace zproc::bench {
namespace {

double cpu_nanoseconds(clockid_t clock)
{
    timespec time{};
    if (::clock_gettime(clock, &time) != 0)
        return 0;
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double cpu_nanoseconds(const contestant& who)
{
    double sum = cpu_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (const pid_t helper : who.helpers) {
        clockid_t clock{};
        if (::clock_getcpuclockid(helper, &clock) == 0)
            sum += cpu_nanoseconds(clock);
    }
    return sum;
}

/// What one contestant did in each round.
struct record {
    std::vector<double> wall;
    std::vector<double> cpu;
};

void run_once(const contestant& who, std::size_t times, record& into)
{
    times *= who.more;
    const double cpu = cpu_nanoseconds(who);
    const auto begin = std::chrono::steady_clock::now();
    who.run(times);
    const std::chrono::duration<double, std::nano> wall = std::chrono::steady_clock::now() - begin;
    into.wall.push_back(wall.count() / static_cast<double>(times));
    into.cpu.push_back((cpu_nanoseconds(who) - cpu) / static_cast<double>(times));
}

double quantile(const std::vector<double>& sorted, double part)
{
    const double at = part * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (at - static_cast<double>(low));
}

/// "13.50 µs", or "13.5 ns" below one.
std::string time_text(double nanoseconds)
{
    char text[32];
    if (nanoseconds < 1000)
        std::snprintf(text, sizeof text, "%.1f ns", nanoseconds);
    else
        std::snprintf(text, sizeof text, "%.2f µs", nanoseconds / 1e3);
    return text;
}

/// To the right of a column of `width`; µ is one character of two bytes.
std::string right(const std::string& text, std::size_t width)
{
    const std::size_t size = text.size() - (text.find("µ") != text.npos ? 1 : 0);
    return std::string(width - std::min(width, size), ' ') + text;
}

bool take_number(std::string_view argument, std::string_view name, std::size_t& into)
{
    if (!argument.starts_with(name))
        return false;
    argument.remove_prefix(name.size());
    const char* end = argument.data() + argument.size();
    const auto [rest, error] = std::from_chars(argument.data(), end, into);
    return error == std::errc{} && rest == end && into != 0;
}

} // namespace

options options::from_arguments(int argc, char** argv, std::size_t usual_times)
{
    options taken;
    taken.times = usual_times;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--smoke") {
            taken.smoke = true;
            taken.rounds = 2;
            taken.times = 50;
        } else if (!take_number(argument, "--rounds=", taken.rounds) &&
                   !take_number(argument, "--times=", taken.times)) {
            std::fprintf(stderr, "usage: %s [--rounds=N] [--times=N] [--smoke]\n", argv[0]);
            std::exit(2);
        }
    }
    return taken;
}

double median(std::vector<double> numbers)
{
    if (numbers.empty())
        return 0;
    std::ranges::sort(numbers);
    return quantile(numbers, 0.5);
}

double spread(std::vector<double> numbers)
{
    if (numbers.size() < 4)
        return 0;
    std::ranges::sort(numbers);
    return (quantile(numbers, 0.75) - quantile(numbers, 0.25)) / quantile(numbers, 0.5);
}

std::vector<result> interleave(const std::vector<contestant>& contestants, const options& options)
{
    std::vector<record> records(contestants.size());
    // Caches, pages, branch predictors: not part of what is measured.
    for (const auto& who : contestants)
        who.run(std::max<std::size_t>(1, options.times * who.more / 10));

    for (std::size_t round = 0; round != options.rounds; ++round) {
        for (std::size_t i = 0; i != contestants.size(); ++i) {
            const std::size_t which = (round + i) % contestants.size();
            run_once(contestants[which], options.times, records[which]);
        }
    }

    std::vector<result> results;
    for (std::size_t i = 0; i != contestants.size(); ++i) {
        std::vector<double> ratios;
        for (std::size_t round = 0; round != options.rounds; ++round)
            ratios.push_back(records[i].wall[round] / records[0].wall[round]);
        results.push_back({contestants[i].name, median(records[i].wall), median(records[i].cpu),
                           median(std::move(ratios)), spread(records[i].wall)});
    }
    return results;
}

void print(const std::string& title, const std::vector<result>& results, const options& options)
{
    std::printf("%s: medians of %zu interleaved rounds of %zu\n", title.c_str(), options.rounds,
                options.times);
    std::printf("  %-36s %12s %12s %8s %8s\n", "", "wall", "CPU", "ratio", "spread");
    for (const auto& line : results) {
        std::printf("  %-36s %s %s %7.2f× %6.0f %%\n", line.name.c_str(),
                    right(time_text(line.nanoseconds), 12).c_str(),
                    right(time_text(line.cpu_nanoseconds), 12).c_str(), line.ratio,
                    line.spread * 100);
    }
    std::fflush(stdout);
}

} // namespace zproc::bench
