// Every example, as a user runs it, and what it prints. To add one is to add a row.

#include "integration/forked_root.hpp"
#include "supervisor/sanitized.hpp"
#include "support/leak_check.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using zproc::test::forked_root;
using zproc::test::leak_check;

/// Whether the lines come as they stand here, or mixed, as several processes print them.
enum class order { as_written, any };

struct example {
    const char* name;
    order in;
    std::vector<std::string> lines; // * stands for anything

    friend std::ostream& operator<<(std::ostream& out, const example& e) { return out << e.name; }
};

const std::vector<example> examples{
    {"cookie_eater",
     order::any,
     {"*cookie_eater*", "Here's a cookie!", "Here's a cookie!", "Here's a cookie!",
      "Here's a cookie!", "Here's a cookie!", "nom nom nom", "nom nom nom", "nom nom nom",
      "nom nom nom", "nom nom nom", "cookies: 0"}},
    {"commands",
     order::as_written,
     {"apple", "fig", "pear", "sort *", "no-such-program: No such file or directory"}},
    {"remote_workers",
     order::as_written,
     {"9592 primes below 100000", "the other program exited with code 0"}},
    {"restarts", order::as_written, {"fetched 42 after 2 restarts", "fetcher: run 3 was the last"}},
    {"swarm",
     order::as_written,
     {"9592 primes below 100000", "1000003 is the first above a million", "-6", "signal 8", "8",
      "78498 primes below 1000000", "a prime"}},
    {"typed_values",
     order::as_written,
     {"recipe: object", R"(order: {"customer":"Ann","extras":["sliced"],"loaves":2})", "time: 3000",
      "rye of 500 g flour, baked for 50 minutes", "Ann: 3 loaves",
      "held: string, wanted: dict, in 'order', at [1]: *"}},
};

/// What these print is checked by example_stories_test.cpp.
const std::set<std::string> stories{
    "atomicity", "button",           "chain_reaction", "cookie_eater_extreme",
    "luck_test", "peanut_processor", "state_watchers", "time_machine"};

fs::path programs()
{
    return fs::read_symlink("/proc/self/exe").parent_path();
}

bool matches(std::string_view pattern, std::string_view line)
{
    const auto star = pattern.find('*');
    if (star == pattern.npos)
        return pattern == line;
    if (!line.starts_with(pattern.substr(0, star)))
        return false;
    pattern.remove_prefix(star + 1);
    for (line.remove_prefix(star); !matches(pattern, line); line.remove_prefix(1)) {
        if (line.empty())
            return false;
    }
    return true;
}

/// What an example prints, line by line, and whether it ended well.
std::vector<std::string> run(const char* name)
{
    const auto program = programs() / name;
    forked_root root([&] {
        ::alarm(120);
        ::execl(program.c_str(), program.c_str(), nullptr);
        return 127;
    });
    std::vector<std::string> lines;
    for (auto line = root.line(); !line.empty(); line = root.line())
        lines.push_back(std::move(line));
    BOOST_TEST(root.succeeds());
    return lines;
}

} // namespace

BOOST_AUTO_TEST_SUITE(example_programs)

BOOST_DATA_TEST_CASE(run_prints_what_its_row_says, examples, row)
{
    if (zproc::supervision::sanitized && std::string_view(row.name) == "swarm")
        return; // an item of it crashes, and that is printed
    const leak_check nothing_left(2s);
    auto printed = run(row.name);
    auto expected = row.lines;
    if (row.in == order::any) {
        // Each line meets a pattern that no other has met; what is left over differs.
        for (auto& line : printed) {
            const auto met = std::find_if(expected.begin(), expected.end(),
                                          [&](const auto& each) { return matches(each, line); });
            BOOST_TEST((met != expected.end()), "nobody expects: " << line);
            if (met != expected.end())
                expected.erase(met);
        }
        for (const auto& each : expected)
            BOOST_ERROR("never printed: " << each);
    } else {
        BOOST_TEST(printed.size() == expected.size());
        for (std::size_t i = 0; i != std::min(printed.size(), expected.size()); ++i)
            BOOST_TEST(matches(expected[i], printed[i]),
                       "expected: " << expected[i] << "\nprinted: " << printed[i]);
    }
    for (const auto& each : nothing_left.leaks())
        BOOST_ERROR("left two seconds later: " << each);
}

BOOST_AUTO_TEST_CASE(every_example_has_a_row)
{
    auto named = stories;
    for (const auto& each : examples)
        named.insert(each.name);
    for (const auto& file : fs::directory_iterator(fs::path(ZPROC_SOURCE_DIR) / "example"))
        if (file.path().extension() == ".cpp")
            BOOST_TEST(named.contains(file.path().stem()), file.path());
}

BOOST_AUTO_TEST_CASE(pattern_matches_with_stars)
{
    BOOST_TEST((matches("a*c*", "abcd") && matches("*", "") && matches("*b", "abb")));
    BOOST_TEST((!matches("a*c", "abcd") && !matches("ab", "abc") && !matches("*x*", "abc")));
}

BOOST_AUTO_TEST_SUITE_END()
