// Replicas of a state that lives on: what they read, and that it is always the present.

#include "integration/forked_root.hpp"
#include "integration/program.hpp"
#include "integration/replicated.hpp"
#include "support/leak_check.hpp"

#include <zproc.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using namespace zproc::test;

serving::host_options ring_of(std::uint64_t bytes)
{
    serving::host_options options;
    options.ring_capacity = bytes;
    return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(replicas)

BOOST_AUTO_TEST_CASE(reads_are_those_of_a_dict)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto empty = co_await state.replica();
        check(empty.empty() && empty.size() == 0 && empty.revision() == 0, "nothing yet");
        check(empty.begin() == empty.end(), "to iterate over");

        const auto all = dict::of("n", 7, "text", "a text that is long enough for the heap", "null",
                                  nullptr, "list", list_of(1, 2), "d", dict::of("x", 0.5));
        co_await state.update(all);
        auto r = co_await state.replica();
        check(r.name() == "default", "its name");
        check(r.get<int>("n") == 7 && r.get<double>("n") == 7.0, "numbers");
        check(r.get<std::string>(std::string("text")).size() == 39, "text, by any key-like");
        check(r.get("null").is_null(), "null");
        check(r.get<std::vector<int>>("list") == std::vector<int>{1, 2}, "a list");
        check(r["d"]["x"] == 0.5, "a way into it");
        check(r["d"]["y"].is_null() && r["none"]["x"].is_null(), "absent ones leave no trace");
        check(!r.get<std::optional<int>>("none").has_value(), "optional");
        check(r.get<std::optional<int>>("n") == 7, "and there");
        check(r.get_or("none", "otherwise") == "otherwise" && r.get_or("n", 1) == 7, "get_or");
        check(r.contains("n") && !r.contains("none"), "contains");
        check(r.find("none") == nullptr && *r.find("n") == 7, "find");
        check(r.size() == 5 && r.revision() == 1, "size and revision");
        auto keys = r.keys();
        std::ranges::sort(keys);
        check(keys == std::vector<std::string>{"d", "list", "n", "null", "text"}, "keys");
        check(r.values() == all.values() && r.values().size() == 5, "values");
        check(r.items() == all, "items");
        const auto s = r.snapshot();
        check(s == all && s.revision() == 1, "snapshot");

        check(thrown_by([&] { return r.get<int>("none"); }) == errc::no_such_key, "no such key");
        check(thrown_by([&] { return r.get<int>("text"); }) == errc::type_mismatch, "its type");
        check(thrown_by([&] { return r.get<signed char>("none"); }) == errc::no_such_key, "none");

        // The user's predicates.
        const auto is_number = [](const auto& each) { return each.second.is_number(); };
        check(std::ranges::count_if(r, is_number) == 1, "ranges");
        std::size_t count = 0;
        for (const auto& [key, v] : r) {
            co_await state.erase(key);
            check(!r.contains(key) && v == all[key], "iteration is over what there was");
            ++count;
        }
        check(count == 5 && r.empty() && r.revision() == 6, "all of it");
    }));
}

BOOST_AUTO_TEST_CASE(completed_write_of_every_kind_is_read_at_once)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        auto r = co_await state.replica();
        for (int i = 0; i != 300; ++i) {
            co_await state.set("n", i);
            check(r["n"] == i, "set");
            co_await state.increment("n", 3);
            check(r["n"] == i + 3, "increment");
            co_await state.update(dict::of("a", i, "b", i));
            check(r["a"] == i && r["b"] == i, "update");
            co_await state.append("l", i);
            check(r["l"].size() == 1, "append");
            co_await state.atomic([](draft& d) { d["n"] += 1; });
            check(r["n"] == i + 4, "atomic");
            co_await state.erase("a");
            check(!r.contains("a"), "erase");
            co_await state.replace(dict::of("c", i));
            check(r.items() == dict::of("c", i), "replace");
            co_await state.clear();
            check(r.empty(), "clear");
        }
    }));
}

BOOST_AUTO_TEST_CASE(what_was_asked_for_before_it_was_made_is_in_it)
{
    replicated here;
    for (int round = 0; round != 20; ++round) {
        std::optional<int> seen;
        const auto watched = here.w.state.when_change("other"); // holds mutations up
        for (int i = 1; i <= 50; ++i)
            here.w.state.set("n", 100 * round + i, [](error_code) {});
        here.w.state.replica([&](error_code ec, zproc::replica r) {
            if (!ec)
                seen = r.get<int>("n");
        });
        here.w.run();
        BOOST_TEST((seen == 100 * round + 50));
    }
}

/// The writer says through a pipe that its write has completed.
BOOST_AUTO_TEST_CASE(write_that_has_completed_in_another_process_is_read_at_once)
{
    constexpr std::int64_t count = 100'000;
    replicated here;
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const auto path = here.server.path();
    const pid_t writer = in_a_process([&] {
        raw_writer w(path);
        for (std::int64_t n = 1; n <= count; ++n) {
            w.set("n", n);
            if (::write(ends[1], "x", 1) != 1)
                return 1;
        }
        return 0;
    });
    ::close(ends[1]);
    const auto r = here.open();
    std::int64_t stale = 0;
    std::int64_t backwards = 0;
    std::int64_t said = 0;
    std::int64_t last = 0;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1) {
        const auto n = r.get<std::int64_t>("n");
        stale += n < ++said ? 1 : 0;
        backwards += n < last ? 1 : 0;
        last = n;
    }
    BOOST_TEST(said == count);
    BOOST_TEST(stale == 0);
    BOOST_TEST(backwards == 0);
    BOOST_TEST(exit_code(writer) == 0);
    ::close(ends[0]);
}

#if !defined(__SANITIZE_THREAD__)
/// In a process to which the kernel permits read, write and exit: any other call ends it.
BOOST_AUTO_TEST_CASE(reads_make_no_system_call)
{
    constexpr std::int64_t count = 20'000;
    server_process server;
    const auto path = server.path();
    int ready[2];
    BOOST_REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    const pid_t reader = in_a_process([&] {
        operation_world w(context_options{}.address("unix://" + path));
        w.put("n", 0);
        const auto r = w.now([&](auto token) { return w.state.replica(token); });
        w.put("n", 1); // its buffers have their size now
        static_cast<void>(r.get<std::int64_t>("n"));
        if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0 || ::write(ready[1], "x", 1) != 1)
            return 2;
        std::int64_t last = 0;
        while (last != count) {
            const auto n = r.get<std::int64_t>("n");
            if (n < last || !r.contains("n") || r.size() != 1)
                ::syscall(SYS_exit, 3);
            last = n;
        }
        ::syscall(SYS_exit, 0);
        return 4;
    });
    char byte = 0;
    BOOST_TEST_REQUIRE(::read(ready[0], &byte, 1) == 1);
    raw_writer w(path);
    for (std::int64_t n = 2; n <= count; ++n) {
        w.set("n", n);
        w.set("n", n, "another"); // passed at a glance
    }
    BOOST_TEST(exit_code(reader) == 0);
    ::close(ready[0]);
    ::close(ready[1]);
}
#endif

BOOST_AUTO_TEST_CASE(growing_ring_is_followed_at_each_read)
{
    replicated here(ring_of(64u << 10));
    const auto r = here.open();
    raw_writer writer(here.server.path());
    const std::string padding(4000, 'x');
    for (int i = 0; i != 500; ++i) {
        const auto key = "k" + std::to_string(i);
        writer.set(key, packed(padding + key));
        BOOST_TEST_REQUIRE(r.size() == static_cast<std::size_t>(i) + 1);
        BOOST_TEST_REQUIRE(*r.find(key) == padding + key);
        BOOST_TEST_REQUIRE(r.get<std::string>("k0") == padding + "k0");
    }
    BOOST_TEST(r.revision() == 500u);
    BOOST_TEST(r.items() == here.w.everything());
}

BOOST_AUTO_TEST_CASE(lapped_replica_reads_the_present_again)
{
    replicated here(ring_of(64u << 10));
    raw_writer writer(here.server.path());
    writer.set("rare", packed("first"));
    writer.set("gone", packed("soon"));
    const auto r = here.open();
    BOOST_TEST(r.size() == 2u);
    const std::string padding(1000, 'x');
    for (int lap = 1; lap <= 5; ++lap) {
        if (lap == 2)
            writer.erase("gone"); // leaves no trace once it is overwritten
        for (int i = 0; i != 300; ++i)
            writer.set("n", packed(std::to_string(lap) + ' ' + std::to_string(i) + padding));
        BOOST_TEST(r.get<std::string>("n") == std::to_string(lap) + " 299" + padding);
        BOOST_TEST(r.get<std::string>("rare") == "first");
        BOOST_TEST(r.contains("gone") == (lap < 2));
        BOOST_TEST(r.revision() == static_cast<std::uint64_t>(2 + 300 * lap + (lap < 2 ? 0 : 1)));
    }
}

/// Each is of its own namespace, whatever the others do, and they share one mapping.
BOOST_AUTO_TEST_CASE(replicas_of_many_namespaces_share_a_ring)
{
    replicated here(ring_of(1u << 20));
    raw_writer writer(here.server.path());
    const auto name = [](int i) { return "space " + std::to_string(i); };
    for (int i = 0; i != 2000; ++i)
        writer.set("n", i, name(i));
    auto watched = here.w.state.when_change("never");
    here.w.run();
    std::vector<zproc::replica> all;
    for (int i = 0; i != 2000; i += 100)
        all.push_back(here.open(name(i)));
    const auto none = here.open("nobody's");
    for (int round = 0; round != 3; ++round) {
        for (int i = 0; i != 2000; ++i)
            writer.set("n", i + round, name(i));
        for (std::size_t i = 0; i != all.size(); ++i) {
            BOOST_TEST(all[i].get<int>("n") == static_cast<int>(100 * i) + round);
            BOOST_TEST(all[i].revision() == static_cast<std::uint64_t>(2 + round));
            BOOST_TEST(all[i].size() == 1u);
        }
        BOOST_TEST(none.empty());
    }
    int rings = 0;
    for (const auto& [file, times] : holdings::now().mappings)
        rings += file.find("zproc-ring") != file.npos ? times : 0;
    BOOST_TEST(rings == 1);
}

BOOST_AUTO_TEST_CASE(replica_may_be_read_by_a_thread_of_its_own)
{
    replicated here(ring_of(64u << 10));
    auto opened = here.open();
    constexpr int last = 3000;
    int wrong = 0;
    std::thread reader([r = std::move(opened), &wrong] {
        for (int seen = 0; seen != last;) {
            const auto both = r.snapshot();
            const int n = r.get_or("n", 0);
            wrong += n < both["n"].get<std::optional<int>>().value_or(0) ? 1 : 0;
            wrong += both["n"] == both["m"] ? 0 : 1;
            wrong += n < seen ? 1 : 0;
            seen = n;
        }
    });
    const std::string padding(100, 'x');
    for (int i = 1; i <= last; ++i) {
        const auto changes = dict::of("n", i, "m", i, "k" + std::to_string(i % 700), padding);
        here.w.now([&](auto token) { return here.w.state.update(changes, token); });
    }
    reader.join();
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(moved_from_and_never_made_replicas_say_so)
{
    replicated here;
    auto first = here.open();
    BOOST_TEST(static_cast<bool>(first));
    auto second = std::move(first);
    BOOST_TEST(!first);
    BOOST_TEST((thrown_by([&] { return first.size(); }) == asio::error::bad_descriptor));
    BOOST_TEST(second.empty());
    first = std::move(second);
    BOOST_TEST(first.empty());
    const zproc::replica never;
    BOOST_TEST((thrown_by([&] { return never.get("k"); }) == asio::error::bad_descriptor));
    BOOST_TEST((thrown_by([&] { return never.name(); }) == asio::error::bad_descriptor));
}

BOOST_AUTO_TEST_CASE(replica_is_not_for_a_plain_fork)
{
    replicated here;
    here.w.put("n", 1);
    auto r = std::make_optional(here.open());
    const pid_t child = in_a_process([&] {
        const auto refused = thrown_by([&] { return r->get("n"); });
        r.reset();
        return refused == errc::wrong_process ? 0 : 1;
    });
    BOOST_TEST(exit_code(child) == 0);
    here.w.put("n", 2);
    BOOST_TEST(r->get<int>("n") == 2);
}

BOOST_AUTO_TEST_SUITE_END()
