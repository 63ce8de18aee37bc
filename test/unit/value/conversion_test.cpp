// The rules of conversion, in tables: what goes in, what comes out, and what errors say.

#include "support.hpp"

#include <zproc/draft.hpp>

#include <array>
#include <functional>
#include <limits>
#include <map>

using namespace zproc;
using test::code_of;
using test::text_of;

namespace {

enum class flag : bool { off, on };
enum class small : std::int8_t { least = -128, most = 127 };
enum class letter : char { a = 'a' };
enum class wide : std::uint64_t { some = 1, most = UINT64_MAX };

struct job {
    int id = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id;
    }
};

struct named {
    int id = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id;
    }
};

} // namespace

template <>
struct zproc::type_name<named> {
    static std::string get() { return "a name of its own"; }
};

namespace {

struct task {
    int id = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id;
    }
};

/// The ends of `T` go in and come out, and what lies beyond them does not.
template <class T>
void check_range()
{
    using limits = std::numeric_limits<T>;
    BOOST_TEST_CONTEXT((std::is_signed_v<T> ? "int" : "uint") << 8 * sizeof(T))
    {
        constexpr bool fits = std::in_range<std::int64_t>(limits::max());
        const std::int64_t most = fits ? static_cast<std::int64_t>(limits::max()) : INT64_MAX;
        const auto least = static_cast<std::int64_t>(limits::min());
        for (const std::int64_t number : {least, std::int64_t(0), most}) {
            BOOST_TEST(value(static_cast<T>(number)).get<std::int64_t>() == number);
            BOOST_TEST(value(number).get<T>() == static_cast<T>(number));
        }
        if constexpr (fits && limits::max() != INT64_MAX)
            BOOST_TEST(code_of([&] { value(most + 1).get<T>(); }) == errc::not_representable);
        if constexpr (!fits)
            BOOST_TEST(code_of([] { value v(limits::max()); }) == errc::not_representable);
        if constexpr (limits::min() != INT64_MIN)
            BOOST_TEST(code_of([&] { value(least - 1).get<T>(); }) == errc::not_representable);
        // Of doubles only whole ones, and within the range.
        BOOST_TEST(value(100.0).get<T>() == T(100));
        BOOST_TEST(code_of([] { value(0.5).get<T>(); }) == errc::not_representable);
        BOOST_TEST(code_of([] { value(-0x1p64).get<T>(); }) == errc::not_representable);
        BOOST_TEST(code_of([] { value(0x1p64).get<T>(); }) == errc::not_representable);
        BOOST_TEST(code_of([] { value(std::nan("")).get<T>(); }) == errc::not_representable);
        for (const value& other : {value(true), value("1"), value(), value(list_of(1))})
            BOOST_TEST(code_of([&] { other.get<T>(); }) == errc::type_mismatch);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(conversions)

BOOST_AUTO_TEST_CASE(integers_keep_to_their_range)
{
    check_range<std::int8_t>();
    check_range<std::uint8_t>();
    check_range<std::int16_t>();
    check_range<std::uint16_t>();
    check_range<std::int32_t>();
    check_range<std::uint32_t>();
    check_range<std::int64_t>();
    check_range<std::uint64_t>();
    BOOST_TEST(value(-0x1p63).get<std::int64_t>() == INT64_MIN);
    BOOST_TEST(value(0x1p63 - 1024).get<std::int64_t>() == INT64_MAX - 1023);
    BOOST_TEST(code_of([] { value(0x1p63).get<std::int64_t>(); }) == errc::not_representable);
}

BOOST_AUTO_TEST_CASE(doubles_take_integers)
{
    BOOST_TEST(value(7).get<double>() == 7.0);
    BOOST_TEST(value(-7).get<float>() == -7.0F);
    BOOST_TEST(value((std::int64_t(1) << 53) + 1).get<double>() == 0x1p53); // the nearest
    BOOST_TEST(value(0x1p127).get<float>() == 0x1p127F);
    BOOST_TEST(code_of([] { value(0x1p128).get<float>(); }) == errc::not_representable);
    BOOST_TEST(std::isinf(value(HUGE_VAL).get<float>()));
    BOOST_TEST(std::isnan(value(std::nan("")).get<double>()));
    for (const value& other : {value(true), value("1"), value(), value(list_of(1))})
        BOOST_TEST(code_of([&] { other.get<double>(); }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(enums_are_their_numbers)
{
    BOOST_TEST((value(flag::on) == true && value(flag::on).get<flag>() == flag::on));
    BOOST_TEST((value(small::least) == -128 && value(-128).get<small>() == small::least));
    BOOST_TEST((value(letter::a) == 97 && value(97).get<letter>() == letter::a));
    BOOST_TEST((value(wide::some) == 1 && value(1).get<wide>() == wide::some));
    BOOST_TEST((value(std::byte{255}) == 255 && value(255).get<std::byte>() == std::byte{255}));
    BOOST_TEST(code_of([] { value v(wide::most); }) == errc::not_representable);
    BOOST_TEST(code_of([] { value(128).get<small>(); }) == errc::not_representable);
    BOOST_TEST(code_of([] { value(256).get<std::byte>(); }) == errc::not_representable);
    BOOST_TEST(code_of([] { value(128).get<letter>(); }) == errc::not_representable);
    BOOST_TEST(code_of([] { value(-1).get<wide>(); }) == errc::not_representable);
    BOOST_TEST(code_of([] { value(1).get<flag>(); }) == errc::type_mismatch);
    BOOST_TEST(code_of([] { value("a").get<letter>(); }) == errc::type_mismatch);
}

namespace {

struct mismatch {
    const char* name;
    std::function<void()> act;
    errc code;
    std::string text; // how the text of the exception begins
};

} // namespace

BOOST_AUTO_TEST_CASE(errors_name_both_types_and_the_place)
{
    dict d = dict::of("n", 1, "ages", list_of(1, 2, "three"), "who", job{1});
    detail::draft_source source;
    source.put("n", value("text"), 1);
    source.put("l", value(list_of(1, "two")), 1);
    const mismatch rows[] = {
        {"number of a text", [] { value("x").get<int>(); }, errc::type_mismatch,
         "held: string, wanted: int32"},
        {"unsigned of a list", [] { value(list()).get<std::uint8_t>(); }, errc::type_mismatch,
         "held: list, wanted: uint8"},
        {"enum of a text", [] { value("x").get<small>(); }, errc::type_mismatch,
         "held: string, wanted: '(anonymous namespace)::small'"},
        {"enum of a bool", [] { value(true).get<letter>(); }, errc::type_mismatch,
         "held: bool, wanted: '(anonymous namespace)::letter'"},
        {"enum beyond its range", [] { value(300).get<small>(); }, errc::not_representable,
         "300 as '(anonymous namespace)::small'"},
        {"bool of a number", [] { value(1).get<bool>(); }, errc::type_mismatch,
         "held: integer, wanted: bool"},
        {"dict of a list", [] { value(list_of(1)).get<dict>(); }, errc::type_mismatch,
         "held: list, wanted: dict"},
        {"list within a dict", [] { value(dict()).as_list(); }, errc::type_mismatch,
         "held: dict, wanted: list"},
        {"text of bytes", [] { value(bytes()).get<std::string>(); }, errc::type_mismatch,
         "held: bytes, wanted: string"},
        {"object of another type", [] { value(job()).get<task>(); }, errc::type_mismatch,
         "held: object '(anonymous namespace)::job', wanted: object '(anonymous namespace)::task'"},
        {"object of a declared name", [] { value(named()).get<job>(); }, errc::type_mismatch,
         "held: object 'a name of its own', wanted: object '(anonymous namespace)::job'"},
        {"object of a dict", [] { value(dict()).get<job>(); }, errc::type_mismatch,
         "held: dict, wanted: object '(anonymous namespace)::job'"},
        {"dict of an object", [] { value(job()).get<dict>(); }, errc::type_mismatch,
         "held: object '(anonymous namespace)::job', wanted: dict"},
        {"map of an object", [] { value(job()).get<std::map<std::string, int>>(); },
         errc::type_mismatch, "held: object '(anonymous namespace)::job', wanted: dict of int32"},
        {"vector of a number", [] { value(1).get<std::vector<std::optional<int>>>(); },
         errc::type_mismatch, "held: integer, wanted: list of int32"},
        {"element of a vector", [] { value(list_of(1, "x")).get<std::vector<int>>(); },
         errc::type_mismatch, "held: string, wanted: int32, at [1]"},
        {"element of an array", [] { value(list_of(1, 0.5)).get<std::array<int, 2>>(); },
         errc::not_representable, "0.5 as int32, at [1]"},
        {"array of another size", [] { value(list_of(1, 2)).get<std::array<int, 3>>(); },
         errc::not_representable, "list of 2 as list of 3 int32"},
        {"element deep within",
         [&] { value(d["ages"]).get<std::vector<value>>().at(2).get<bool>(); }, errc::type_mismatch,
         "held: string, wanted: bool"},
        {"element of a map within a map",
         [&] {
             value(dict::of("a b", dict::of("c", list_of(nullptr))))
                 .get<std::map<std::string, std::map<std::string, std::vector<int>>>>();
         },
         errc::type_mismatch, R"(held: null, wanted: int32, at ["a b"]["c"][0])"},
        {"integer too large within",
         [] { value v(std::map<std::string, std::vector<std::uint64_t>>{{"k", {1, UINT64_MAX}}}); },
         errc::not_representable, R"(18446744073709551615 as int64, at ["k"][1])"},
        {"by way of a proxy", [&] { d["ages"][2].get<int>(); }, errc::type_mismatch,
         R"(held: string, wanted: int32, at ["ages"][2])"},
        {"missing by way of a proxy", [&] { d["ages"][3].get<int>(); }, errc::no_such_key,
         R"(wanted: int32, at ["ages"][3])"},
        {"key of a number", [&] { d["n"]["x"]["y"] = 1; }, errc::type_mismatch,
         "held: integer, wanted: dict (for key 'x')"},
        {"index of a dict", [] { std::as_const(*std::make_unique<value>(dict()))[4]; },
         errc::type_mismatch, "held: dict, wanted: list (for index 4)"},
        {"key of an object", [&] { d["who"]["id"].get<int>(); }, errc::type_mismatch,
         "held: object '(anonymous namespace)::job', wanted: dict (for key 'id')"},
        {"in a draft", [&] { draft(source).get<int>("n"); }, errc::type_mismatch,
         R"(held: string, wanted: int32, at ["n"])"},
        {"deep in a draft", [&] { draft(source)["l"][1].get<int>(); }, errc::type_mismatch,
         R"(held: string, wanted: int32, at ["l"][1])"},
        {"sum in a draft", [&] { draft(source)["n"] += 1; }, errc::type_mismatch,
         "held: string, wanted: a number, in string + integer"},
        {"difference",
         [] {
             value v(0.5);
             v -= job();
         },
         errc::type_mismatch,
         "held: object '(anonymous namespace)::job', wanted: a number, in double - object "
         "'(anonymous namespace)::job'"},
        {"product of nothing",
         [] {
             value v;
             v *= true;
         },
         errc::type_mismatch, "held: bool, wanted: a number, in null * bool"},
        {"overflow",
         [] {
             value v(INT64_MAX);
             ++v;
         },
         errc::arithmetic_overflow, "9223372036854775807 + 1"},
        {"append to a text",
         [] {
             value v("x");
             v.push_back(1);
         },
         errc::type_mismatch, "held: string, wanted: list"},
        {"erase from a list",
         [] {
             value v(list_of(1));
             v.erase("x");
         },
         errc::type_mismatch, "held: list, wanted: dict"},
        {"size of a number", [] { static_cast<void>(value(1).size()); }, errc::type_mismatch,
         "held: integer, wanted: something that has a size"},
        {"missing key", [&] { std::as_const(d).at("nobody"); }, errc::no_such_key, "nobody"},
    };
    for (const auto& [name, act, code, text] : rows) {
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(code_of(act) == code);
            BOOST_TEST(text_of(act).substr(0, text.size() + 2) == text + ": ");
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
