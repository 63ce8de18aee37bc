#include "scaling/plot.hpp"

#include "support/interleave.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>
#include <vector>

namespace zproc::bench {
namespace {

constexpr double height = 440; // of 720
constexpr double left = 74;
constexpr double right = 700;
constexpr double bottom = 384;

// Of a middle brightness, and told apart by their dashes as well.
struct look {
    const char* colour;
    const char* dashes;
};
constexpr std::array<look, 4> looks{
    {{"#2f81d6", "none"}, {"#d9730d", "7 4"}, {"#2e9e5b", "2 4"}, {"#a05bc4", "9 3 2 3"}}};

/// ` x="12.3"`
std::string with(const char* name, double number)
{
    char text[64];
    std::snprintf(text, sizeof text, " %s=\"%.1f\"", name, number);
    return text;
}

std::string with(const char* name, const std::string& word)
{
    return std::string(" ") + name + "=\"" + word + '"';
}

/// "10", "1k", "1M"; of bytes "16", "1 KiB".
std::string short_size(double size, bool bytes)
{
    const double kilo = bytes ? 1024 : 1000;
    const char* const units[] = {"", bytes ? " KiB" : "k", bytes ? " MiB" : "M"};
    std::size_t unit = 0;
    while (unit != 2 && size >= kilo) {
        size /= kilo;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.3g%s", size, units[unit]);
    return text;
}

/// Numbers on a line of the picture.
class scale {
public:
    scale(double least, double most, double from, double to, bool logarithmic)
        : least_(logarithmic ? std::log(least) : least),
          most_(logarithmic ? std::log(most) : most),
          from_(from),
          to_(to),
          logarithmic_(logarithmic)
    {
        if (most_ <= least_)
            most_ = least_ + 1;
    }
    double operator()(double number) const
    {
        const double at = logarithmic_ ? std::log(number) : number;
        return from_ + (at - least_) / (most_ - least_) * (to_ - from_);
    }

private:
    double least_;
    double most_;
    double from_;
    double to_;
    bool logarithmic_;
};

std::string text(double x, double y, const char* anchor, const std::string& what)
{
    return "<text" + with("x", x) + with("y", y) + with("text-anchor", anchor) + '>' + what +
           "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& more)
{
    return "<line" + with("x1", x1) + with("y1", y1) + with("x2", x2) + with("y2", y2) + more +
           "/>\n";
}

/// Round numbers between the two: 1, 2, 5 of each decade, or only its 1; or a dozen equal steps.
std::vector<double> marks(double least, double most, bool logarithmic)
{
    std::vector<double> out;
    if (!logarithmic) {
        const double decade = std::pow(10, std::floor(std::log10(most / 4)));
        double step = decade;
        for (const double each : {2, 5, 10})
            if (most / step > 7)
                step = decade * each;
        for (double at = 0; at <= most * 1.0001; at += step)
            out.push_back(at);
        return out;
    }
    const bool many = most / least > 3e3;
    for (double decade = std::pow(10, std::floor(std::log10(least))); decade <= most; decade *= 10)
        for (const double each : {1, 2, 5})
            if (decade * each >= least && decade * each <= most && (each == 1 || !many))
                out.push_back(decade * each);
    return out;
}

std::pair<double, double> extent(const drawn& what)
{
    double least = std::numeric_limits<double>::max();
    double most = 0;
    for (const auto& each : what.figures)
        for (const auto& rounds : each)
            for (const double figure : rounds) {
                least = std::min(least, figure);
                most = std::max(most, figure);
            }
    return {least, most};
}

} // namespace

std::string plot(const drawn& what)
{
    auto [least, most] = extent(what);
    least = std::max(least, most / 1e6);
    const bool logarithmic = most / least > 30;
    if (!logarithmic)
        least = 0;
    const bool bytes = what.of.x.find("bytes") != std::string::npos;
    const double top = 54 + 20 * static_cast<double>(what.of.lines.size());
    const scale x(what.sizes.front(), what.sizes.back(), left + 12, right - 12, true);
    const scale y(logarithmic ? least / 1.2 : 0, logarithmic ? most * 1.2 : most * 1.06, bottom,
                  top, logarithmic);

    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 440\" "
                      "font-family=\"sans-serif\" font-size=\"13\">\n"
                      "<style>text{fill:#6a727a}.grid{stroke:#8886}.axis{stroke:#888e94}"
                      "@media(prefers-color-scheme:dark){text{fill:#b4bcc4}}</style>\n";
    out += text(left, 24, "start", what.of.title);

    for (const double size : what.sizes)
        out += line(x(size), bottom, x(size), bottom + 5, with("class", "axis")) +
               text(x(size), bottom + 20, "middle", short_size(size, bytes));
    out += text((left + right) / 2, height - 12, "middle", what.of.x);
    for (const double mark : marks(least, most, logarithmic))
        out += line(left, y(mark), right, y(mark), with("class", "grid")) +
               text(left - 8, y(mark) + 4, "end", short_size(mark, false));
    out += text(left - 8, top - 12, "end", what.of.y);
    out += line(left, bottom, right, bottom, with("class", "axis"));

    for (std::size_t i = 0; i != what.figures.size(); ++i) {
        const auto& [colour, dashes] = looks[i % looks.size()];
        const auto stroke = with("stroke", colour);
        const auto dashed = stroke + with("stroke-width", 2) + with("stroke-dasharray", dashes);
        const double key = 44 + 20 * static_cast<double>(i);
        out += line(left, key, left + 34, key, dashed) +
               text(left + 42, key + 4, "start", what.of.lines[i]);
        std::string path;
        std::string points;
        for (std::size_t k = 0; k != what.sizes.size(); ++k) {
            const auto& rounds = what.figures[i][k];
            const double at = x(what.sizes[k]);
            const double middle = y(std::max(median(rounds), least));
            const auto [low, high] = std::ranges::minmax(rounds);
            points += line(at, y(std::max(low, least)), at, y(high),
                           stroke + with("stroke-width", 5) + with("stroke-opacity", 0.4)) +
                      "<circle" + with("cx", at) + with("cy", middle) + with("r", 3) +
                      with("fill", colour) + "/>\n";
            char step[48];
            std::snprintf(step, sizeof step, "%c%.1f %.1f", path.empty() ? 'M' : 'L', at, middle);
            path += step;
        }
        out += "<path" + with("fill", "none") + dashed + with("d", path) + "/>\n" + points;
    }
    return out + "</svg>\n";
}

} // namespace zproc::bench
