#include "value/json.hpp"

#include "support.hpp"

#include <limits>
#include <sstream>

using namespace zproc;
using test::code_of;
using test::random_values;
using test::text_of;

BOOST_AUTO_TEST_SUITE(json_text)

BOOST_AUTO_TEST_CASE(print_shows_every_kind)
{
    const bytes four{std::byte{0}, std::byte{255}, std::byte{16}, std::byte{1}};
    const auto infinite = std::numeric_limits<double>::infinity();
    const std::pair<value, std::string> rows[] = {
        {nullptr, "null"},
        {true, "true"},
        {-5, "-5"},
        {INT64_MIN, "-9223372036854775808"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {1e300, "1e+300"},
        {-0.0, "-0.0"},
        {infinite, "null"},
        {-infinite, "null"},
        {std::nan(""), "null"},
        {"a \"quoted\" \\ /", R"("a \"quoted\" \\ /")"},
        {"\b\t\n\f\r\x01\x7F", R"("\b\t\n\f\r\u0001\u007f")"},
        {std::string("a\0b", 3), R"("a\u0000b")"},
        {"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8D\xAA",
         "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8D\xAA\""},
        {"\xFFx", "\"\xEF\xBF\xBDx\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xF4\x90\x80\x80x", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\""},
        {bytes{}, R"({"$bytes":""})"},
        {bytes(1), R"({"$bytes":"AA=="})"},
        {bytes(2), R"({"$bytes":"AAA="})"},
        {four, R"({"$bytes":"AP8QAQ=="})"},
        {object("job", four), R"({"$object":"job","$data":"AP8QAQ=="})"},
        {list(), "[]"},
        {list_of(1, list_of()), "[1,[]]"},
        {dict(), "{}"},
        {dict::of("b", dict(), "a", 1), R"({"a":1,"b":{}})"},
    };
    for (const auto& [content, expected] : rows) {
        BOOST_TEST(content.to_json() == expected);
        std::ostringstream out;
        out << content;
        BOOST_TEST(out.str() == expected);
    }
}

BOOST_AUTO_TEST_CASE(parse_gives_the_value)
{
    const std::pair<const char*, value> rows[] = {
        {" null ", nullptr},
        {"true", true},
        {"-0", 0},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"1.0", 1.0},
        {"1e2", 100.0},
        {R"("\u20ac\n")", "\xE2\x82\xAC\n"},
        {R"(["x", [], {}])", list_of("x", list(), dict())},
        {R"({"a": {"b": [1, 2, 3]}})", dict::of("a", dict::of("b", list_of(1, 2, 3)))},
        {R"({"a": 1, "a": 2})", dict::of("a", 2)},
    };
    for (const auto& [text, expected] : rows)
        BOOST_TEST(identical(value::parse_json(text), expected), text);
}

BOOST_AUTO_TEST_CASE(parse_fails_and_says_where)
{
    const std::pair<std::string, errc> rows[] = {
        {"", errc::malformed_value},
        {"{", errc::malformed_value},
        {"[1, 2", errc::malformed_value},
        {"[1 2]", errc::malformed_value},
        {"1 2", errc::malformed_value},
        {"{\"a\" 1}", errc::malformed_value},
        {"nul", errc::malformed_value},
        {"'x'", errc::malformed_value},
        {"\"\xFF\"", errc::malformed_value},
        {"9223372036854775808", errc::not_representable},
        {"18446744073709551616", errc::not_representable},
        {"-9223372036854775809", errc::not_representable},
        {"1e999", errc::not_representable},
        {std::string(65, '[') + std::string(65, ']'), errc::value_too_deep},
    };
    for (const auto& [text, expected] : rows) {
        BOOST_TEST(code_of([&t = text] { value::parse_json(t); }) == expected, text);
        BOOST_TEST(text_of([&t = text] { value::parse_json(t); }).find("JSON at byte") == 0U);
    }
    BOOST_TEST(text_of([] { value::parse_json("[1, x]"); }).find("JSON at byte 4") == 0U);
    value::parse_json(std::string(64, '[') + std::string(64, ']'));
}

BOOST_AUTO_TEST_CASE(parse_returns_what_was_printed)
{
    random_values random(20);
    for (int i = 0; i != 1000; ++i) {
        const value content = random.any(4, false);
        BOOST_TEST(identical(value::parse_json(content.to_json()), content));
    }
}

BOOST_AUTO_TEST_SUITE_END()
