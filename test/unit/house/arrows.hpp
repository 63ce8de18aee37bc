#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::test {

/// A file of the project; the path is relative to its root.
struct source_file {
    std::string path;
    std::string text;
};

/// What lib/arrows.txt says.
struct house_rules {
    std::map<std::string, std::set<std::string>, std::less<>>
        below;                     ///< room → rooms it may include
    std::vector<std::string> pure; ///< patterns, last match wins
    std::map<std::string, std::set<std::string>, std::less<>> blind; ///< room → public headers

    static house_rules parse(std::string_view text);
};

/// Every file is at most this long: a longer one is asking to be two.
inline constexpr std::size_t longest_file = 450;

/// One line for everything in `lib/` and `include/` that breaks the rules of the house.
std::vector<std::string> violations(const house_rules& rules,
                                    const std::vector<source_file>& files);

} // namespace zproc::test
