#include "support.hpp"

#include <zproc/draft.hpp>
#include <zproc/value_mapping.hpp>

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <stdexcept>

namespace {

struct point {
    double x = 0;
    double y = 0;
    bool operator==(const point&) const = default;
};

/// Its mapping goes before its `serialize`.
struct both {
    int number = 0;
    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & number;
    }
};

/// And before its being a range, and a text.
struct tags : std::vector<int> {
    using vector::vector;
    operator std::string_view() const { return "not this"; }
};

enum class color { red, green };

/// A segment consists of others.
struct segment {
    point from, to;
    std::vector<segment> parts;
    bool operator==(const segment&) const = default;
};

/// Throws what is asked for.
struct angry {
    int how = 0;
};

[[noreturn]] void be_angry(int how)
{
    switch (how) {
    case 1: throw std::runtime_error("no mood for it");
    case 2: throw zproc::system_error(zproc::errc::too_large, "mine");
    case 3: throw zproc::system_error(make_error_code(boost::system::errc::io_error), "not mine");
    case 4: throw std::bad_alloc();
    default: throw how;
    }
}

struct nobody {}; // has no mapping

} // namespace

namespace zproc {

template <>
struct value_mapping<point> {
    static value to_value(const point& p) { return list_of(p.x, p.y); }
    static point from_value(const value& v) { return {v[0].get<double>(), v[1].get<double>()}; }
};

template <>
struct type_name<both> {
    static std::string get() { return "both"; }
};
template <>
struct value_mapping<both> {
    static int to_value(const both& b) { return b.number; }
    static both from_value(const value& v) { return {v.get<int>()}; }
};

template <>
struct value_mapping<tags> {
    static dict to_value(const tags& t) { return dict::of("count", t.size()); }
    static tags from_value(const value& v) { return tags(v["count"].get<std::size_t>()); }
};

template <>
struct value_mapping<color> {
    static std::string to_value(color c) { return c == color::red ? "red" : "green"; }
    static color from_value(const value& v)
    {
        return v.get<std::string>() == "red" ? color::red : color::green;
    }
};

template <>
struct value_mapping<segment> {
    static value to_value(const segment& s)
    {
        return dict::of("from", s.from, "to", s.to, "parts", s.parts);
    }
    static segment from_value(const value& v)
    {
        return {v["from"].get<point>(), v["to"].get<point>(),
                v["parts"].get<std::vector<segment>>()};
    }
};

template <class Rep, class Period>
struct value_mapping<std::chrono::duration<Rep, Period>> {
    using duration = std::chrono::duration<Rep, Period>;
    static value to_value(const duration& d) { return d.count(); }
    static duration from_value(const value& v) { return duration(v.get<Rep>()); }
};

template <>
struct value_mapping<angry> {
    static value to_value(const angry& a)
    {
        if (a.how != 0)
            be_angry(a.how);
        return std::as_const(*std::make_unique<dict>())["absent"];
    }
    static angry from_value(const value& v) { be_angry(v.is_null() ? 0 : v.get<int>()); }
};

} // namespace zproc

namespace {

using namespace zproc;
using test::code_of;
using test::text_of;

static_assert(storable<point> && storable<const point&> && storable<color> && storable<tags>);
static_assert(storable<std::vector<point>> && storable<std::optional<point>>);
static_assert(storable<std::map<std::string, std::array<point, 2>>>);
static_assert(storable<std::chrono::milliseconds> && !storable<std::chrono::system_clock>);
static_assert(!storable<nobody> && !storable<std::vector<nobody>> && !storable<point*>);
static_assert(std::is_same_v<detail::stored_t<tags>, tags>);

} // namespace

BOOST_AUTO_TEST_SUITE(mappings)

BOOST_AUTO_TEST_CASE(value_is_what_the_mapping_makes)
{
    BOOST_TEST((value(point{1, 2}) == list_of(1.0, 2.0)));
    BOOST_TEST((value(both{7}) == 7));
    BOOST_TEST((value(tags{4, 5}) == dict::of("count", 2)));
    BOOST_TEST((value(color::green) == "green"));
    BOOST_TEST((value(std::chrono::seconds(3)) == 3));
    BOOST_TEST((list_of(point{1, 2}, color::red) == list_of(list_of(1.0, 2.0), "red")));
    BOOST_TEST((dict{{"p", point{1, 2}}} == dict::of("p", list_of(1.0, 2.0))));
    BOOST_TEST((value(point{1, 2}) == point{1, 2}));
}

BOOST_AUTO_TEST_CASE(get_returns_what_went_in)
{
    BOOST_TEST((value(point{1, 2}).get<point>() == point{1, 2}));
    BOOST_TEST(value(both{7}).get<both>().number == 7);
    BOOST_TEST((value(tags{4, 5}).get<tags>().size() == 2));
    BOOST_TEST((value(color::green).get<color>() == color::green));
    BOOST_TEST((value(std::chrono::hours(3)).get<std::chrono::hours>() == std::chrono::hours(3)));
    const segment whole{{1, 2}, {3, 4}, {{{1, 2}, {2, 3}, {}}, {{2, 3}, {3, 4}, {}}}};
    BOOST_TEST((value(whole).get<segment>() == whole));
    BOOST_TEST((from_value<point>(to_value(point{1, 2})) == point{1, 2}));
}

BOOST_AUTO_TEST_CASE(containers_convert_their_elements)
{
    const std::vector<point> points{{1, 2}, {3, 4}};
    const value many = points;
    BOOST_TEST((many.get<std::vector<point>>() == points));
    BOOST_TEST((many.get<std::deque<point>>() == std::deque<point>{{1, 2}, {3, 4}}));
    BOOST_TEST((many.get<std::array<point, 2>>() == std::array<point, 2>{{{1, 2}, {3, 4}}}));
    const std::map<std::string, std::optional<point>> some{{"a", point{1, 2}}, {"b", {}}};
    BOOST_TEST((value(some) == dict::of("a", point{1, 2}, "b", nullptr)));
    BOOST_TEST((value(some).get<std::map<std::string, std::optional<point>>>() == some));
    BOOST_TEST((!value().get<std::optional<point>>()));
}

BOOST_AUTO_TEST_CASE(drafts_take_and_give_it)
{
    detail::draft_source source;
    source.put("p", value(point{1, 2}), 1);
    source.put("q", std::nullopt, 0);
    source.put("none", std::nullopt, 0);
    draft state(source);
    BOOST_TEST((state.get<point>("p") == point{1, 2}));
    BOOST_TEST((state["p"].get<point>() == point{1, 2}));
    state["q"]["deep"] = point{5, 6};
    state["q"]["list"].push_back(color::red);
    BOOST_TEST((state["q"] == dict::of("deep", list_of(5.0, 6.0), "list", list_of("red"))));
    BOOST_TEST((state.get<std::optional<point>>("none") == std::nullopt));
    BOOST_TEST(code_of([&] { state.get<point>("none"); }) == errc::no_such_key);
}

BOOST_AUTO_TEST_CASE(errors_say_within_which_type)
{
    const auto starts = [](const auto& act, std::string_view text) {
        const auto whole = text_of(act);
        BOOST_TEST(whole.substr(0, text.size()) == text);
    };
    const value broken = list_of(list_of(1, 2), list_of(1, "y"));
    starts([&] { broken.get<std::vector<point>>(); },
           "held: string, wanted: double, in '(anonymous namespace)::point', at [1]: ");
    BOOST_TEST(code_of([&] { broken.get<std::vector<point>>(); }) == errc::type_mismatch);
    starts([] { value("x").get<std::vector<point>>(); },
           "held: string, wanted: list of '(anonymous namespace)::point': ");
    starts([] { value(1.5).get<both>(); }, "1.5 as int32, in 'both': ");
    const value deep = dict::of("from", point{}, "to", point{}, "parts", list_of(dict()));
    starts([&] { deep.get<segment>(); },
           "wanted: '(anonymous namespace)::point', in '(anonymous namespace)::segment', at [0], "
           "in '(anonymous namespace)::segment': ");
    BOOST_TEST(code_of([&] { deep.get<segment>(); }) == errc::no_such_key);
    starts(
        [] {
            value v(std::vector<std::chrono::duration<std::uint64_t>>(
                1, std::chrono::duration<std::uint64_t>(UINT64_MAX)));
        },
        "18446744073709551615 as int64, in 'std::chrono::duration<");
}

BOOST_AUTO_TEST_CASE(what_the_mapping_throws_becomes_an_error)
{
    BOOST_TEST(code_of([] { value v(angry{1}); }) == errc::malformed_value);
    BOOST_TEST(code_of([] { value(1).get<angry>(); }) == errc::malformed_value);
    BOOST_TEST(text_of([] {
                   value(1).get<angry>();
               }).starts_with("no mood for it, in '(anonymous namespace)::angry': "));
    BOOST_TEST(code_of([] { value(2).get<angry>(); }) == errc::too_large);
    BOOST_TEST(code_of([] { value(3).get<angry>(); }) == errc::malformed_value);
    BOOST_TEST(text_of([] { value(3).get<angry>(); }).starts_with("not mine: "));
    BOOST_CHECK_THROW(value(4).get<angry>(), std::bad_alloc);
    BOOST_CHECK_THROW(value(5).get<angry>(), int);
    BOOST_CHECK_THROW(value(angry{5}), int);
}

BOOST_AUTO_TEST_CASE(absent_is_never_given_to_the_mapping)
{
    const dict none;
    BOOST_TEST(code_of([&] { none["k"].get<angry>(); }) == errc::no_such_key);
    BOOST_TEST(text_of([&] {
                   none["k"].get<angry>();
               }).starts_with("wanted: '(anonymous namespace)::angry': "));
    BOOST_CHECK_THROW(value().get<angry>(), int); // null is a value
    // What a mapping made of something absent is a null like any other.
    BOOST_TEST(code_of([] { value(angry()).get<int>(); }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_SUITE_END()
