#include "initiating.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>
#include <string>

using zproc::test::initiating_functions;
using zproc::test::rows_of_table;

namespace {

const std::filesystem::path root = ZPROC_SOURCE_DIR;

std::string slurp(const std::filesystem::path& path)
{
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::set<std::string> of_public_headers()
{
    std::set<std::string> all;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(root / "include" / "zproc"))
        if (entry.path().extension() == ".hpp")
            all.merge(initiating_functions(slurp(entry.path())));
    return all;
}

std::set<std::string> of_table()
{
    return rows_of_table(slurp(root / "test/support/state_operation_rows.hpp") +
                         slurp(root / "test/support/swarm_operation_rows.hpp") +
                         slurp(root / "test/support/operation_table.hpp"));
}

struct example {
    const char* header;
    const char* finds; ///< nothing, when empty
};

std::ostream& operator<<(std::ostream& out, const example& e)
{
    return out << e.header;
}

const example examples[] = {
    {"namespace zproc { class a { public: template <asio::completion_token_for<void()> Token>\n"
     "auto go(int = {}, Token&& token = {}) const { return 1; } }; }",
     "a::go"},
    {"struct b : c { template <class CompletionToken> void wait(CompletionToken&& t); };",
     "b::wait"},
    {"class [[nodiscard]] d { public: template <class Token> auto operator()(Token&&) &&; };",
     "d::operator()"},
    {"template <class F, class... Args> [[nodiscard]] auto start(F f, Args&&... args);", "start"},
    {"template <class T> struct e { template <class A, class Token = std::vector<int>>\n"
     "requires(!storable<Token>) auto on(key auto&& k, Token&& token) const; };",
     "e::on"},
    {"void listen(any_completion_handler<void()> h);", "listen"},
    {"class f { template <class Token> auto hidden(Token&& token); };", ""},
    {"class g { public: private: template <class Token> auto hidden(Token&& token) { } };", ""},
    {"namespace zproc { namespace detail { template <class Token> auto go(Token&& t); } }", ""},
    {"namespace zproc::detail { template <class Token> auto go(Token&& token); }", ""},
    {"class h { public: int size() const { return call(completion_token_for); } };", ""},
    {"// template <class Token> auto go(Token&& token);\n"
     "#define GO template <class Token> auto go(Token&& token);\n"
     "const char* text = \"template <class Token> auto go(Token&& token);\";",
     ""},
};

/// What comes to its end only when another program says so: its own tests try it with tokens, and
/// cancel it.
const std::set<std::string> elsewhere{"context_swarms::join_swarm"};

} // namespace

BOOST_AUTO_TEST_SUITE(initiating)

BOOST_AUTO_TEST_CASE(table_has_every_initiating_function_of_the_public_headers)
{
    const auto table = of_table();
    const auto headers = of_public_headers();
    BOOST_TEST(headers.size() > 20u);
    for (const auto& name : headers)
        BOOST_TEST((table.contains(name) || elsewhere.contains(name)),
                   name << " is not in test/support/operation_table.hpp");
    for (const auto& name : table)
        BOOST_TEST(headers.contains(name), name << " is in the table, and in no public header");
}

BOOST_AUTO_TEST_CASE(initiating_functions_finds_each_example)
{
    for (const auto& e : examples) {
        const auto found = initiating_functions(e.header);
        const std::set<std::string> expected =
            *e.finds ? std::set<std::string>{e.finds} : std::set<std::string>{};
        BOOST_TEST((found == expected), e << (found.empty() ? "" : " gave " + *found.begin()));
    }
}

BOOST_AUTO_TEST_CASE(rows_of_table_are_those_of_its_list)
{
    const auto rows = rows_of_table("struct a_row : row {\n  x name = \"state::a\";\n};\n"
                                    "struct b_row : row {\n  x name = \"state::b\";\n};\n"
                                    "using other_rows = std::tuple<a_row>;\n");
    BOOST_TEST((rows == std::set<std::string>{"state::a"}));
}

BOOST_AUTO_TEST_SUITE_END()
