// Users' types with a mapping of their own, and those of Boost.JSON, in each operation.

#include "integration/forms.hpp"

#include <zproc/json.hpp>

#include <boost/describe/class.hpp>
#include <boost/json/parse.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

/// An aggregate with a mapping: named, for temporaries of it are refused.
struct address {
    std::string street;
    int number = 0;
    bool operator==(const address&) const = default;
};

/// Trivially copyable: temporaries of it are fine.
struct point {
    int x = 0;
    int y = 0;
    bool operator==(const point&) const = default;
};

/// With a constructor: no aggregate.
class label {
public:
    label() = default;
    explicit label(std::string text) : text_(std::move(text)) {}
    const std::string& text() const { return text_; }
    bool operator==(const label&) const = default;

private:
    std::string text_;
};

/// Known to Boost.JSON.
struct person {
    std::string name;
    std::vector<std::string> aliases;
    bool operator==(const person&) const = default;
};
BOOST_DESCRIBE_STRUCT(person, (), (name, aliases))

} // namespace

namespace zproc {

template <>
struct value_mapping<address> {
    static value to_value(const address& a) { return dict::of("street", a.street, "n", a.number); }
    static address from_value(const value& v)
    {
        return {v["street"].get<std::string>(), v["n"].get<int>()};
    }
};
template <>
struct value_mapping<point> {
    static value to_value(const point& p) { return list_of(p.x, p.y); }
    static point from_value(const value& v) { return {v[0].get<int>(), v[1].get<int>()}; }
};
template <>
struct value_mapping<label> {
    static value to_value(const label& l) { return l.text(); }
    static label from_value(const value& v) { return label(v.get<std::string>()); }
};

} // namespace zproc

using namespace zproc;
using namespace zproc::test;

BOOST_AUTO_TEST_SUITE(forms_typed)

ZPROC_FORM(set_and_get_take_mapped_types)
{
    const address home{text, 7};
    address work{other_text, 8};
    const person ann{text, {"Annie", other_text}};
    const std::vector<address> both{home, work};
    const std::map<std::string, person> people{{"ann", ann}};
    const std::optional<person> some = ann;
    co_await state.set("home", home);
    co_await state.set("work", work);
    work.street.clear();
    co_await state.set("point", point{1, 2});
    co_await state.set("label", label(text));
    co_await state.set("braced", label{other_text});
    co_await state.set("ann", ann);
    co_await state.set("both", both);
    co_await state.set("people", people);
    co_await state.set("some", some);
    co_await state.set("labels", std::vector<label>(2, label(text)));
    ZPROC_HOLDS(co_await state.get<address>("home") == home);
    ZPROC_HOLDS((co_await state.get("home"))["street"] == text);
    ZPROC_HOLDS((co_await state.get<address>("work")).street == other_text);
    ZPROC_HOLDS((co_await state.get<point>("point")).y == 2);
    ZPROC_HOLDS(co_await state.get<label>("label") == label(text));
    ZPROC_HOLDS((co_await state.get<label>("braced")).text() == other_text);
    ZPROC_HOLDS(co_await state.get<person>("ann") == ann);
    ZPROC_HOLDS((co_await state.get("ann"))["aliases"][1] == other_text);
    ZPROC_HOLDS((co_await state.get<std::vector<address>>("both"))[1].street == other_text);
    ZPROC_HOLDS((co_await state.get<std::map<std::string, person>>("people")) == people);
    ZPROC_HOLDS(co_await state.get<std::optional<person>>("some") == ann);
    ZPROC_HOLDS(!(co_await state.get<std::optional<person>>("nobody")));
    ZPROC_HOLDS((co_await state.get<std::vector<label>>("labels"))[1].text() == text);
}

ZPROC_FORM(other_operations_take_mapped_types)
{
    const address home{text, 7};
    const address away{other_text, 9};
    const person ann{text, {other_text}};
    ZPROC_HOLDS(co_await state.get_or("no", home) == home);
    ZPROC_HOLDS(co_await state.get_or("no", label(text)) == label(text));
    ZPROC_HOLDS(co_await state.get_or("no", point{3, 4}) == (point{3, 4}));
    ZPROC_HOLDS(co_await state.set_default("home", home) == home);
    ZPROC_HOLDS(co_await state.set_default("home", away) == home);
    ZPROC_HOLDS(co_await state.set_default("point", point{5, 6}) == (point{5, 6}));
    ZPROC_HOLDS(co_await state.compare_exchange("home", home, away));
    ZPROC_HOLDS(!(co_await state.compare_exchange("home", home, ann)));
    ZPROC_HOLDS(co_await state.compare_exchange("home", away, ann));
    ZPROC_HOLDS(co_await state.compare_exchange("ann", nullptr, label(text)));
    co_await state.append("list", home);
    co_await state.append("list", label(text));
    co_await state.append("list", ann);
    const auto list = co_await state.get("list");
    ZPROC_HOLDS(list[0].get<address>() == home && list[2].get<person>() == ann);
    ZPROC_HOLDS(co_await state.pop<person>("home") == ann);
}

ZPROC_FORM(literals_take_mapped_types)
{
    const address home{text, 7};
    const person ann{text, {other_text}};
    const dict changes{{"a", home}, {"b", ann}};
    co_await state.update(changes);
    co_await state.update(dict::of("c", home, "d", point{1, 2}, "e", label(text)));
    co_await state.update(dict{}.with("f", ann).with("g", label(other_text)));
    co_await state.set("list", list_of(home, ann, point{3, 4}, label(text)));
    ZPROC_HOLDS(co_await state.get<address>("a") == home);
    ZPROC_HOLDS(co_await state.get<address>("c") == home);
    ZPROC_HOLDS(co_await state.get<point>("d") == (point{1, 2}));
    ZPROC_HOLDS(co_await state.get<person>("f") == ann);
    ZPROC_HOLDS((co_await state.get<label>("g")).text() == other_text);
    ZPROC_HOLDS((co_await state.get("list"))[3].get<label>().text() == text);
}

ZPROC_FORM(atomics_and_watchers_take_mapped_types)
{
    const address home{text, 7};
    const address away{other_text, 9};
    const person ann{text, {other_text}};
    co_await state.atomic(
        [](draft& d, const address& a, const person& p) {
            d["people"]["ann"] = p;
            d["homes"].push_back(a);
        },
        home, ann);
    const auto read =
        co_await state.atomic([](draft& d) { return d["people"]["ann"].get<person>(); });
    ZPROC_HOLDS(read == ann);
    const auto moved = co_await state.atomic(
        [](draft& d, const address& to) {
            auto all = d.get<std::vector<address>>("homes");
            all.push_back(to);
            d["homes"] = all;
            return all;
        },
        away);
    ZPROC_HOLDS(moved.size() == 2 && moved[1] == away);
    auto waiting = state.when_equal("at", home);
    auto labelled = state.when_equal("label", label(text));
    co_await state.set("label", label(text));
    co_await state.set("at", home);
    const auto event = co_await waiting.next();
    ZPROC_HOLDS(event->changes[0].after->get<address>() == home);
    static_cast<void>(co_await labelled.next());
}

ZPROC_FORM(json_itself_is_set_and_got)
{
    co_await state.set("json", boost::json::parse(R"({"a": [1, {"b": null}]})"));
    const auto tree = co_await state.get<boost::json::value>("json");
    ZPROC_HOLDS(tree.at("a").at(0) == 1);
    co_await state.set("part", tree.at("a").at(1));
    ZPROC_HOLDS((co_await state.get("part")).contains("b"));
    const boost::json::object object{{"text", text}, {"n", 1}}; // braces, not within the await
    co_await state.set("object", object);
    ZPROC_HOLDS((co_await state.get("object"))["text"] == text);
}

BOOST_AUTO_TEST_SUITE_END()
