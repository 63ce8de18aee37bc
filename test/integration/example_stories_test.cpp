// Examples whose output differs from run to run: what has to be true of it.

#include "integration/forked_root.hpp"
#include "support/leak_check.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using zproc::test::forked_root;

std::string program_of(const std::string& name)
{
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

/// What an example writes, which must end well.
std::vector<std::string> lines_of(const std::string& name)
{
    const auto program = program_of(name);
    BOOST_TEST_REQUIRE(std::filesystem::exists(program));
    forked_root root([&] {
        ::alarm(60);
        ::execl(program.c_str(), program.c_str(), nullptr);
        return 127;
    });
    std::vector<std::string> lines;
    for (auto line = root.line(); !line.empty(); line = root.line())
        lines.push_back(line);
    BOOST_TEST(root.succeeds(), name << " ends well");
    return lines;
}

std::ptrdiff_t count(const std::vector<std::string>& lines, const std::string& pattern)
{
    return std::ranges::count_if(lines, [wanted = std::regex(pattern)](const std::string& line) {
        return std::regex_match(line, wanted);
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(example_stories)

BOOST_AUTO_TEST_CASE(atomicity_counts_to_a_hundred_without_a_race)
{
    auto lines = lines_of("atomicity");
    BOOST_TEST(lines.size() == 101u);
    for (int i = 1; i <= 100; ++i)
        BOOST_TEST(std::ranges::count(lines, std::to_string(i)) == 1);
    BOOST_TEST(std::ranges::count(lines, "count: 100") == 1);
}

BOOST_AUTO_TEST_CASE(chain_reaction_goes_on_to_its_end)
{
    const auto lines = lines_of("chain_reaction");
    BOOST_REQUIRE(lines.size() == 5u);
    BOOST_TEST(lines.front() == "main: I set foo to foobar");
    BOOST_TEST(count(lines, "first: foo changed, so I wake, now foo = \"foobar\"") == 1);
    BOOST_TEST(count(lines, "second: foo is \"foobar\"") == 1);
    BOOST_TEST(count(lines, "second: foo is \"bar\"") == 1);
    BOOST_TEST(lines.back() == "main: I exit");
}

BOOST_AUTO_TEST_CASE(cookie_eater_extreme_leaves_what_arithmetic_says)
{
    const auto lines = lines_of("cookie_eater_extreme");
    BOOST_TEST((lines == std::vector<std::string>{"ready: 100", "balance: -495"}));
}

BOOST_AUTO_TEST_CASE(luck_test_ends_by_luck)
{
    const auto lines = lines_of("luck_test");
    BOOST_REQUIRE(lines.size() == 2u);
    BOOST_TEST(count(lines, "listener: 0\\.60\\d* is between 0\\.6 and 0\\.601, so I awake") == 1);
    BOOST_TEST(count(lines, "generator: stop was set after \\d+ numbers, so I exit") == 1);
}

BOOST_AUTO_TEST_CASE(peanut_processor_shows_three_ways_to_be_slow)
{
    const auto lines = lines_of("peanut_processor");
    BOOST_REQUIRE(lines.size() == 15u);
    const auto number = [&](std::size_t line) {
        return std::stoi(lines[line].substr(lines[line].rfind(' ')));
    };
    for (std::size_t i = 1; i != 5; ++i) {
        BOOST_TEST(number(i) > number(i - 1) + 1, "live: what happened meanwhile is skipped");
        BOOST_TEST(number(5 + i) == number(4 + i) + 1, "buffered: each, in order");
    }
    BOOST_TEST(number(5) == 1);
    BOOST_TEST(number(10) == 1, "hybrid: begins where it was made");
    for (std::size_t i = 11; i != 15; ++i)
        BOOST_TEST(number(i) > number(i - 1) + 1, "and skips when told to");
    BOOST_TEST(count(lines, "(live|buffered|hybrid) consumer got: \\d+") == 15);
}

BOOST_AUTO_TEST_CASE(state_watchers_see_each_what_they_ask_for)
{
    const auto lines = lines_of("state_watchers");
    BOOST_REQUIRE(lines.size() == 8u);
    for (const auto* pattern :
         {"when\\(both flags\\) -> .*flag2: absent -> true",
          "when_equal\\(\"flag1\", true\\) -> .*", "when_not_equal\\(\"flag1\", false\\) -> .*",
          "when_change\\(\\) -> revision 2: flag1: absent -> true",
          "when_change\\(\"flag2\"\\) -> revision 3: flag2: absent -> true",
          "when_change\\(\"flag1\", exclude\\) -> revision 3: flag2: absent -> true"})
        BOOST_TEST(count(lines, pattern) == 1, pattern);
}

BOOST_AUTO_TEST_CASE(button_tells_a_long_press_from_a_short_one)
{
    const auto lines = lines_of("button");
    BOOST_REQUIRE(lines.size() == 4u);
    BOOST_TEST(std::ranges::count(lines, "short press") == 2);
    BOOST_TEST(std::ranges::count(lines, "long press") == 1);
    BOOST_TEST(lines.back() == "done");
}

BOOST_AUTO_TEST_CASE(time_machine_tells_the_past)
{
    const auto lines = lines_of("time_machine");
    BOOST_REQUIRE(lines.size() == 6u);
    BOOST_TEST(lines[0] == "revision 1: balance: absent -> 100");
    BOOST_TEST(lines[2] == "revision 3: balance: 150 -> 30");
    BOOST_TEST(lines[3] == "on monday: 150");
    BOOST_TEST(lines[4] == "balance was 150, is 30");
    BOOST_TEST(lines[5].find("not come to that revision yet") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
