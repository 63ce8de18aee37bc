#include "compare/report.hpp"

#include "support/interleave.hpp"

#include <zproc/dict.hpp>
#include <zproc/value.hpp>

#include <algorithm>
#include <cstdio>

namespace zproc::bench {

namespace {

std::vector<double> each(const std::vector<figures>& rounds, double figures::* member)
{
    std::vector<double> out;
    for (const auto& r : rounds)
        out.push_back(r.*member);
    return out;
}

std::vector<double> ratios_of(const std::vector<figures>& rounds)
{
    std::vector<double> out;
    for (const auto& r : rounds)
        out.push_back(r.peer == 0 ? 0 : r.ours / r.peer);
    return out;
}

std::string short_number(double number)
{
    char text[32];
    if (number >= 1000)
        std::snprintf(text, sizeof text, "%.0f", number);
    else
        std::snprintf(text, sizeof text, "%.3g", number);
    return number == 0 ? "-" : text;
}

const char* words(measured::verdict reached)
{
    switch (reached) {
    case measured::verdict::missed: return "MISSED";
    case measured::verdict::met: return "met";
    case measured::verdict::moonshot: return "met, and the moonshot";
    }
    return "";
}

std::string goal_text(const line& of)
{
    char text[48];
    std::snprintf(text, sizeof text, "%s %.3g", of.which == better::less ? "<=" : ">=", of.must);
    return text;
}

} // namespace

figures measured::medians() const
{
    return {median(each(rounds, &figures::ours)), median(each(rounds, &figures::peer)),
            median(each(rounds, &figures::raw))};
}

double measured::ratio() const
{
    return median(ratios_of(rounds));
}

double measured::spread() const
{
    return bench::spread(ratios_of(rounds));
}

measured::verdict measured::reached() const
{
    const auto within = [&](double goal) {
        return of.which == better::less ? ratio() <= goal : ratio() >= goal;
    };
    return within(of.moonshot) ? verdict::moonshot
           : within(of.must)   ? verdict::met
                               : verdict::missed;
}

void print_heading()
{
    std::printf("%-8s %-46s %-9s %10s %10s %10s %8s %7s %8s  %s\n", "", "", "unit", "zproc", "peer",
                "raw", "ratio", "spread", "must", "peer");
}

void print(const measured& one)
{
    const auto m = one.medians();
    char spread[16] = "-"; // of fewer rounds it would say nothing
    if (one.rounds.size() >= 4)
        std::snprintf(spread, sizeof spread, "%.0f%%", 100 * one.spread());
    std::printf("%-8s %-46s %-9s %10s %10s %10s %8s %7s %8s  %s: %s\n", one.of.id.c_str(),
                one.of.what.c_str(), one.of.unit.c_str(), short_number(m.ours).c_str(),
                short_number(m.peer).c_str(), short_number(m.raw).c_str(),
                short_number(one.ratio()).c_str(), spread, goal_text(one.of).c_str(),
                one.of.peer.c_str(), words(one.reached()));
    std::fflush(stdout);
}

std::string to_json(const std::vector<measured>& all, const std::string& about)
{
    list lines;
    for (const auto& one : all) {
        list rounds;
        for (const auto& r : one.rounds)
            rounds.push_back(list_of(r.ours, r.peer, r.raw));
        dict entry;
        entry["id"] = one.of.id;
        entry["what"] = one.of.what;
        entry["unit"] = one.of.unit;
        entry["peer"] = one.of.peer;
        entry["raw"] = one.of.raw;
        entry["better"] = one.of.which == better::less ? "less" : "more";
        entry["must"] = one.of.must;
        entry["moonshot"] = one.of.moonshot;
        entry["ratio"] = one.ratio();
        entry["spread"] = one.spread();
        entry["reached"] = words(one.reached());
        entry["rounds"] = value(std::move(rounds));
        lines.push_back(value(std::move(entry)));
    }
    dict whole;
    whole["about"] = about;
    whole["lines"] = value(std::move(lines));
    return value(std::move(whole)).to_json();
}

} // namespace zproc::bench
