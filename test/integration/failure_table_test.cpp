// The table "Who dies" of doc/supervision.md, against the cases that prove it.

#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace unit_test = boost::unit_test;

/// All cases of this program as "suite/case".
class all_cases : public unit_test::test_tree_visitor {
public:
    std::set<std::string> names;

private:
    void visit(const unit_test::test_case& each) override { names.insert(each.full_name()); }
};

/// The lines of the table, without its head.
std::vector<std::string> rows()
{
    std::ifstream in(ZPROC_SOURCE_DIR "/doc/supervision.md");
    std::vector<std::string> found;
    std::string line;
    while (std::getline(in, line) && line != "## Who dies") {}
    while (std::getline(in, line) && !line.starts_with("## "))
        if (line.starts_with("| ") && !line.starts_with("| Who dies"))
            found.push_back(line);
    return found;
}

/// What stands between backticks in the last column.
std::vector<std::string> cases_of(std::string_view row)
{
    row.remove_suffix(row.size() - row.rfind('|'));
    row.remove_prefix(row.rfind('|'));
    std::vector<std::string> found;
    for (auto begin = row.find('`'); begin != row.npos; begin = row.find('`')) {
        const auto end = row.find('`', begin + 1);
        if (end == row.npos)
            break;
        found.emplace_back(row.substr(begin + 1, end - begin - 1));
        row.remove_prefix(end + 1);
    }
    return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(failure_table)

BOOST_AUTO_TEST_CASE(every_row_names_its_cases_and_every_case_is_named)
{
    all_cases known;
    unit_test::traverse_test_tree(unit_test::framework::master_test_suite(), known, true);
    std::set<std::string> named;
    const auto table = rows();
    BOOST_TEST(table.size() >= 8);
    for (const auto& row : table) {
        const auto cases = cases_of(row);
        BOOST_TEST(!cases.empty(), "no case in: " << row);
        for (const auto& each : cases) {
            BOOST_TEST(known.names.contains(each), "there is no case " << each);
            named.insert(each);
        }
    }
    for (const auto& each : known.names)
        if (each.starts_with("supervisor_deaths/"))
            BOOST_TEST(named.contains(each), "not in doc/supervision.md: " << each);
}

BOOST_AUTO_TEST_SUITE_END()
