#include "stress/soak/judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>

namespace zproc::test::soaking {

namespace {

constexpr double step = 1.2;

/// Nothing when there is nothing to be read.
std::optional<double> middle_of(const std::vector<sample>& all, std::size_t first, std::size_t last,
                                const std::function<bool(const sample&, double&)>& read)
{
    std::vector<double> found;
    for (std::size_t i = first; i != last; ++i)
        if (double value = 0; read(all[i], value))
            found.push_back(value);
    if (found.empty())
        return std::nullopt;
    std::ranges::sort(found);
    return found[found.size() / 2];
}

} // namespace

unsigned histogram::step_of(double microseconds)
{
    if (microseconds <= 1)
        return 0;
    return std::min(steps - 1, static_cast<unsigned>(std::log(microseconds) / std::log(step)));
}

latency histogram::read(const std::vector<std::uint64_t>& counts)
{
    std::uint64_t all = 0;
    for (const auto each : counts)
        all += each;
    const auto at = [&](double part) {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i != counts.size(); ++i) {
            seen += counts[i];
            if (static_cast<double>(seen) >= part * static_cast<double>(all))
                return std::pow(step, static_cast<double>(i) + 0.5);
        }
        return 0.0;
    };
    return all == 0 ? latency{} : latency{at(0.5), at(0.99)};
}

verdict compare(const std::vector<sample>& all, const tolerance& limits)
{
    verdict out;
    const auto third = all.size() / 3;
    if (third == 0) {
        out.grown.push_back("nothing: there are too few samples");
        return out;
    }
    const auto look = [&](const std::string& what, const char* unit, double scale,
                          const std::function<bool(const sample&, double&)>& read,
                          const std::function<bool(double, double)>& tolerated) {
        const auto first = middle_of(all, 0, third, read);
        const auto last = middle_of(all, all.size() - third, all.size(), read);
        if (!first || !last) {
            out.grown.push_back(what + ": there is nothing to compare");
            return;
        }
        char line[160];
        std::snprintf(line, sizeof line, "%-34s %10.2f %s, then %10.2f %s", what.c_str(),
                      *first / scale, unit, *last / scale, unit);
        out.lines.emplace_back(line);
        if (!tolerated(*first, *last))
            out.grown.push_back(what);
    };
    std::set<std::string> processes, roads;
    for (const auto& each : all) {
        for (const auto& [name, held] : each.processes)
            processes.insert(name);
        for (const auto& [name, took] : each.requests)
            roads.insert(name);
    }
    constexpr double mebibyte = 1 << 20;
    const auto by_at_most = [](std::int64_t limit) {
        return [limit](double first, double last) {
            return last - first <= static_cast<double>(limit);
        };
    };
    const auto of_process = [](const std::string& name, auto member) {
        return [name, member](const sample& s, double& value) {
            const auto it = s.processes.find(name);
            if (it != s.processes.end())
                value = static_cast<double>(it->second.*member);
            return it != s.processes.end();
        };
    };
    const auto of_road = [](const std::string& name, double latency::* member) {
        return [name, member](const sample& s, double& value) {
            const auto it = s.requests.find(name);
            if (it != s.requests.end())
                value = it->second.*member;
            return it != s.requests.end() && value != 0;
        };
    };
    for (const auto& name : processes) {
        look("memory of " + name, "MiB", mebibyte, of_process(name, &holding::memory),
             by_at_most(limits.memory));
        look("descriptors of " + name, "   ", 1, of_process(name, &holding::descriptors),
             by_at_most(limits.descriptors));
    }
    for (const auto& name : roads) {
        look("median latency, " + name, "us ", 1, of_road(name, &latency::median),
             [&](double first, double last) { return last <= first * limits.latency; });
        look("99 % latency, " + name, "us ", 1, of_road(name, &latency::high),
             [](double, double) { return true; }); // what else the machine does is in it
    }
    look(
        "disk", "MiB", mebibyte,
        [](const sample& s, double& value) {
            value = static_cast<double>(s.disk);
            return true;
        },
        by_at_most(limits.disk));
    return out;
}

} // namespace zproc::test::soaking
