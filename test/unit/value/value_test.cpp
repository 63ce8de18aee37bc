#include "support.hpp"

#include <zproc/value.hpp>

#include <array>
#include <deque>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <unordered_map>

namespace {

enum class color : unsigned char { red = 3 };
enum class letter : char { a = 'a' };

struct job { // an aggregate with a member
    int id = 0;
    std::string name;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & name;
    }
    bool operator==(const job&) const = default;
};

class secret { // as Boost.Serialization's manual shows it: private
public:
    secret() = default;
    explicit secret(int number) : number_(number) {}
    int number() const { return number_; }

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & number_;
    }
    int number_ = 0;
};

struct outside { // with a free function
    int number = 0;
};
template <class Archive>
void serialize(Archive& archive, outside& content, unsigned)
{
    archive & content.number;
}

struct plain {
    int number = 0;
};

struct named {
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & number;
    }
};

struct like_text {
    operator std::string_view() const { return "like text"; }
};

} // namespace

template <>
struct zproc::type_name<named> {
    static std::string get() { return "a name of its own"; }
};

namespace {

using namespace zproc;
using test::code_of;
using test::text_of;

static_assert(storable<job> && storable<secret> && storable<outside> && storable<named>);
static_assert(storable<const job&> && storable<std::vector<job>> && storable<std::optional<job>>);
static_assert(storable<const char*> && storable<char[3]> && storable<std::string_view>);
static_assert(storable<std::vector<bool>> && storable<std::byte> && storable<like_text>);
static_assert(storable<std::map<std::string, std::vector<std::optional<color>>>>);
static_assert(storable<signed char> && storable<unsigned char>); // numbers: std::int8_t
static_assert(!storable<char> && !storable<char8_t> && !storable<wchar_t>);
static_assert(!storable<int*> && !storable<void*> && !storable<int (*)()> && !storable<plain>);
static_assert(!storable<std::vector<char>> && !storable<std::optional<char>>);
static_assert(!storable<std::map<int, int>> && !storable<std::filesystem::path>);
static_assert(!storable<decltype([] {})> && !storable<std::vector<int*>>);
static_assert(!std::is_constructible_v<value, char> && !std::is_constructible_v<value, int*>);
static_assert(std::is_nothrow_move_constructible_v<value> &&
              std::is_nothrow_move_assignable_v<value>);
static_assert(key_like<std::string> && key_like<const char (&)[2]> && key_like<std::string_view>);
static_assert(key_like<like_text> && !key_like<int>);

} // namespace

BOOST_AUTO_TEST_SUITE(values)

BOOST_AUTO_TEST_CASE(construct_gives_the_kind_of_its_argument)
{
    const std::pair<value, value_kind> rows[] = {
        {value(), value_kind::null},
        {nullptr, value_kind::null},
        {std::nullopt, value_kind::null},
        {std::optional<int>(), value_kind::null},
        {static_cast<const char*>(nullptr), value_kind::null},
        {std::optional<int>(1), value_kind::integer},
        {true, value_kind::boolean},
        {1, value_kind::integer},
        {std::size_t(1), value_kind::integer},
        {std::int8_t(1), value_kind::integer},
        {color::red, value_kind::integer},
        {letter::a, value_kind::integer},
        {1.5F, value_kind::real},
        {"x", value_kind::string},
        {std::string("x"), value_kind::string},
        {std::string_view("x"), value_kind::string},
        {like_text(), value_kind::string},
        {bytes(3), value_kind::binary},
        {list_of(1), value_kind::sequence},
        {std::vector<bool>{true}, value_kind::sequence},
        {std::array<int, 2>{}, value_kind::sequence},
        {std::set<std::string>{"x"}, value_kind::sequence},
        {dict(), value_kind::dict},
        {std::map<std::string, int>{{"x", 1}}, value_kind::dict},
        {std::unordered_map<std::string, int>{{"x", 1}}, value_kind::dict},
        {job{1, "x"}, value_kind::object},
        {secret(1), value_kind::object},
        {outside{1}, value_kind::object},
        {object("x", {}), value_kind::object},
    };
    for (const auto& [made, kind] : rows)
        BOOST_TEST(to_string(made.kind()) == to_string(kind));
}

BOOST_AUTO_TEST_CASE(get_returns_what_went_in)
{
    BOOST_TEST(value(true).get<bool>());
    BOOST_TEST(value(-7).get<int>() == -7);
    BOOST_TEST(value(INT64_MIN).get<std::int64_t>() == INT64_MIN);
    BOOST_TEST(value(7).get<double>() == 7.0);
    BOOST_TEST(value(7.0).get<int>() == 7);
    BOOST_TEST(value(1.5).get<float>() == 1.5F);
    BOOST_TEST(value("text").get<std::string>() == "text");
    BOOST_TEST((value(color::red).get<color>() == color::red));
    BOOST_TEST((value(letter::a).get<letter>() == letter::a));
    BOOST_TEST((value(std::byte{200}).get<std::byte>() == std::byte{200}));
    BOOST_TEST((value(bytes{std::byte{1}}).get<bytes>() == bytes{std::byte{1}}));
    BOOST_TEST((value(job{3, "x"}).get<job>() == job{3, "x"}));
    BOOST_TEST(value(secret(3)).get<secret>().number() == 3);
    BOOST_TEST(value(outside{3}).get<outside>().number == 3);
    BOOST_TEST(value(1).get<value>() == value(1));
    BOOST_TEST(from_value<int>(to_value(1)) == 1);
}

BOOST_AUTO_TEST_CASE(get_converts_containers_by_element)
{
    const std::vector<int> numbers{1, 2, 3};
    const value many = numbers;
    BOOST_TEST(many.get<std::vector<int>>() == numbers);
    BOOST_TEST((many.get<std::deque<double>>() == std::deque<double>{1, 2, 3}));
    BOOST_TEST((many.get<std::set<int>>() == std::set<int>{1, 2, 3}));
    BOOST_TEST((many.get<std::array<int, 3>>() == std::array<int, 3>{1, 2, 3}));
    BOOST_TEST((code_of([&] { many.get<std::array<int, 2>>(); }) == errc::not_representable));
    BOOST_TEST((code_of([&] { many.get<std::vector<std::string>>(); }) == errc::type_mismatch));
    const std::map<std::string, std::vector<bool>> flags{{"a", {true, false}}, {"b", {}}};
    BOOST_TEST((value(flags).get<std::map<std::string, std::vector<bool>>>() == flags));
    const std::unordered_map<std::string, job> jobs{{"a", {1, "x"}}};
    BOOST_TEST((value(jobs).get<std::unordered_map<std::string, job>>() == jobs));
}

BOOST_AUTO_TEST_CASE(get_gives_an_empty_optional_for_null)
{
    BOOST_TEST(!value().get<std::optional<int>>());
    BOOST_TEST(*value(1).get<std::optional<int>>() == 1);
    BOOST_TEST(code_of([] { value("x").get<std::optional<int>>(); }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(get_fails_for_a_broken_archive)
{
    const value whole = job{1, "a longer name"};
    const object& held = *whole.get_if<object>();
    for (std::size_t size = 0; size != held.data.size(); ++size) {
        const value cut =
            object(held.type, bytes(held.data.begin(), held.data.begin() + std::ptrdiff_t(size)));
        BOOST_TEST(code_of([&] { cut.get<job>(); }) == errc::malformed_value);
    }
}

BOOST_AUTO_TEST_CASE(copy_is_left_alone_by_changes_of_the_original)
{
    value one = list_of(1, list_of(2), dict::of("a", list_of(3)));
    const value two = one;
    one[1][0] = 20;
    one[2]["a"].push_back(4);
    one.push_back(5);
    BOOST_TEST(two == value(list_of(1, list_of(2), dict::of("a", list_of(3)))));
    BOOST_TEST(one == value(list_of(1, list_of(20), dict::of("a", list_of(3, 4)), 5)));
    const value self = [] {
        value v = list_of(1);
        v.push_back(v);
        return v;
    }();
    BOOST_TEST(self == value(list_of(1, list_of(1))));
}

BOOST_AUTO_TEST_CASE(assign_replaces_any_kind_by_any_other)
{
    const std::vector<value> all{
        {},
        true,
        7,
        2.5,
        std::string(100, 'x'),
        bytes{std::byte{1}, std::byte{2}},
        list_of(1, "two"),
        dict{{"a", 1}},
        job{3, "paint"},
    };
    for (const auto& from : all) {
        for (const auto& to : all) {
            value copied = to;
            copied = from;
            BOOST_TEST(identical(copied, from));

            value moved = to;
            value source = from;
            moved = std::move(source);
            BOOST_TEST(identical(moved, from));
            source = to; // what was moved from may be used again
            BOOST_TEST(identical(source, to));

            value made(std::move(moved));
            BOOST_TEST(identical(made, from));
            auto& itself = made;
            made = itself;
            BOOST_TEST(identical(made, from));
        }
    }
}

BOOST_AUTO_TEST_CASE(assign_takes_an_element_of_its_own)
{
    for (const value& element : {value(7), value("text"), value(list_of(1)), value(dict{{"b", 2}}),
                                 value(bytes{std::byte{1}}), value(job{3, "paint"})}) {
        value nested = list_of(element);
        nested = nested.as_list()[0];
        BOOST_TEST(identical(nested, element));

        nested = dict{{"a", element}};
        nested = nested.as_dict().at("a");
        BOOST_TEST(identical(nested, element));

        list one{element};
        value& within = one.front();
        value outer = std::move(one); // which keeps the elements where they are
        outer = std::move(within);
        BOOST_TEST(identical(outer, element));
    }
}

constinit const value before_anything_runs;

BOOST_AUTO_TEST_CASE(construct_of_null_runs_no_code)
{
    BOOST_TEST(before_anything_runs.is_null());
}

BOOST_AUTO_TEST_CASE(compare_is_by_content)
{
    BOOST_TEST((value(1) == 1 && 1 == value(1) && value("x") == "x" && "x" == value("x")));
    BOOST_TEST((value(1) == 1.0 && value(1.0) == 1 && value(1) != 1.5 && value(1) != true));
    BOOST_TEST((value() == nullptr && value() == std::nullopt && value(0) != nullptr));
    BOOST_TEST((value(INT64_MAX) != 0x1p63 && value(INT64_MIN) == -0x1p63));
    // 2^53 + 1 has no double
    BOOST_TEST((value((std::int64_t(1) << 53) + 1) != 0x1p53));
    BOOST_TEST((value(std::nan("")) != std::nan("")));
    BOOST_TEST((value(std::vector<int>{1, 2}) == std::vector<int>{1, 2}));
    BOOST_TEST((value(job{1, "x"}) == job{1, "x"} && value(job{1, "x"}) != job{2, "x"}));
    BOOST_TEST((std::optional<value>(1) == value(1) && *std::optional<value>(1) == 1));
}

BOOST_AUTO_TEST_CASE(identical_is_stricter_than_equal)
{
    BOOST_TEST((identical(1, 1) && !identical(1, 1.0) && !identical(0.0, -0.0)));
    BOOST_TEST(identical(std::nan(""), std::nan("")));
    BOOST_TEST((identical(dict::of("a", 1), dict::of("a", 1)) &&
                !identical(dict::of("a", 1), dict::of("a", 1.0)) &&
                !identical(dict::of("a", 1), dict::of("b", 1)) &&
                !identical(dict::of("a", 1), dict::of("a", 1, "b", 2))));
    BOOST_TEST((identical(list_of(1, "x"), list_of(1, "x")) && !identical(list_of(1), list_of())));
    BOOST_TEST((identical("x", "x") && identical(nullptr, value()) && !identical(0, nullptr)));
}

BOOST_AUTO_TEST_CASE(truthy_is_false_for_zero_and_empty)
{
    for (const value& no : {value(), value(false), value(0), value(0.0), value(""), value(bytes()),
                            value(list()), value(dict())})
        BOOST_TEST(!no.truthy(), no);
    for (const value& yes : {value(true), value(-1), value(0.5), value("0"), value(bytes(1)),
                             value(list_of(0)), value(dict::of("a", 0)), value(object())})
        BOOST_TEST(yes.truthy(), yes);
}

BOOST_AUTO_TEST_CASE(size_counts_elements)
{
    BOOST_TEST((value().size() == 0 && value("abc").size() == 3 && value(bytes(4)).size() == 4));
    BOOST_TEST((value(list_of(1, 2)).size() == 2 && value(dict::of("a", 1)).size() == 1));
    BOOST_TEST(code_of([] { value(1).size(); }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(iterate_walks_over_a_list_and_nothing_else)
{
    int sum = 0;
    for (const value& each : value(list_of(1, 2, 3)))
        sum += each.get<int>();
    for (const value& each : value())
        sum += each.get<int>();
    BOOST_TEST(sum == 6);
    BOOST_TEST(code_of([] { value(dict()).begin(); }) == errc::type_mismatch);
    for (const auto& [key, each] : value(dict::of("a", 1)).as_dict())
        sum += each.get<int>() + int(key.size());
    BOOST_TEST(sum == 8);
}

BOOST_AUTO_TEST_SUITE_END()
