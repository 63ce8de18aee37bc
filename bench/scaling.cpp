// What an operation costs, against how much there is: keys, bytes of a value, watchers,
// namespaces, connections, history, workers. The points of a curve are measured in turns, each round
// beginning with another, every time with a state process of its own.
//
//     scaling [--smoke] [--rounds N] [--json FILE] [--plots FOLDER] [curve…]
//
// The figures and plots in bench/scaling/ are made by
//
//     ./dev bench scaling --json bench/scaling/curves.json --plots bench/scaling

#include "scaling/curve.hpp"
#include "scaling/plot.hpp"
#include "support/about_machine.hpp"
#include "support/interleave.hpp"

#include <zproc/dict.hpp>
#include <zproc/value.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace zproc::bench;

struct wishes {
    effort how;
    std::size_t rounds = 0;
    std::string json;
    std::string plots;
    std::vector<std::string> curves;

    bool wants(const curve& c) const
    {
        return curves.empty() || std::ranges::count(curves, c.name) != 0;
    }
};

wishes read_arguments(int argc, char** argv)
{
    wishes out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--smoke") {
            out.how.smoke = true;
        } else if (word == "--rounds" && i + 1 < argc) {
            out.rounds = static_cast<std::size_t>(std::max(1, std::atoi(argv[++i])));
        } else if (word == "--json" && i + 1 < argc) {
            out.json = argv[++i];
        } else if (word == "--plots" && i + 1 < argc) {
            out.plots = argv[++i];
        } else if (!word.starts_with('-')) {
            out.curves.emplace_back(word);
        } else {
            std::fprintf(stderr,
                         "usage: %s [--smoke] [--rounds N] [--json FILE] [--plots FOLDER] "
                         "[curve…]\n",
                         argv[0]);
            std::exit(2);
        }
    }
    if (out.rounds == 0)
        out.rounds = out.how.smoke ? 1 : 5;
    return out;
}

drawn measure(const curve& of, const wishes& w)
{
    drawn out{of, w.how.smoke ? of.few : of.sizes, {}};
    out.figures.assign(of.lines.size(), std::vector<std::vector<double>>(out.sizes.size()));
    for (std::size_t round = 0; round != w.rounds; ++round)
        for (std::size_t i = 0; i != out.sizes.size(); ++i) {
            const auto which = (round + i) % out.sizes.size();
            const auto all = of.measure(static_cast<std::size_t>(out.sizes[which]), w.how);
            for (std::size_t k = 0; k != all.size(); ++k)
                out.figures[k][which].push_back(all[k]);
        }
    return out;
}

void print(const drawn& what)
{
    std::printf("\n%s, %s\n  %12s", what.of.title.c_str(), what.of.y.c_str(), "");
    for (std::size_t k = 0; k != what.figures.size(); ++k)
        std::printf("  (%zu) %s", k + 1, what.of.lines[k].c_str());
    std::printf("\n");
    for (std::size_t i = 0; i != what.sizes.size(); ++i) {
        std::printf("  %12.0f", what.sizes[i]);
        for (const auto& each : what.figures)
            std::printf(" %12.3f ±%3.0f %%", median(each[i]), 50 * spread(each[i]));
        std::printf("\n");
    }
    std::fflush(stdout);
}

zproc::value as_data(const drawn& what)
{
    zproc::list lines;
    for (std::size_t k = 0; k != what.figures.size(); ++k) {
        zproc::list points;
        for (std::size_t i = 0; i != what.sizes.size(); ++i) {
            zproc::list rounds;
            for (const double figure : what.figures[k][i])
                rounds.push_back(zproc::value(figure));
            points.push_back(zproc::value(
                zproc::dict::of("x", what.sizes[i], "rounds", zproc::value(std::move(rounds)))));
        }
        lines.push_back(zproc::value(
            zproc::dict::of("name", what.of.lines[k], "points", zproc::value(std::move(points)))));
    }
    return zproc::value(zproc::dict::of("name", what.of.name, "title", what.of.title, "x",
                                        what.of.x, "y", what.of.y, "lines",
                                        zproc::value(std::move(lines))));
}

void write(const std::string& path, const std::string& text)
{
    std::ofstream out(path);
    if (!(out << text << std::flush))
        throw std::runtime_error("cannot write " + path);
}

} // namespace

int main(int argc, char** argv)
try {
    const auto w = read_arguments(argc, argv);
    prepare_watch_curves();
    std::vector<curve> all;
    add_request_curves(all);
    add_watch_curves(all);
    add_swarm_curves(all);
    const auto about = about_machine();
    std::printf("%s; medians of %zu interleaved rounds, ± half of what is between the quartiles\n",
                about.c_str(), w.rounds);

    zproc::list data;
    for (const auto& each : all) {
        if (!w.wants(each))
            continue;
        const auto one = measure(each, w);
        print(one);
        data.push_back(as_data(one));
        if (!w.plots.empty())
            write(w.plots + "/" + each.name + ".svg", plot(one));
        if (!w.json.empty()) // all so far: it takes long
            write(w.json,
                  zproc::value(zproc::dict::of("about", about, "curves", zproc::value(data)))
                          .to_json() +
                      '\n');
    }
    if (data.empty()) {
        std::fprintf(stderr, "scaling: there is no such curve\n");
        return 2;
    }
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "scaling: %s\n", e.what());
    return 1;
}
