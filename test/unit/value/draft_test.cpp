#include "support.hpp"

#include <zproc/draft.hpp>

#include <boost/test/data/test_case.hpp>

#include <cmath>
#include <functional>

using namespace zproc;
using detail::draft_access;
using detail::draft_read;
using detail::draft_source;
using detail::draft_write;
using test::code_of;

namespace {

using reads = std::vector<draft_read>;
using writes = std::vector<draft_write>;

/// a = 1 (revision 10), l = [1, 2] (11), d = {"x": {"y": 1}} (12); no "none"; the rest is unknown.
draft_source some_keys()
{
    draft_source source;
    source.put("a", 1, 10);
    source.put("l", list_of(1, 2), 11);
    source.put("d", dict::of("x", dict::of("y", 1)), 12);
    source.put("none", std::nullopt, 0);
    return source;
}

draft_source all_keys()
{
    auto source = some_keys();
    source.put_all(40);
    return source;
}

struct outcome {
    reads read;
    writes written;
};

outcome run(const draft_source& source, const std::function<void(draft&)>& body)
{
    draft state(source);
    body(state);
    BOOST_TEST(!draft_access::must_restart(state));
    return {draft_access::reads(state), draft_access::writes(state)};
}

struct row {
    const char* name;
    void (*body)(draft&);
    outcome expected;
};

std::ostream& operator<<(std::ostream& out, const row& of)
{
    return out << of.name;
}

const row rows[] = {
    {"nothing", [](draft&) {}, {}},
    {"proxy alone", [](draft& s) { (void)s["a"]; }, {}},
    {"read", [](draft& s) { BOOST_TEST(s["a"] == 1); }, {{{"a", 10}}, {}}},
    {"read absent", [](draft& s) { BOOST_TEST(s["none"].is_null()); }, {{{"none", 0}}, {}}},
    {"contains", [](draft& s) { BOOST_TEST((s.contains("a") && !s.contains("none"))); },
     {{{"a", 10}, {"none", 0}}, {}}},
    {"get", [](draft& s) { BOOST_TEST(s.get<int>("a") == 1); }, {{{"a", 10}}, {}}},
    {"const read", [](draft& s) { BOOST_TEST(std::as_const(s)["d"]["x"]["y"] == 1); },
     {{{"d", 12}}, {}}},
    {"blind write", [](draft& s) { s["a"] = 1; }, {{}, {{"a", 1}}}},
    {"blind write of an unknown key", [](draft& s) { s["new"] = 1; }, {{}, {{"new", 1}}}},
    {"blind write, then read", [](draft& s) { s["new"] = 1; BOOST_TEST(s["new"] == 1); },
     {{}, {{"new", 1}}}},
    {"blind write, then deep", [](draft& s) { s["new"] = dict(); s["new"]["x"] = 1; },
     {{}, {{"new", dict::of("x", 1)}}}},
    {"read, then write the same", [](draft& s) { s["a"] = s["a"]; }, {{{"a", 10}}, {}}},
    {"read, then write another", [](draft& s) { s["a"] = s["a"].get<int>() + 1; },
     {{{"a", 10}}, {{"a", 2}}}},
    {"read, then write another type", [](draft& s) { if (s["a"] == 1) s["a"] = 1.0; },
     {{{"a", 10}}, {{"a", 1.0}}}},
    {"arithmetic", [](draft& s) { s["a"] += 2; }, {{{"a", 10}}, {{"a", 3}}}},
    {"arithmetic to and fro", [](draft& s) { s["a"] += 2; s["a"] -= 2; }, {{{"a", 10}}, {}}},
    {"arithmetic from nothing", [](draft& s) { s["none"] += 1; }, {{{"none", 0}}, {{"none", 1}}}},
    {"deep write", [](draft& s) { s["d"]["x"]["z"] = 2; },
     {{{"d", 12}}, {{"d", dict::of("x", dict::of("y", 1, "z", 2))}}}},
    {"deep write of the same", [](draft& s) { s["d"]["x"]["y"] = 1; }, {{{"d", 12}}, {}}},
    {"deep write from nothing", [](draft& s) { s["none"]["x"]["y"] = 1; },
     {{{"none", 0}}, {{"none", dict::of("x", dict::of("y", 1))}}}},
    {"deep append", [](draft& s) { s["l"].push_back(3); }, {{{"l", 11}}, {{"l", list_of(1, 2, 3)}}}},
    {"deep index", [](draft& s) { s["l"][0] = 3; }, {{{"l", 11}}, {{"l", list_of(3, 2)}}}},
    {"deep erase", [](draft& s) { BOOST_TEST(s["d"]["x"].erase("y")); },
     {{{"d", 12}}, {{"d", dict::of("x", dict())}}}},
    {"erase", [](draft& s) { BOOST_TEST(s.erase("a")); BOOST_TEST(!s.contains("a")); BOOST_TEST(!s.erase("a")); },
     {{{"a", 10}}, {{"a", std::nullopt}}}},
    {"erase absent", [](draft& s) { BOOST_TEST(!s.erase("none")); }, {{{"none", 0}}, {}}},
    {"erase, then write the same", [](draft& s) { s.erase("a"); s["a"] = 1; }, {{{"a", 10}}, {}}},
    {"erase, then arithmetic", [](draft& s) { s.erase("a"); s["a"] += 5; },
     {{{"a", 10}}, {{"a", 5}}}},
    {"erase, then deep write", [](draft& s) { s.erase("d"); s["d"]["q"] = 5; },
     {{{"d", 12}}, {{"d", dict::of("q", 5)}}}},
    {"blind write, then erase", [](draft& s) { s["new"] = 1; BOOST_TEST(s.erase("new")); },
     {{}, {{"new", std::nullopt}}}},
    {"read, write, erase of absent", [](draft& s) { s["none"] += 1; s.erase("none"); },
     {{{"none", 0}}, {}}},
    {"null is not absent", [](draft& s) { s["none"] += 1; s["none"] = nullptr; BOOST_TEST(s.contains("none")); },
     {{{"none", 0}}, {{"none", nullptr}}}},
    {"copy, then write, then read of the copy",
     [](draft& s) { auto a = s["a"]; s["a"] = 5; BOOST_TEST(a == 1); BOOST_TEST(s["a"] == 5); },
     {{{"a", 10}}, {{"a", 5}}}},
    {"copy, never read", [](draft& s) { auto a = s["a"]; s["a"] = 5; }, {{}, {{"a", 5}}}},
    {"copy of a list, then change",
     [](draft& s) {
         auto l = s["l"];
         auto first = s["l"][0];
         s["l"][0] = 7;
         s["l"].push_back(3);
         BOOST_TEST((l == value(list_of(1, 2)) && first == 1));
         auto changed = s["l"];
         s["l"][0] = 8;
         BOOST_TEST(changed[0] == 7);
     },
     {{{"l", 11}}, {{"l", list_of(8, 2, 3)}}}},
    {"copy from key to key", [](draft& s) { s["new"] = s["d"]; s["new"]["k"] = 1; },
     {{{"d", 12}}, {{"new", dict::of("x", dict::of("y", 1), "k", 1)}}}},
    {"failed change", [](draft& s) {
         BOOST_TEST(code_of([&] { s["a"]["x"] = 1; }) == errc::type_mismatch);
         BOOST_TEST(code_of([&] { s["none"][0] = 1; }) == errc::no_such_key);
         BOOST_TEST(code_of([&] { s["none"] += true; }) == errc::type_mismatch);
         BOOST_TEST(code_of([&] { s["none"].get<int>(); }) == errc::no_such_key);
         BOOST_TEST(code_of([&] { s.get<int>("none"); }) == errc::no_such_key);
         BOOST_TEST(code_of([&] { s.get("none"); }) == errc::no_such_key);
         BOOST_TEST(!s.get<std::optional<int>>("none"));
     },
     {{{"a", 10}, {"none", 0}}, {}}},
};

/// What touches a key (or all) that the source does not have.
struct touch {
    const char* name;
    void (*body)(draft&);
    bool all = false;
};

std::ostream& operator<<(std::ostream& out, const touch& of)
{
    return out << of.name;
}

const touch touches[] = {
    {"read", [](draft& s) { (void)s["new"].is_null(); }},
    {"convert", [](draft& s) { value v = s["new"]; }},
    {"compare", [](draft& s) { (void)(s["new"] == 1); }},
    {"deep", [](draft& s) { (void)s["new"]["x"]; }},
    {"deep write", [](draft& s) { s["new"]["x"] = 1; }},
    {"arithmetic that is looked at", [](draft& s) { value v = (s["new"] += 1); }},
    {"arithmetic that is looked at later",
     [](draft& s) {
         auto v = ++s["new"];
         (void)v.is_null();
     }},
    {"arithmetic, then read",
     [](draft& s) {
         s["new"] -= 1;
         (void)s["new"].is_null();
     }},
    {"arithmetic, then read through const",
     [](draft& s) {
         s["new"] -= 1;
         (void)std::as_const(s)["new"];
     }},
    {"arithmetic, then contains",
     [](draft& s) {
         s["new"] += 1;
         (void)s.contains("new");
     }},
    {"arithmetic, then erase",
     [](draft& s) {
         s["new"] += 1;
         s.erase("new");
     }},
    {"arithmetic, then a write",
     [](draft& s) {
         s["new"] += 1;
         s["new"] = 1;
     }},
    {"arithmetic, then a deep write",
     [](draft& s) {
         s["new"] += 1;
         s["new"]["x"] = 1;
     }},
    {"arithmetic, then append",
     [](draft& s) {
         s["new"] += 1;
         s["new"].push_back(1);
     }},
    {"arithmetic, then a scan",
     [](draft& s) {
         s["new"] += 1;
         (void)s.size();
     },
     true},
    {"arithmetic, then clear",
     [](draft& s) {
         s["new"] += 1;
         s.clear();
     },
     true},
    {"arithmetic twice",
     [](draft& s) {
         s["new"] += 1;
         s["new"] += 1;
     }},
    {"arithmetic on arithmetic", [](draft& s) { (s["new"] += 1) += 1; }},
    {"arithmetic of a place from before a write",
     [](draft& s) {
         auto place = s["new"];
         s["new"] = 1;
         std::move(place) += 1;
     }},
    {"arithmetic with its own value", [](draft& s) { s["new"] += s["new"]; }},
    {"addition of nothing", [](draft& s) { s["new"] += 0; }},
    {"subtraction of nothing", [](draft& s) { s["new"] -= -0.0; }},
    {"addition of null", [](draft& s) { s["new"] += nullptr; }},
    {"addition of what is not a number", [](draft& s) { s["new"] += std::nan(""); }},
    {"addition of a text", [](draft& s) { s["new"] += "text"; }},
    {"addition of a bool", [](draft& s) { s["new"] += true; }},
    {"subtraction of the least integer", [](draft& s) { s["new"] -= INT64_MIN; }},
    {"multiplication", [](draft& s) { s["new"] *= 2; }},
    {"deep arithmetic", [](draft& s) { s["new"]["x"] += 1; }},
    {"append", [](draft& s) { s["new"].push_back(1); }},
    {"contains", [](draft& s) { (void)s.contains("new"); }},
    {"const", [](draft& s) { (void)std::as_const(s)["new"]; }},
    {"get", [](draft& s) { s.get<int>("new"); }},
    {"erase", [](draft& s) { s.erase("new"); }},
    {"erase within", [](draft& s) { s["new"].erase("x"); }},
    {"copy from before a write",
     [](draft& s) {
         auto v = s["new"];
         s["new"] = 1;
         (void)v.is_null();
     }},
    {"assign from", [](draft& s) { s["a"] = s["new"]; }},
    {"size", [](draft& s) { (void)s.size(); }, true},
    {"empty", [](draft& s) { (void)s.empty(); }, true},
    {"keys", [](draft& s) { (void)s.keys(); }, true},
    {"values", [](draft& s) { (void)s.values(); }, true},
    {"items", [](draft& s) { (void)s.items(); }, true},
    {"iterate",
     [](draft& s) {
         for (const auto& item : s)
             (void)item;
     },
     true},
    {"clear", [](draft& s) { s.clear(); }, true},
};

} // namespace

namespace zproc::detail {

static std::ostream& operator<<(std::ostream& out, const draft_read& of)
{
    return out << of.key << '@' << of.revision;
}
static std::ostream& operator<<(std::ostream& out, const draft_write& of)
{
    return of.content ? out << of.key << '=' << *of.content : out << of.key << " erased";
}

} // namespace zproc::detail

BOOST_AUTO_TEST_SUITE(drafts)

BOOST_DATA_TEST_CASE(run_leaves_its_reads_and_writes, rows, row)
{
    const auto result = run(some_keys(), row.body);
    BOOST_TEST(result.read == row.expected.read, boost::test_tools::per_element());
    BOOST_TEST(result.written == row.expected.written, boost::test_tools::per_element());
    // nothing depends on what else is known
    const auto again = run(all_keys(), row.body);
    BOOST_TEST((again.read == row.expected.read && again.written == row.expected.written));
}

BOOST_DATA_TEST_CASE(touch_restarts_when_the_key_is_not_fetched, touches, touch)
{
    const auto source = some_keys();
    draft state(source);
    BOOST_CHECK_THROW(touch.body(state), detail::draft_restart);
    BOOST_TEST(draft_access::must_restart(state));
    BOOST_TEST(draft_access::wants_all(state) == touch.all);
    BOOST_TEST((draft_access::wanted(state) ==
                (touch.all ? std::nullopt : std::optional<std::string>("new"))));

    auto fetched = some_keys();
    if (touch.all)
        fetched.put_all(40);
    else
        fetched.put("new", std::nullopt, 0);
    draft repeated(fetched);
    try {
        touch.body(repeated);
    } catch (const system_error& expected) {
        BOOST_TEST((expected.code() == errc::no_such_key ||
                    expected.code() == errc::type_mismatch ||
                    expected.code() == errc::arithmetic_overflow));
    }
    BOOST_TEST(!draft_access::must_restart(repeated));
    BOOST_TEST(draft_access::additions(repeated).empty());
}

BOOST_AUTO_TEST_CASE(restart_is_remembered_when_the_function_swallows_it)
{
    static_assert(!std::is_base_of_v<std::exception, detail::draft_restart>);
    const auto source = some_keys();
    draft state(source);
    try {
        state["new"] *= 2;
    } catch (...) {
        state["new"] = 1;
    }
    BOOST_TEST(state["new"] == 1);
    BOOST_TEST(draft_access::must_restart(state));
    BOOST_TEST(*draft_access::wanted(state) == "new");
}

BOOST_AUTO_TEST_CASE(restart_ends_when_everything_touched_is_fetched)
{
    const auto body = [](draft& state) {
        if (state["a"] == 1)
            state["sum"] = state["b"].get<int>() + state["c"].get<int>();
    };
    const std::map<std::string, int> truth{{"a", 1}, {"b", 2}, {"c", 3}};
    draft_source source;
    for (int runs = 1;; ++runs) {
        draft state(source);
        try {
            body(state);
        } catch (const detail::draft_restart&) {
            source.put(*draft_access::wanted(state), truth.at(*draft_access::wanted(state)), 7);
            continue;
        }
        BOOST_TEST(runs == 4);
        BOOST_TEST((draft_access::writes(state) == writes{{"sum", 5}}));
        BOOST_TEST((draft_access::reads(state) == reads{{"a", 7}, {"b", 7}, {"c", 7}}));
        return;
    }
}

BOOST_AUTO_TEST_CASE(scan_depends_on_the_whole_namespace)
{
    const auto source = all_keys();
    draft state(source);
    state["b"] = 5;
    state.erase("l");
    BOOST_TEST(state.size() == 3U);
    BOOST_TEST((state.keys() == std::vector<std::string>{"a", "b", "d"}));
    BOOST_TEST((state.values().size() == 3 && state.values()[1] == 5));
    std::string seen;
    for (const auto& [key, content] : state) {
        seen += key;
        state["c"] = 1; // what is walked over is a copy
        state.erase("d");
    }
    BOOST_TEST(seen == "abd");
    BOOST_TEST((state.items() == dict::of("a", 1, "b", 5, "c", 1)));
    BOOST_TEST(draft_access::scanned(state));
    BOOST_TEST(draft_access::reads(state).empty());
    BOOST_TEST((draft_access::writes(state) ==
                writes{{"b", 5}, {"c", 1}, {"d", std::nullopt}, {"l", std::nullopt}}));
}

BOOST_AUTO_TEST_CASE(clear_erases_what_there_was)
{
    const auto source = all_keys();
    draft state(source);
    state["new"] = 1;
    state.clear();
    BOOST_TEST(state.empty());
    state["a"] = 1;
    state["d"]["x"] = 2;
    BOOST_TEST(draft_access::scanned(state));
    BOOST_TEST(draft_access::reads(state).empty());
    BOOST_TEST(
        (draft_access::writes(state) == writes{{"d", dict::of("x", 2)}, {"l", std::nullopt}}));
}

BOOST_AUTO_TEST_CASE(run_leaves_the_source_as_it_was)
{
    const auto source = all_keys();
    {
        draft state(source);
        state["l"].push_back(3);
        state["d"]["x"]["y"] = 2;
        state["a"] += 1;
        state.clear();
    }
    draft state(source);
    BOOST_TEST(
        (state["a"] == 1 && state["l"] == value(list_of(1, 2)) && state["d"]["x"]["y"] == 1));
}

BOOST_AUTO_TEST_CASE(clear_of_the_source_forgets_all)
{
    auto source = all_keys();
    BOOST_TEST((source.complete() && source.revision() == 40U && source.find("other")));
    source.clear();
    BOOST_TEST((!source.complete() && !source.find("a")));
}

BOOST_AUTO_TEST_SUITE_END()
