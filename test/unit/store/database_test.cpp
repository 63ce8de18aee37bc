#include "store/database.hpp"

#include "unit/store/store_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>

using namespace zproc;
using namespace store_test;
using store::author;
using store::key_value;
using store::outcome;

namespace {

const author anyone{};

outcome put(fixture& f, std::string_view key, const value& v, std::string_view space = "n")
{
    const auto bytes = pack(v);
    return f.db->set(anyone, space, key, bytes);
}

value at(fixture& f, std::string_view key, std::string_view space = "n")
{
    const auto found = f.db->get(space, key);
    return found.value ? unpack(*found.value) : value("absent");
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_database)

BOOST_AUTO_TEST_CASE(get_finds_nothing_in_an_unknown_namespace)
{
    fixture f;
    BOOST_TEST(!f.db->get("n", "k").value.has_value());
    BOOST_TEST(f.db->revision("n") == 0u);
    BOOST_TEST(f.db->size("n") == 0u);
    std::size_t seen = 0;
    f.db->for_each_namespace([&](auto, auto, auto) { ++seen; });
    BOOST_TEST(seen == 0u);
}

BOOST_AUTO_TEST_CASE(set_makes_one_revision_each_identical_ones_too)
{
    fixture f;
    for (std::uint64_t i = 1; i != 4; ++i) {
        const auto done = put(f, "k", 7);
        BOOST_TEST(done.made);
        BOOST_TEST(done.revision == i);
    }
    BOOST_TEST(at(f, "k") == value(7));
    BOOST_TEST(f.db->get("n", "k").modified == 3u);
    BOOST_TEST(f.around.touched.count("n") == 3u);
}

BOOST_AUTO_TEST_CASE(namespaces_count_their_own_revisions)
{
    fixture f;
    put(f, "k", 1, "a");
    put(f, "k", 2, "b");
    BOOST_TEST(put(f, "k", 3, "b").revision == 2u);
    BOOST_TEST(f.db->revision("a") == 1u);
    BOOST_TEST(at(f, "k", "a") == value(1));
    BOOST_TEST(at(f, "k", "b") == value(3));
}

struct step {
    const char* name;
    std::function<outcome(store::database&)> run;
    bool made;
    const char* result; ///< as JSON; empty for none
    errc error = errc{};
    const char* after; ///< the whole namespace, as JSON
};

value whole(const store::database& db, std::string_view space)
{
    value all = dict();
    db.for_each(space, [&](std::string_view key, const store::item& item) {
        all[key] = unpack(*item.value);
    });
    return all;
}

BOOST_AUTO_TEST_CASE(operations_do_what_their_row_says)
{
    static const auto one = pack(1), two = pack(2), half = pack(0.5), text = pack("x"),
                      list = pack(list_of(1, 2)), null = pack(value()),
                      most = pack(std::numeric_limits<std::int64_t>::max()),
                      least = pack(std::numeric_limits<std::int64_t>::min()), huge = pack(1e308),
                      minus_two = pack(-2);
    const auto view = [](const std::vector<std::byte>& v) { return bytes_view(v); };
    using db_t = store::database;
    using keys = std::vector<std::string_view>;
    using changes = std::vector<key_value>;
    using stamps = std::vector<store::read_stamp>;
    using sums = std::vector<store::addition>;
    const author by{};
    const std::vector<step> steps = {
        // clang-format off
        {"increment_missing", [&](db_t& d) { return d.increment(by, "n", "i", one); }, true, "1", {}, R"({"i":1})"},
        {"increment", [&](db_t& d) { return d.increment(by, "n", "i", two); }, true, "3", {}, R"({"i":3})"},
        {"decrement", [&](db_t& d) { return d.decrement(by, "n", "i", one); }, true, "2", {}, R"({"i":2})"},
        {"increment_by_double", [&](db_t& d) { return d.increment(by, "n", "i", half); }, true, "2.5", {}, R"({"i":2.5})"},
        {"decrement_to_double", [&](db_t& d) { return d.decrement(by, "n", "i", half); }, true, "2E0", {}, R"({"i":2.0})"},
        {"increment_text_amount", [&](db_t& d) { return d.increment(by, "n", "i", text); }, false, "", errc::type_mismatch, R"({"i":2.0})"},
        {"set_huge", [&](db_t& d) { return d.set(by, "n", "i", huge); }, true, "", {}, R"({"i":1e308})"},
        {"increment_to_infinity", [&](db_t& d) { return d.increment(by, "n", "i", huge); }, false, "", errc::arithmetic_overflow, R"({"i":1e308})"},
        {"set", [&](db_t& d) { return d.set(by, "n", "i", most); }, true, "", {}, R"({"i":9223372036854775807})"},
        {"increment_overflow", [&](db_t& d) { return d.increment(by, "n", "i", one); }, false, "", errc::arithmetic_overflow, R"({"i":9223372036854775807})"},
        {"decrement_least_overflow", [&](db_t& d) { return d.decrement(by, "n", "i", least); }, false, "", errc::arithmetic_overflow, R"({"i":9223372036854775807})"},
        {"decrement_missing_by_least", [&](db_t& d) { return d.decrement(by, "n", "j", least); }, false, "", errc::arithmetic_overflow, R"({"i":9223372036854775807})"},
        {"set_text", [&](db_t& d) { return d.set(by, "n", "i", text); }, true, "", {}, R"({"i":"x"})"},
        {"increment_text", [&](db_t& d) { return d.increment(by, "n", "i", one); }, false, "", errc::type_mismatch, R"({"i":"x"})"},
        {"append_to_text", [&](db_t& d) { return d.append(by, "n", "i", one); }, false, "", errc::type_mismatch, R"({"i":"x"})"},
        {"append_missing", [&](db_t& d) { return d.append(by, "n", "l", one); }, true, "1", {}, R"({"i":"x","l":[1]})"},
        {"append", [&](db_t& d) { return d.append(by, "n", "l", list); }, true, "2", {}, R"({"i":"x","l":[1,[1,2]]})"},
        {"set_default_present", [&](db_t& d) { return d.set_default(by, "n", "i", one); }, false, R"("x")", {}, R"({"i":"x","l":[1,[1,2]]})"},
        {"set_default_missing", [&](db_t& d) { return d.set_default(by, "n", "d", one); }, true, "1", {}, R"({"i":"x","l":[1,[1,2]],"d":1})"},
        {"pop_missing", [&](db_t& d) { return d.pop(by, "n", "nope"); }, false, "", {}, R"({"i":"x","l":[1,[1,2]],"d":1})"},
        {"pop", [&](db_t& d) { return d.pop(by, "n", "l"); }, true, "[1,[1,2]]", {}, R"({"i":"x","d":1})"},
        {"erase_missing", [&](db_t& d) { return d.erase(by, "n", keys{"a", "b"}); }, false, "0", {}, R"({"i":"x","d":1})"},
        {"erase_some", [&](db_t& d) { return d.erase(by, "n", keys{"d", "a", "d"}); }, true, "1", {}, R"({"i":"x"})"},
        {"update_last_counts", [&](db_t& d) { return d.update(by, "n", changes{{"a", view(one)}, {"b", view(one)}, {"a", view(two)}}); }, true, "", {}, R"({"i":"x","a":2,"b":1})"},
        {"update_nothing", [&](db_t& d) { return d.update(by, "n", changes{}); }, false, "", {}, R"({"i":"x","a":2,"b":1})"},
        {"update_erases", [&](db_t& d) { return d.update(by, "n", changes{{"i", {}}, {"nope", {}}}); }, true, "", {}, R"({"a":2,"b":1})"},
        {"replace", [&](db_t& d) { return d.replace(by, "n", changes{{"b", view(two)}, {"c", view(text)}}); }, true, "", {}, R"({"b":2,"c":"x"})"},
        {"exchange_fails", [&](db_t& d) { return d.compare_exchange(by, "n", "b", view(one), view(text)); }, false, "[false,[2]]", {}, R"({"b":2,"c":"x"})"},
        {"exchange", [&](db_t& d) { return d.compare_exchange(by, "n", "b", view(two), view(one)); }, true, "[true,[2]]", {}, R"({"b":1,"c":"x"})"},
        {"exchange_absent", [&](db_t& d) { return d.compare_exchange(by, "n", "e", {}, view(null)); }, true, "[true,[]]", {}, R"({"b":1,"c":"x","e":null})"},
        {"exchange_null_is_not_absent", [&](db_t& d) { return d.compare_exchange(by, "n", "e", {}, view(one)); }, false, "[false,[null]]", {}, R"({"b":1,"c":"x","e":null})"},
        {"exchange_to_absent", [&](db_t& d) { return d.compare_exchange(by, "n", "e", view(null), {}); }, true, "[true,[null]]", {}, R"({"b":1,"c":"x"})"},
        {"exchange_absent_to_absent", [&](db_t& d) { return d.compare_exchange(by, "n", "e", {}, {}); }, false, "[true,[]]", {}, R"({"b":1,"c":"x"})"},
        {"commit_stale", [&](db_t& d) { return d.commit(by, "n", {}, stamps{{"b", 1}}, changes{{"b", view(two)}}); }, false, "", errc::conflict, R"({"b":1,"c":"x"})"},
        {"commit_stale_absent", [&](db_t& d) { return d.commit(by, "n", {}, stamps{{"b", 0}}, changes{{"b", view(two)}}); }, false, "", errc::conflict, R"({"b":1,"c":"x"})"},
        {"commit_stale_scan", [&](db_t& d) { return d.commit(by, "n", d.revision("n") - 1, stamps{}, changes{{"b", view(two)}}); }, false, "", errc::conflict, R"({"b":1,"c":"x"})"},
        {"commit_reads_only", [&](db_t& d) { return d.commit(by, "n", d.revision("n"), stamps{{"zz", 0}}, changes{}); }, false, "", {}, R"({"b":1,"c":"x"})"},
        {"commit", [&](db_t& d) { return d.commit(by, "n", {}, stamps{{"b", d.get("n", "b").modified}, {"zz", 0}}, changes{{"b", view(two)}, {"c", {}}, {"zz", {}}}); }, true, "", {}, R"({"b":2})"},
        {"commit_adds", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{{"c", view(text)}}, sums{{"b", one}, {"a", half}}); }, true, "", {}, R"({"b":3,"c":"x","a":0.5})"},
        {"commit_adds_one", [&](db_t& d) { return d.commit(by, "n", {}, stamps{{"c", d.get("n", "c").modified}}, changes{}, sums{{"a", one}}); }, true, "", {}, R"({"b":3,"c":"x","a":1.5})"},
        {"commit_adds_to_stale", [&](db_t& d) { return d.commit(by, "n", {}, stamps{{"a", 1}}, changes{}, sums{{"b", one}}); }, false, "", errc::conflict, R"({"b":3,"c":"x","a":1.5})"},
        {"commit_adds_to_text", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{{"z", view(one)}}, sums{{"b", one}, {"c", one}}); }, false, "", errc::conflict, R"({"b":3,"c":"x","a":1.5})"},
        {"commit_adds_beyond", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"b", most}}); }, false, "", errc::conflict, R"({"b":3,"c":"x","a":1.5})"},
        {"commit_adds_to_missing", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"m", least}}); }, true, "", {}, R"({"b":3,"c":"x","a":1.5,"m":-9223372036854775808})"},
        {"commit_adds_below", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"m", least}}); }, false, "", errc::conflict, R"({"b":3,"c":"x","a":1.5,"m":-9223372036854775808})"},
        {"commit_adds_a_lot", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{{"m", {}}}, sums{{"a", huge}}); }, true, "", {}, R"({"b":3,"c":"x","a":1e308})"},
        {"commit_adds_to_infinity", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"a", huge}}); }, false, "", errc::conflict, R"({"b":3,"c":"x","a":1e308})"},
        {"commit_adds_what_changes_nothing", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"a", one}}); }, false, "", {}, R"({"b":3,"c":"x","a":1e308})"},
        {"commit_adds_what_changes_nothing_beside", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{{"c", {}}}, sums{{"a", one}}); }, true, "", {}, R"({"b":3,"a":1e308})"},
        {"commit_last_addition_counts", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{{"b", view(text)}, {"a", {}}}, sums{{"b", two}, {"b", one}}); }, true, "", {}, R"({"b":4})"},
        {"commit_takes_back", [&](db_t& d) { return d.commit(by, "n", {}, stamps{}, changes{}, sums{{"b", minus_two}}); }, true, "", {}, R"({"b":2})"},
        {"pop_item", [&](db_t& d) { return d.pop_item(by, "n"); }, true, R"(["b",2])", {}, "{}"},
        {"pop_item_empty", [&](db_t& d) { return d.pop_item(by, "n"); }, false, "", {}, "{}"},
        {"clear_empty", [&](db_t& d) { return d.clear(by, "n"); }, false, "0", {}, "{}"},
        {"replace_by_nothing_when_empty", [&](db_t& d) { return d.replace(by, "n", changes{}); }, false, "", {}, "{}"},
        {"set_again", [&](db_t& d) { return d.set(by, "n", "k", one); }, true, "", {}, R"({"k":1})"},
        {"clear", [&](db_t& d) { return d.clear(by, "n"); }, true, "1", {}, "{}"},
        // clang-format on
    };
    fixture f;
    std::uint64_t revision = 0;
    for (const auto& row : steps) {
        BOOST_TEST_CONTEXT(row.name)
        {
            const auto done = row.run(*f.db);
            revision += row.made ? 1 : 0;
            BOOST_TEST(done.made == row.made);
            BOOST_TEST(done.revision == revision);
            BOOST_TEST((done.error == (row.error == errc{} ? error_code() : row.error)));
            BOOST_TEST(done.result.has_value() == (*row.result != '\0'));
            if (done.result)
                BOOST_TEST(unpack(*done.result) == value::parse_json(row.result));
            BOOST_TEST(whole(*f.db, "n") == value::parse_json(row.after));
        }
    }
}

BOOST_AUTO_TEST_CASE(refused_operations_leave_no_namespace_behind)
{
    fixture f;
    const auto text = pack("x");
    f.db->increment(anyone, "new", "k", text);
    f.db->pop(anyone, "other", "k");
    std::size_t seen = 0;
    f.db->for_each_namespace([&](auto, auto, auto) { ++seen; });
    BOOST_TEST(seen == 0u);
    BOOST_TEST(f.db->live_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(append_is_refused_beyond_the_limits_of_a_value)
{
    fixture f(1u << 20);
    // As deep as a value may be: one deeper within another list is too deep.
    value deep = 1;
    for (int i = 0; i != 64; ++i)
        deep = list_of(deep);
    const auto bytes = pack(deep);
    BOOST_TEST((f.db->append(anyone, "n", "l", bytes).error == errc::value_too_deep));
    BOOST_TEST(!f.db->contains("n", "l"));

    const auto big = pack(std::string((1u << 20) - 10, 'x'));
    BOOST_TEST(f.db->append(anyone, "n", "l", big).made);
    BOOST_TEST((f.db->append(anyone, "n", "l", big).error == errc::too_large));
}

BOOST_AUTO_TEST_CASE(a_value_too_large_for_any_ring_is_refused_and_nothing_changes)
{
    fixture f(1u << 16);
    f.around.largest = 1u << 16;
    f.restart();
    put(f, "k", 1);
    const auto big = pack(std::string(1u << 15, 'x'));
    BOOST_TEST((f.db->set(anyone, "n", "k", big).error == errc::too_large));
    BOOST_TEST(at(f, "k") == value(1));
    BOOST_TEST(f.db->revision("n") == 1u);
}

BOOST_AUTO_TEST_CASE(growth_is_refused_without_memory_and_goes_on_with_it)
{
    fixture f(1u << 12);
    put(f, "k", 1);
    f.around.out_of_memory = true;
    const auto big = pack(std::string(4000, 'x'));
    BOOST_TEST((f.db->set(anyone, "n", "k", big).error == errc::too_busy));
    f.around.out_of_memory = false;
    BOOST_TEST(f.db->set(anyone, "n", "k", big).made);
    BOOST_TEST(f.around.replaced >= 2u);
    BOOST_TEST(f.db->revision("n") == 2u);
}

BOOST_AUTO_TEST_CASE(time_never_goes_backwards)
{
    fixture f;
    const auto one = pack(1);
    f.db->set({.time = 100}, "n", "k", one);
    f.db->set({.time = 50}, "n", "k", one);
    BOOST_TEST(f.db->last_time() == 100);
    f.db->publish();
    f.restart();
    BOOST_TEST(f.db->last_time() == 100);
}

BOOST_AUTO_TEST_CASE(values_cost_the_same_whatever_the_number_of_keys)
{
    fixture f(1u << 24);
    f.around.largest = 1u << 26;
    const auto one = pack(1);
    const auto cost = [&] {
        const auto before = f.db->ring().statistics();
        for (int i = 0; i != 1000; ++i)
            f.db->set(anyone, "n", "key", one);
        const auto after = f.db->ring().statistics();
        return after.appended + after.carried - before.appended - before.carried;
    };
    f.db->set(anyone, "n", "key", one);
    const auto few = cost();
    for (int i = 0; i != 100'000; ++i)
        f.db->set(anyone, "n", std::to_string(i), one);
    BOOST_TEST(cost() == few);
}

BOOST_AUTO_TEST_SUITE_END()
