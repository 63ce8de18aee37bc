// zproc beside its peers, on the same work, in one run: the table of bench/README.md.
//
//     compare [--quick] [--rounds N] [--json FILE] [P1 P2 …]
//
// Client, server and watchers are processes of their own; in each round every contestant does the
// work once, in turns. Only the ratio of one round counts, and of these the median.

#include "compare/machine.hpp"
#include "compare/report.hpp"
#include "compare/row.hpp"
#include "support/about_machine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace zproc::bench {

std::vector<row> all_rows()
{
    std::vector<row> all;
    add_request_rows(all);
    add_contention_rows(all);
    add_watch_rows(all);
    add_history_rows(all);
    add_process_rows(all);
    add_swarm_rows(all);
    add_build_rows(all);
    std::ranges::sort(all, {}, [](const row& each) { return std::atoi(each.id.c_str() + 1); });
    return all;
}

void in_turn(unsigned round, const std::vector<std::function<void()>>& contestants)
{
    for (std::size_t i = 0; i != contestants.size(); ++i)
        contestants[(round + i) % contestants.size()]();
}

} // namespace zproc::bench

namespace {

using namespace zproc::bench;

struct wishes {
    scale how;
    unsigned rounds = 0;
    std::string json;
    std::vector<std::string> rows;

    bool wants(const row& r) const { return rows.empty() || std::ranges::count(rows, r.id) != 0; }
};

wishes read_arguments(int argc, char** argv)
{
    wishes out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--quick" || word == "--smoke")
            out.how.quick = true;
        else if (word == "--rounds" && i + 1 < argc)
            out.rounds = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
        else if (word == "--json" && i + 1 < argc)
            out.json = argv[++i];
        else if (word.starts_with('P'))
            out.rows.emplace_back(word);
        else {
            std::fprintf(stderr, "usage: %s [--quick] [--rounds N] [--json FILE] [P1 P2 …]\n",
                         argv[0]);
            std::exit(2);
        }
    }
    if (out.rounds == 0)
        out.rounds = out.how.quick ? 1 : 5;
    return out;
}

/// So many rounds; all figures of one after the other.
std::vector<figures> run(const row& r, const wishes& w)
{
    std::vector<figures> all;
    const auto work = r.begin(w.how);
    for (unsigned i = 0; i != w.rounds; ++i)
        for (const auto& each : work->round(i))
            all.push_back(each);
    return all;
}

/// In a program of its own, of which nothing is left afterwards.
std::vector<measured> run_apart(const row& r, const wishes& w)
{
    int ends[2];
    if (::pipe(ends) != 0)
        throw std::runtime_error("no pipe");
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 1;
        try {
            for (const auto& each : run(r, w))
                if (::write(ends[1], &each, sizeof each) != sizeof each)
                    ::_exit(1);
            code = 0;
        } catch (const std::exception& e) {
            std::fprintf(stderr, "%s: %s\n", r.id.c_str(), e.what());
        }
        ::_exit(code);
    }
    ::close(ends[1]);
    std::vector<measured> lines;
    for (const auto& each : r.lines)
        lines.push_back({each, {}});
    figures one;
    for (std::size_t i = 0; ::read(ends[0], &one, sizeof one) == sizeof one; ++i)
        lines[i % lines.size()].rounds.push_back(one);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0 || lines.back().rounds.size() != w.rounds)
        throw std::runtime_error("row " + r.id + " could not be measured");
    return lines;
}

} // namespace

int main(int argc, char** argv)
try {
    const auto w = read_arguments(argc, argv);
    prepare_shared_page();
    const auto about = about_machine() + "; g++ " __VERSION__ "; Redis " + redis_server::settings();
    std::printf("%s\n%u round%s; a ratio is zproc's figure by the peer's, the median of the "
                "rounds\n\n",
                about.c_str(), w.rounds, w.rounds == 1 ? "" : "s");
    print_heading();
    std::vector<measured> all;
    bool any = false;
    for (const auto& r : all_rows()) {
        if (!w.wants(r))
            continue;
        any = true;
        for (auto& each : run_apart(r, w)) {
            print(each);
            all.push_back(std::move(each));
        }
    }
    if (!any) {
        std::fprintf(stderr, "compare: there is no such row\n");
        return 2;
    }
    if (!w.json.empty())
        std::ofstream(w.json) << to_json(all, about) << '\n';
    if (w.how.quick)
        std::printf("\nonly to see that it runs: the figures mean nothing\n");
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "compare: %s\n", e.what());
    return 1;
}
