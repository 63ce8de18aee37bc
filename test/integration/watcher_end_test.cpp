// Watchers whose state, connection or context goes, and that are cancelled before they begin.

#include "integration/forked_root.hpp"
#include "support/in_a_root.hpp"
#include "support/operation_world.hpp"
#include "support/server_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using namespace zproc::test;

context_options at(const std::string& path)
{
    return context_options{}.address("unix://" + path);
}

/// One `next()`.
outcome<std::optional<event>> next_of(operation_world& w, watcher& from)
{
    outcome<std::optional<event>> seen;
    from.next([&](error_code ec, std::optional<event> e) { seen(ec, std::move(e)); });
    w.run();
    return seen;
}

/// No descriptor is to be had while this lives.
class no_descriptors {
public:
    no_descriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

} // namespace

BOOST_AUTO_TEST_SUITE(watcher_end)

BOOST_AUTO_TEST_CASE(watcher_that_meets_another_state_says_so_and_never_goes_on)
{
    server_process first;
    server_process second;
    const auto path = fresh_socket_path();
    std::filesystem::create_symlink(first.path(), path);
    operation_world elsewhere(at(second.path()));
    for (int i = 100; i != 110; ++i)
        elsewhere.put("n", i);

    operation_world w(at(path));
    std::vector<watcher> all;
    all.push_back(w.ctx.state().when_change("n", {.since = 0}));
    all.push_back(w.ctx.state().when_change());
    all.push_back(w.ctx.state().when_truthy("n"));
    all.push_back(w.ctx.state().when([](const dict& d) { return d.size() == 1; }));
    w.put("n", 1);
    BOOST_TEST(next_of(w, all[0]).good());
    BOOST_TEST(next_of(w, all[2]).good());

    std::filesystem::remove(path);
    std::filesystem::create_symlink(second.path(), path);
    first.stop();
    BOOST_TEST(w.look("n") == 109); // a write might have met the end
    for (auto& each : all) {
        auto seen = next_of(w, each);
        if (seen.good()) { // it had read ahead
            BOOST_TEST_REQUIRE(seen.value->has_value());
            BOOST_TEST((*seen.value)->revision == 1u);
            seen = next_of(w, each);
        }
        for (int i = 0; i != 3; ++i) {
            BOOST_TEST((seen.code() == errc::state_lost));
            w.put("n", 201 + i);
            seen = next_of(w, each);
        }
    }
    auto fresh = w.ctx.state().when_change("n");
    w.put("n", 300);
    const auto seen = next_of(w, fresh);
    BOOST_TEST((seen.good() && (*seen.value)->changes.at(0).after == 300));
    std::filesystem::remove(path);
}

BOOST_AUTO_TEST_CASE(cancel_ends_a_condition_that_was_not_tested_yet)
{
    server_process server;
    operation_world w(at(server.path()));
    w.put("key", 1);
    std::optional<frozen> ice(server.pid());
    auto watched = w.state.when_truthy("key");
    w.poll();
    watched.cancel();
    w.poll();
    ice.reset();
    w.put("key", 2);
    const auto seen = next_of(w, watched);
    BOOST_TEST((seen.good() && !seen.value->has_value()));
}

BOOST_AUTO_TEST_CASE(next_gives_what_is_there_when_the_context_has_ended)
{
    BOOST_TEST(in_a_root([](checks& check) {
        operation_world w;
        auto watched = w.ctx.state().when_change("key");
        auto waits = w.ctx.state().when_equal("key", 4);
        w.put("key", 1);
        check(next_of(w, watched).good(), "the first");
        for (int i = 2; i != 5; ++i)
            w.put("key", i);
        w.now([&](auto token) { return w.ctx.shutdown(std::chrono::seconds(10), token); });
        for (int i = 2; i != 5; ++i) {
            const auto seen = next_of(w, watched);
            check(seen.good() && *seen.value && (*seen.value)->changes.at(0).after == i,
                  "what was committed");
        }
        for (int i = 0; i != 2; ++i)
            check(next_of(w, watched).code() == errc::state_lost, "and then the end");
        const auto seen = next_of(w, waits);
        check(seen.good() && *seen.value && (*seen.value)->revision == 4, "of a condition, too");
        check(next_of(w, waits).code() == errc::state_lost, "and its end");
        watched.cancel();
        const auto ended = next_of(w, watched);
        check(ended.good() && !ended.value->has_value(), "cancelled, it is the end of the stream");
    }));
}

/// What was refused once holds the loop no longer than it takes, and is tried again.
BOOST_AUTO_TEST_CASE(next_fails_without_descriptors_and_goes_on_with_them)
{
    server_process server;
    operation_world w(at(server.path()));
    w.put("key", 1);
    auto watched = w.ctx.state().when_change("key");
    auto asked = w.ctx.state();
    {
        const no_descriptors none;
        for (int i = 0; i != 3; ++i)
            BOOST_TEST((next_of(w, watched).code() == boost::system::errc::too_many_files_open));
        outcome<snapshot> past;
        asked.at(1, [&](error_code ec, snapshot s) { past(ec, std::move(s)); });
        w.run();
        BOOST_TEST((past.code() == boost::system::errc::too_many_files_open));
    }
    outcome<std::optional<event>> late; // it begins now, and is woken
    watched.next([&](error_code ec, std::optional<event> e) { late(ec, std::move(e)); });
    w.io.restart();
    w.io.run_for(std::chrono::milliseconds(200));
    BOOST_TEST(!late.done());
    operation_world other(at(server.path()));
    other.put("key", 3);
    w.run();
    BOOST_TEST((late.good() && (*late.value)->changes.at(0).after == 3));
}

BOOST_AUTO_TEST_SUITE_END()
