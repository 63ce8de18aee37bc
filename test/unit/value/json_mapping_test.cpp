#include "support.hpp"

#include <zproc/draft.hpp>
#include <zproc/json.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <map>
#include <stdexcept>
#include <variant>

namespace {

namespace json = boost::json;

/// With Boost.JSON's functions.
struct person {
    std::string name;
    unsigned age = 0;
    bool operator==(const person&) const = default;

    friend void tag_invoke(json::value_from_tag, json::value& to, const person& from)
    {
        to = {{"name", from.name}, {"age", from.age}};
    }
    friend person tag_invoke(json::value_to_tag<person>, const json::value& from)
    {
        if (from.at("age").is_string())
            throw std::domain_error("an age is a number");
        return {json::value_to<std::string>(from.at("name")),
                json::value_to<unsigned>(from.at("age"))};
    }
};

/// With the function that does not throw.
struct ticket {
    std::int64_t number = 0;

    friend void tag_invoke(json::value_from_tag, json::value& to, const ticket& from)
    {
        to = from.number;
    }
    friend json::result<ticket> tag_invoke(json::try_value_to_tag<ticket>, const json::value& from)
    {
        if (!from.is_int64())
            return make_error_code(json::error::not_number);
        return ticket{from.get_int64()};
    }
};

enum class mood { calm, angry };
BOOST_DESCRIBE_ENUM(mood, calm, angry)

struct part {
    int id = 0;
    std::string name;
    bool operator==(const part&) const = default;
};
BOOST_DESCRIBE_STRUCT(part, (), (id, name))

struct machine {
    std::uint64_t serial = 0;
    std::int64_t balance = 0;
    double weight = 0;
    std::vector<part> parts;
    std::map<std::string, person> staff;
    std::optional<part> spare;
    std::variant<int, std::string> place;
    mood now = mood::calm;
    bool operator==(const machine&) const = default;
};
BOOST_DESCRIBE_STRUCT(machine, (), (serial, balance, weight, parts, staff, spare, place, now))

/// Described, and with a `serialize`: zproc can store it without JSON.
struct archived {
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & number;
    }
};
BOOST_DESCRIBE_STRUCT(archived, (), (number))

/// Only one way.
struct sink {
    [[maybe_unused]] friend void tag_invoke(json::value_from_tag, json::value& to, const sink&)
    {
        to = nullptr;
    }
};

struct stranger {};

/// A mapping of one's own goes before Boost.JSON's.
struct own {
    int number = 0;
};
BOOST_DESCRIBE_STRUCT(own, (), (number))

} // namespace

template <>
struct zproc::value_mapping<own> {
    static value to_value(const own& o) { return o.number; }
    static own from_value(const value& v) { return {v.get<int>()}; }
};

namespace {

using namespace zproc;
using test::code_of;
using test::text_of;

static_assert(storable<person> && storable<ticket> && storable<part> && storable<machine>);
static_assert(storable<std::vector<part>> && storable<std::optional<person>>);
static_assert(!storable<sink> && !storable<stranger> && !storable<std::vector<char>>);
static_assert(!storable<char> && !storable<int*> && !storable<std::map<int, int>>);
static_assert(!detail::mapped<std::vector<part>> && !detail::mapped<std::vector<int>>);
static_assert(!detail::mapped<archived> && !detail::mapped<mood>);

const machine whole{.serial = 9,
                    .balance = -9'007'199'254'740'993, // no double has it
                    .weight = 0.5,
                    .parts = {{1, "wheel"}, {2, "axle"}},
                    .staff = {{"boss", {"Ann", 40}}},
                    .spare = part{3, "bolt"},
                    .place = "hall 2",
                    .now = mood::angry};

} // namespace

BOOST_AUTO_TEST_SUITE(json_mappings)

BOOST_AUTO_TEST_CASE(value_is_plain_data)
{
    BOOST_TEST((value(person{"Ann", 40}) == dict::of("name", "Ann", "age", 40)));
    BOOST_TEST((value(ticket{7}) == 7));
    BOOST_TEST((value(part{1, "wheel"}) == dict::of("id", 1, "name", "wheel")));
    BOOST_TEST(value(whole).to_json() ==
               R"({"balance":-9007199254740993,"now":"angry","parts":[{"id":1,"name":"wheel"},)"
               R"({"id":2,"name":"axle"}],"place":"hall 2","serial":9,"spare":{"id":3,"name":)"
               R"("bolt"},"staff":{"boss":{"age":40,"name":"Ann"}},"weight":0.5})");
}

BOOST_AUTO_TEST_CASE(get_returns_what_went_in)
{
    BOOST_TEST((value(person{"Ann", 40}).get<person>() == person{"Ann", 40}));
    BOOST_TEST(value(ticket{INT64_MIN}).get<ticket>().number == INT64_MIN);
    BOOST_TEST((value(whole).get<machine>() == whole));
    BOOST_TEST((value(machine()).get<machine>() == machine()));
    const std::vector<part> parts{{1, "wheel"}, {2, "axle"}};
    BOOST_TEST((value(parts).get<std::vector<part>>() == parts));
    const std::map<std::string, std::optional<part>> some{{"a", part{1, "x"}}, {"b", {}}};
    BOOST_TEST((value(some).get<std::map<std::string, std::optional<part>>>() == some));
}

BOOST_AUTO_TEST_CASE(types_that_zproc_can_store_stay_as_they_are)
{
    BOOST_TEST(value(archived{7}).is_object());
    BOOST_TEST(value(archived{7}).get<archived>().number == 7);
    BOOST_TEST((value(mood::angry) == 1));
    BOOST_TEST((value(own{7}) == 7));
}

BOOST_AUTO_TEST_CASE(json_itself_is_a_value)
{
    const auto text = R"({"a":[1,-2,0.5,true,null,"x",{}],"b":[]})";
    const auto tree = json::parse(text);
    BOOST_TEST(value(tree).to_json() == text);
    BOOST_TEST((value(tree).get<json::value>() == tree));
    BOOST_TEST((value(tree.as_object()) == value(tree)));
    BOOST_TEST((value(tree).get<json::object>() == tree.as_object()));
    BOOST_TEST((value(tree.at("a").as_array()) == std::as_const(tree.as_object()).at("a")));
    BOOST_TEST((value(json::string("x")) == "x"));
    BOOST_TEST(code_of([] { value v(json::value(UINT64_MAX)); }) == errc::not_representable);
}

BOOST_AUTO_TEST_CASE(integers_are_checked_in_both_directions)
{
    machine large;
    large.serial = UINT64_MAX;
    BOOST_TEST(code_of([&] { value v(large); }) == errc::not_representable);
    BOOST_TEST(text_of([&] {
                   value v(large);
               }).starts_with(R"(18446744073709551615 as int64, at ["serial"], in )"));
    large.serial = INT64_MAX;
    BOOST_TEST(value(large).get<machine>().serial == std::uint64_t(INT64_MAX));
    BOOST_TEST(value(dict::of("id", INT32_MAX, "name", "x")).get<part>().id == INT32_MAX);
    BOOST_TEST(code_of([] {
                   value(dict::of("id", std::int64_t(1) << 31, "name", "x")).get<part>();
               }) == errc::malformed_value);
    BOOST_TEST(code_of([] { value(dict::of("id", 0.5, "name", "x")).get<part>(); }) ==
               errc::malformed_value);
    value negative = machine();
    negative["serial"] = -1;
    BOOST_TEST(code_of([&] { negative.get<machine>(); }) == errc::malformed_value);
}

BOOST_AUTO_TEST_CASE(errors_say_what_was_wrong_and_within_which_type)
{
    const auto starts = [](const auto& act, errc code, std::string_view text) {
        BOOST_TEST(code_of(act) == code);
        BOOST_TEST(text_of(act).substr(0, text.size()) == text);
    };
    starts([] { value("x").get<part>(); }, errc::type_mismatch,
           "held: string, wanted: dict, in '(anonymous namespace)::part': ");
    starts([] { value(archived()).get<part>(); }, errc::type_mismatch,
           "held: object '(anonymous namespace)::archived', wanted: dict, in ");
    starts([] { value(dict::of("id", 1)).get<part>(); }, errc::malformed_value,
           "held: dict, array size does not match target size, in '(anonymous namespace)::part': ");
    starts([] { value(dict::of("name", 1, "age", 2)).get<person>(); }, errc::malformed_value,
           "held: dict, value is not a string, in '(anonymous namespace)::person': ");
    starts([] { value(dict::of("name", "x", "age", "y")).get<person>(); }, errc::malformed_value,
           "held: dict, an age is a number, in '(anonymous namespace)::person': ");
    starts([] { value("x").get<ticket>(); }, errc::malformed_value,
           "held: string, not a number, in '(anonymous namespace)::ticket': ");
    starts([] { value(dict::of("a", list_of(bytes()))).get<person>(); }, errc::type_mismatch,
           R"(held: bytes, wanted: what JSON has, at ["a"][0], in )");
    starts(
        [] {
            dict d;
            std::as_const(d)["k"].get<part>();
        },
        errc::no_such_key, "wanted: '(anonymous namespace)::part': ");
    const part good;
    starts([&] { value(list_of(good, 1)).get<std::vector<part>>(); }, errc::type_mismatch,
           "held: integer, wanted: dict, in '(anonymous namespace)::part', at [1]: ");
}

BOOST_AUTO_TEST_SUITE_END()
