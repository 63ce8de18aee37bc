// How deep and how large a value may be: the same for every operation that stores one.

#include "integration/program.hpp"

#include <zproc.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using zproc::test::checks;
using zproc::test::code_of;
using zproc::test::holds;

/// A list in a list in a list …
value nested(int depth)
{
    value made = 1;
    for (int i = 0; i != depth; ++i)
        made = list_of(std::move(made));
    return made;
}

/// A text that is encoded as so many bytes: five are its header.
value encoded_as(std::size_t bytes)
{
    return std::string(bytes - 5, 'x');
}

constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct row {
    const char* name;
    asio::awaitable<void> (*store)(state s, value v);
};

const row rows[] = {
    {"set", [](state s, value v) -> asio::awaitable<void> { co_await s.set("k", v); }},
    {"set_default",
     [](state s, value v) -> asio::awaitable<void> { co_await s.set_default("k", v); }},
    {"update",
     [](state s, value v) -> asio::awaitable<void> {
         co_await s.update(dict::of("other", 1, "k", v));
     }},
    {"replace",
     [](state s, value v) -> asio::awaitable<void> { co_await s.replace(dict::of("k", v)); }},
    {"compare_exchange",
     [](state s, value v) -> asio::awaitable<void> {
         co_await s.compare_exchange("k", nullptr, v);
     }},
    {"atomic",
     [](state s, value v) -> asio::awaitable<void> {
         co_await s.atomic([](draft& d, const value& to) { d["k"] = to; }, v);
     }},
};

/// Fails with `expected`, whose text gives this advice, and leaves nothing.
asio::awaitable<void> refused(checks& check, state s, const row& r, value v, errc expected,
                              std::string_view advice)
{
    const auto ec = co_await code_of(r.store(s, std::move(v)));
    const auto text = std::string(r.name) + ": " + ec.message();
    check(ec == expected, text.c_str());
    check(text.find(advice) != text.npos, text.c_str());
    check(co_await s.size() == 0, text.c_str());
}

} // namespace

BOOST_AUTO_TEST_SUITE(value_limits)

BOOST_AUTO_TEST_CASE(values_beyond_them_are_refused_and_the_rest_goes_on)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto s = ctx.state("limits");
        for (const auto& each : rows) {
            co_await refused(check, s, each, nested(65), errc::value_too_deep, "flatten it");
            co_await refused(check, s, each, encoded_as(mebibyte + 1), errc::too_large, "split it");
            co_await each.store(s, nested(64));
            check(co_await s.get("k") == nested(64), each.name);
            co_await s.clear();
            co_await each.store(s, encoded_as(mebibyte));
            check(co_await s.get("k") == encoded_as(mebibyte), each.name);
            co_await s.clear();
        }
        const std::string key(100'000, 'k');
        check(co_await code_of(s.set(key, 1)) == errc::too_large, "a key too long");
        check(co_await s.size() == 0, "and nothing was set");
    }));
}

BOOST_AUTO_TEST_CASE(lists_grow_up_to_them)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto s = ctx.state("limits");
        check(co_await code_of(s.append("deep", nested(64))) == errc::value_too_deep, "in a list");
        co_await s.append("deep", nested(63));
        check(co_await code_of(s.append("deep", nested(65))) == errc::value_too_deep, "by itself");
        check((co_await s.get("deep")).size() == 1, "the list is as it was");
        co_await s.append("large", encoded_as(mebibyte / 2));
        check(co_await code_of(s.append("large", encoded_as(mebibyte / 2))) == errc::too_large,
              "together");
        co_await s.append("large", encoded_as(mebibyte / 2 - 1)); // beside the list's own byte
        check((co_await s.get("large")).size() == 2, "what fits is there");

        // What an atomic function makes of a value is held to them as well.
        const auto deeper = zproc::atomic([](draft& d) { d["deep"] = list_of(d["deep"]); });
        check(co_await code_of(deeper(s)) == errc::value_too_deep, "deeper by one");
        const auto longer = zproc::atomic([](draft& d) { d["large"].push_back(1); });
        check(co_await code_of(longer(s)) == errc::too_large, "longer by one");
        check((co_await s.get("large")).size() == 2, "and nothing was changed");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
