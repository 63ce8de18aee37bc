#include "arrows.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using zproc::test::house_rules;
using zproc::test::source_file;
using zproc::test::violations;

namespace {

const std::filesystem::path root = ZPROC_SOURCE_DIR;

std::string slurp(const std::filesystem::path& path)
{
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<source_file> project()
{
    std::vector<source_file> files;
    for (const char* folder : {"lib", "include"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            const auto ending = entry.path().extension();
            if (ending == ".hpp" || ending == ".cpp") {
                files.push_back(
                    {entry.path().lexically_relative(root).generic_string(), slurp(entry.path())});
            }
        }
    }
    return files;
}

house_rules real_rules()
{
    return house_rules::parse(slurp(root / "lib" / "arrows.txt"));
}

// A house that keeps every rule; each bad example below adds or replaces one file.
std::vector<source_file> good_house()
{
    return {
        {"include/zproc/value.hpp", "#include <zproc/error.hpp>\n#include <vector>\n"},
        {"include/zproc/error.hpp", "#include <boost/system/error_code.hpp>\n"},
        {"include/zproc/context.hpp", "#include <boost/asio/io_context.hpp>\n"},
        {"lib/error.cpp", "#include <zproc/error.hpp>\n"},
        {"lib/value/msgpack.hpp", "#include <zproc/value.hpp>\n"},
        {"lib/journal/crc.cpp", "#include <nmmintrin.h>\n#include <chrono>\n"},
        {"lib/store/store.hpp",
         "#include \"journal/crc.cpp\"\n  #  include \"value/msgpack.hpp\"\n"},
        {"lib/client/connection.cpp", "#include <sys/socket.h>\n#include \"client/call.hpp\"\n"},
        {"lib/client/call.hpp", "#include <boost/asio/post.hpp>\n"},
        {"lib/context.hpp", "#include <zproc/context.hpp>\n"},
        {"lib/context.cpp",
         "#include \"context.hpp\"\n#include \"client/call.hpp\"\n#include <zproc/context.hpp>\n"},
    };
}

struct bad_example {
    const char* why;
    const char* path;
    const char* text;
};

std::ostream& operator<<(std::ostream& out, const bad_example& example)
{
    return out << example.why;
}

const std::string too_long(zproc::test::longest_file + 1, '\n');

const bad_example bad_examples[] = {
    {"no arrow goes from value to store", "lib/value/bad.cpp", "#include \"store/store.hpp\"\n"},
    {"no arrow goes from store to client", "lib/store/bad.cpp", "#include \"client/call.hpp\""},
    {"no arrow goes from supervisor to value", "lib/supervisor/bad.cpp",
     "\t#\tinclude\t\"value/msgpack.hpp\"\n"},
    {"no arrow goes from server to client", "lib/server/bad.cpp", "#include \"client/call.hpp\"\n"},
    {"no arrow goes from client to context", "lib/client/bad.cpp", "#include \"context.hpp\"\n"},
    {"must know nothing of <zproc/context.hpp>", "lib/supervisor/bad.cpp",
     "#include <zproc/context.hpp>\n"},
    {"has no room 'attic'", "lib/attic/bad.cpp", ""},
    {"a public header includes \"value/msgpack.hpp\"", "include/zproc/bad.hpp",
     "#include \"value/msgpack.hpp\"\n"},
    {"<zproc/nowhere.hpp> is not a public header", "include/zproc/bad.hpp",
     "#include <zproc/nowhere.hpp>\n"},
    {"reaches an I/O library", "lib/journal/bad.cpp", "#include <boost/asio/buffer.hpp>\n"},
    {"reaches an I/O library", "lib/value/bad.cpp", "#include <zproc/context.hpp>\n"},
    {"reaches an I/O library", "lib/client/watch_fsm.cpp", "#include \"client/call.hpp\"\n"},
    {"reaches POSIX", "lib/store/bad.cpp", "#include <unistd.h>\n"},
    {"reaches POSIX", "lib/supervisor/tree.cpp", "#include <sys/wait.h>\n"},
    {"reaches the operating system", "lib/protocol/bad.cpp", "#include <mutex>\n"},
    {"calls _clock::now(", "lib/protocol/bad.cpp", "auto t = std::chrono::steady_clock::now();\n"},
    {"lines, more than", "lib/client/bad.cpp", too_long.c_str()},
    {"lines, more than", "include/zproc/bad.hpp", too_long.c_str()},
};

} // namespace

BOOST_AUTO_TEST_SUITE(arrows)

BOOST_AUTO_TEST_CASE(house_keeps_its_rules)
{
    const auto files = project();
    BOOST_TEST(files.size() > 10u);
    for (const auto& line : violations(real_rules(), files))
        BOOST_ERROR(line);
}

BOOST_AUTO_TEST_CASE(violations_is_empty_for_a_good_house)
{
    for (const auto& line : violations(real_rules(), good_house()))
        BOOST_ERROR(line);
}

BOOST_AUTO_TEST_CASE(violations_names_each_bad_example)
{
    for (const auto& example : bad_examples) {
        BOOST_TEST_CONTEXT(example.path << ": " << example)
        {
            auto files = good_house();
            files.push_back({example.path, example.text});
            const auto lines = violations(real_rules(), files);
            BOOST_TEST(std::ranges::any_of(lines, [&](const std::string& line) {
                return line.starts_with(example.path) && line.find(example.why) != line.npos;
            }));
        }
    }
}

BOOST_AUTO_TEST_CASE(violations_names_rules_that_run_in_a_circle)
{
    const auto rules = house_rules::parse("value: journal # a comment: with a colon\n"
                                          "journal: store\n"
                                          "store: value\n");
    BOOST_TEST(violations(rules, {}).size() == 3u);
}

BOOST_AUTO_TEST_CASE(violations_names_a_room_that_is_only_pointed_to)
{
    BOOST_TEST(violations(house_rules::parse("store: cellar\n"), {}).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
