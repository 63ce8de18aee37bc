#include "client/key_table.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using zproc::client::key_table;

namespace {

template <class Table, class Model>
void compare(Table& table, const Model& model)
{
    BOOST_TEST_REQUIRE(table.size() == model.size());
    std::set<std::string> seen;
    for (const auto& [key, content] : table) {
        BOOST_TEST_REQUIRE(seen.insert(key).second);
        const auto it = model.find(key);
        BOOST_TEST_REQUIRE((it != model.end()));
        BOOST_TEST_REQUIRE(it->second == content);
    }
    for (const auto& [key, content] : model) {
        auto* found = table.find(key);
        BOOST_TEST_REQUIRE(found != nullptr);
        BOOST_TEST_REQUIRE(found->content == content);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(client_key_table)

BOOST_AUTO_TEST_CASE(empty_table_has_nothing)
{
    key_table<int> table;
    BOOST_TEST(table.size() == 0u);
    BOOST_TEST((table.find("a") == nullptr));
    BOOST_TEST(!table.erase("a"));
    BOOST_TEST((table.begin() == table.end()));
    table.clear();
    BOOST_TEST((table.find("") == nullptr));
}

BOOST_AUTO_TEST_CASE(keys_are_compared_as_a_whole)
{
    key_table<int> table;
    using namespace std::string_view_literals;
    const std::string_view keys[] = {"", "a", "a\0"sv, "a\0b"sv, "ab", "a key that is on the heap"};
    int number = 0;
    for (const auto key : keys)
        table[key] = ++number;
    number = 0;
    for (const auto key : keys)
        BOOST_TEST(table.find(key)->content == ++number);
    BOOST_TEST((table.find("a key that is on the heap, too") == nullptr));
}

/// Few keys beside many places, and many beside few: every erasure closes a gap somewhere.
BOOST_AUTO_TEST_CASE(table_agrees_with_a_map_whatever_happens)
{
    for (unsigned seed = 1; seed != 9; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            std::mt19937 random(seed);
            key_table<std::string> table;
            std::map<std::string, std::string> model;
            const unsigned names = seed % 2 == 0 ? 12 : 1500;
            for (int step = 0; step != 20'000; ++step) {
                const auto key = "key" + std::to_string(random() % names);
                switch (random() % 7) {
                case 0:
                case 1:
                case 2:
                    table[key] = std::to_string(step);
                    model[key] = std::to_string(step);
                    break;
                case 3:
                case 4: BOOST_TEST_REQUIRE(table.erase(key) == (model.erase(key) == 1)); break;
                default:
                    BOOST_TEST_REQUIRE((table.find(key) != nullptr) == model.contains(key));
                    if (step % 5000 == 0) {
                        table.clear();
                        model.clear();
                    }
                }
                if (step % 500 == 0)
                    compare(table, model);
            }
            compare(table, model);
            while (!model.empty()) {
                BOOST_TEST_REQUIRE(table.erase(model.begin()->first));
                model.erase(model.begin());
                if (model.size() % 100 == 0)
                    compare(table, model);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(entries_stay_where_they_are_while_others_are_only_looked_at)
{
    key_table<int> table;
    for (int i = 0; i != 100; ++i)
        table[std::to_string(i)] = i;
    const auto* there = table.find("50");
    for (int i = 0; i != 100; ++i)
        BOOST_TEST(table[std::to_string(i)] == i);
    BOOST_TEST((table.find("none") == nullptr));
    BOOST_TEST((table.find("50") == there));
}

BOOST_AUTO_TEST_SUITE_END()
