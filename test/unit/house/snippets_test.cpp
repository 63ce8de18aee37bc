// Every C++ snippet of the README and of doc/ is a region of code that is compiled:
//
//     <!-- example/cookie_eater.cpp [bakery] -->
//     ```cpp
//     …the lines between "// [bakery" and "// bakery]" of that file…
//     ```

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path root = ZPROC_SOURCE_DIR;

std::string content(const fs::path& file)
{
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::string> region(const std::string& text, const std::string& name)
{
    std::istringstream in(text);
    std::string found;
    bool inside = false;
    bool ended = false;
    for (std::string line; std::getline(in, line);) {
        if (line == "// " + name + "]")
            ended = true;
        if (inside && !ended)
            found += line + '\n';
        if (line == "// [" + name)
            inside = true;
    }
    if (!ended)
        return std::nullopt;
    return found;
}

struct snippet {
    std::string file, region, code;
};

/// The snippets of a page; those that name no source have an empty file.
std::vector<snippet> snippets(const std::string& page)
{
    static const std::regex tag(R"(<!-- (\S+) \[(\w+)\] -->)");
    std::vector<snippet> all;
    std::istringstream in(page);
    std::string before;
    for (std::string line; std::getline(in, line);) {
        if (line == "```cpp") {
            snippet s;
            if (std::smatch m; std::regex_match(before, m, tag)) {
                s.file = m[1];
                s.region = m[2];
            }
            while (std::getline(in, line) && line != "```")
                s.code += line + '\n';
            all.push_back(s);
        }
        before = line;
    }
    return all;
}

std::vector<fs::path> pages()
{
    std::vector<fs::path> all{root / "README.md"};
    for (const auto& entry : fs::recursive_directory_iterator(root / "doc"))
        if (entry.path().extension() == ".md")
            all.push_back(entry.path());
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(snippets_suite)

BOOST_AUTO_TEST_CASE(every_snippet_is_a_region_of_compiled_code)
{
    for (const auto& page : pages())
        for (const auto& s : snippets(content(page))) {
            BOOST_TEST_CONTEXT(page << ":\n" << s.code)
            {
                if (s.file.empty()) {
                    BOOST_ERROR("no comment above it says which file it is from");
                    continue;
                }
                const auto source = region(content(root / s.file), s.region);
                BOOST_TEST_REQUIRE(source.has_value(), s.file << " has no such region");
                BOOST_TEST(*source == s.code);
            }
        }
}

BOOST_AUTO_TEST_CASE(snippets_without_a_source_are_found)
{
    const auto all =
        snippets("text\n```cpp\nint a;\n```\n<!-- x.cpp [r] -->\n```cpp\nint b;\n```\n");
    BOOST_REQUIRE(all.size() == 2u);
    BOOST_TEST(all[0].file == "");
    BOOST_TEST(all[1].file == "x.cpp");
    BOOST_TEST(all[1].code == "int b;\n");
    BOOST_TEST(!region("// [r\nint a;\n", "r").has_value());
    BOOST_TEST(*region("// [r\nint a;\n// r]\nint b;\n", "r") == "int a;\n");
}

BOOST_AUTO_TEST_SUITE_END()
