#include "handler.hpp"

#include <zproc/detail/handler.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using zproc::error_code;
using zproc::detail::strand_visit;
using zproc::detail::visit;

namespace asio = boost::asio;

namespace {

using handler = zproc::detail::handler<void(error_code)>;

/// Everything that happens, in its order.
struct story {
    std::vector<std::string> told;

    void operator()(const std::string& what) { told.push_back(what); }
    bool operator==(const std::vector<std::string>& other) const { return told == other; }
};

struct trailing final : strand_visit::follower {
    story& tells;

    explicit trailing(story& s) : tells(s) {}
    void follow(bool at_once) override { tells(at_once ? "followed at once" : "followed behind"); }
};

struct loop {
    asio::io_context io;
    asio::any_io_executor executor{io.get_executor()};
    asio::any_io_executor strand{asio::make_strand(io)};
    story told;

    handler says(const std::string& what)
    {
        return handler([this, what](error_code) { told(what); });
    }
    void complete(handler h) { h.complete(executor, error_code()); }
    /// From a handler of the loop, as what has been read is.
    void visiting(std::function<void()> on_strand)
    {
        asio::post(io, [this, f = std::move(on_strand)] {
            visit(strand, f);
            told("left");
        });
    }
    const story& run()
    {
        io.restart();
        io.run();
        return told;
    }
};

bool follow(const std::shared_ptr<trailing>& who)
{
    auto* const here = strand_visit::gathering();
    return here != nullptr && here->be_followed_by(who);
}

} // namespace

BOOST_AUTO_TEST_SUITE(strand_visits)

BOOST_FIXTURE_TEST_CASE(one_handler_is_called_behind_the_strand, loop)
{
    visiting([&] {
        complete(says("called"));
        told("still on the strand");
    });
    BOOST_TEST((run() == std::vector<std::string>{"still on the strand", "called", "left"}));
}

BOOST_FIXTURE_TEST_CASE(several_are_posted_in_their_order, loop)
{
    visiting([&] {
        for (const auto* each : {"first", "second", "third"})
            complete(says(each));
    });
    BOOST_TEST((run() == std::vector<std::string>{"left", "first", "second", "third"}));
}

BOOST_FIXTURE_TEST_CASE(what_is_completed_within_the_handler_is_posted, loop)
{
    visiting([&] {
        complete(handler([this](error_code) {
            complete(says("inner"));
            told("outer");
        }));
    });
    BOOST_TEST((run() == std::vector<std::string>{"outer", "left", "inner"}));
}

BOOST_FIXTURE_TEST_CASE(outside_of_a_visit_everything_is_posted, loop)
{
    asio::post(io, [&] {
        complete(says("called"));
        told("over");
    });
    BOOST_TEST((run() == std::vector<std::string>{"over", "called"}));
    BOOST_TEST(strand_visit::gathering() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(handler_of_another_loop_is_posted_there, loop)
{
    asio::io_context other;
    visiting([&] {
        complete(handler(
            asio::bind_executor(other.get_executor(), [&](error_code) { told("elsewhere"); })));
    });
    BOOST_TEST((run() == std::vector<std::string>{"left"}));
    other.run();
    BOOST_TEST((told == std::vector<std::string>{"left", "elsewhere"}));
}

BOOST_FIXTURE_TEST_CASE(strand_that_is_somebody_elses_is_visited_later, loop)
{
    // Two are posted to the strand: between them it stays theirs.
    asio::post(io, [&] {
        asio::post(strand, [&] { told("first"); });
        asio::post(strand, [&] { told("second"); });
        visit(strand, [&] {
            complete(says("called"));
            told("visited");
        });
        told("left");
    });
    BOOST_TEST((run() == std::vector<std::string>{"left", "first", "second", "visited", "called"}));
}

BOOST_FIXTURE_TEST_CASE(who_follows_comes_behind_the_handler, loop)
{
    const auto who = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        complete(says("called"));
    });
    BOOST_TEST((run() == std::vector<std::string>{"called", "followed at once", "left"}));
}

BOOST_FIXTURE_TEST_CASE(who_follows_several_comes_behind_what_was_posted, loop)
{
    const auto who = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        complete(says("first"));
        complete(says("second"));
        BOOST_TEST(!follow(who), "it gathers no more");
    });
    BOOST_TEST((run() == std::vector<std::string>{"followed behind", "left", "first", "second"}));
}

BOOST_FIXTURE_TEST_CASE(who_follows_a_handler_of_another_executor_comes_behind_it, loop)
{
    const auto who = std::make_shared<trailing>(told);
    visiting([&] {
        complete(handler(asio::bind_executor(asio::make_strand(io),
                                             [&](error_code) { told("on its strand"); })));
        BOOST_TEST(!follow(who));
        told("still on the strand");
    });
    BOOST_TEST((run() == std::vector<std::string>{"still on the strand", "left", "on its strand"}));
}

BOOST_FIXTURE_TEST_CASE(one_follows, loop)
{
    const auto who = std::make_shared<trailing>(told);
    const auto other = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        BOOST_TEST(follow(who));
        BOOST_TEST(!follow(other));
    });
    BOOST_TEST((run() == std::vector<std::string>{"followed at once", "left"}));
}

BOOST_FIXTURE_TEST_CASE(who_has_come_within_the_handler_does_not_follow, loop)
{
    const auto who = std::make_shared<trailing>(told);
    const auto other = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        BOOST_TEST(!strand_visit::precedes(*who), "the handler is not called yet");
        complete(handler([&](error_code) {
            BOOST_TEST(!strand_visit::precedes(*other));
            BOOST_TEST(strand_visit::precedes(*who));
            BOOST_TEST(!strand_visit::precedes(*who), "once");
            told("called");
        }));
    });
    BOOST_TEST((run() == std::vector<std::string>{"called", "left"}));
    BOOST_TEST(!strand_visit::precedes(*who));
}

BOOST_FIXTURE_TEST_CASE(nothing_is_lost_when_a_handler_throws, loop)
{
    const auto who = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        complete(handler([](error_code) { throw std::runtime_error("of the user"); }));
    });
    BOOST_CHECK_THROW(run(), std::runtime_error);
    BOOST_TEST((told == std::vector<std::string>{"followed behind"}));
    BOOST_TEST(strand_visit::gathering() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(nothing_is_lost_when_something_on_the_strand_throws, loop)
{
    const auto who = std::make_shared<trailing>(told);
    visiting([&] {
        BOOST_TEST(follow(who));
        complete(says("called"));
        throw std::runtime_error("of the user");
    });
    BOOST_CHECK_THROW(run(), std::runtime_error);
    BOOST_TEST((run() == std::vector<std::string>{"called", "followed at once", "left"}));
}

BOOST_FIXTURE_TEST_CASE(nothing_is_lost_by_a_visit_that_is_not_left, loop)
{
    const auto who = std::make_shared<trailing>(told);
    {
        strand_visit here;
        BOOST_TEST(follow(who));
        complete(says("posted"));
    }
    BOOST_TEST((run() == std::vector<std::string>{"followed behind", "posted"}));
}

BOOST_FIXTURE_TEST_CASE(context_on_a_strand_of_its_users_posts, loop)
{
    const asio::any_io_executor users = asio::make_strand(io);
    visiting([&] {
        handler(asio::bind_executor(io.get_executor(), [&](error_code) {
            told("called");
        })).complete(users, error_code());
    });
    BOOST_TEST((run() == std::vector<std::string>{"left", "called"}));
}

BOOST_AUTO_TEST_SUITE_END()
