#include "client/inbox.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

using zproc::client::inbox;

namespace {

struct note final : inbox::task {
    std::vector<int>& said;
    int number;

    note(std::vector<int>& s, int n) : said(s), number(n) {}
    void run() override { said.push_back(number); }
};

inbox::entry entry(std::vector<int>& said, int number)
{
    return {.other = std::make_unique<note>(said, number)};
}

/// Whether somebody has to be sent.
bool put(inbox& in, inbox::entry e)
{
    return in.put(std::move(e)) == inbox::errand::send;
}

} // namespace

BOOST_AUTO_TEST_SUITE(client_inbox)

BOOST_AUTO_TEST_CASE(one_is_sent_for_all_that_comes_before_it_takes)
{
    inbox in;
    std::vector<int> said;
    BOOST_TEST(put(in, entry(said, 1)));
    BOOST_TEST(!put(in, entry(said, 2)));
    std::vector<inbox::entry> taken;
    in.take(taken, inbox::visit::fetch);
    for (auto& each : taken)
        each.other->run();
    BOOST_TEST((said == std::vector{1, 2}));
    BOOST_TEST(put(in, entry(said, 3)), "nobody is on the way any more");
}

BOOST_AUTO_TEST_CASE(who_comes_anyway_takes_what_comes_meanwhile)
{
    inbox in;
    std::vector<int> said;
    BOOST_TEST(in.expect_turn());
    BOOST_TEST(!put(in, entry(said, 1)));
    std::vector<inbox::entry> taken;
    in.take(taken, inbox::visit::turn);
    BOOST_TEST(taken.size() == 1u);
}

BOOST_AUTO_TEST_CASE(turn_comes_although_a_fetch_was_there_before)
{
    inbox in;
    std::vector<int> said;
    std::vector<inbox::entry> taken;
    BOOST_TEST(put(in, entry(said, 1)), "a fetch is sent");
    BOOST_TEST(in.expect_turn(), "which writes nothing");
    in.take(taken, inbox::visit::fetch);
    BOOST_TEST(!in.expect_turn(), "it is still on its way");
    BOOST_TEST(!put(in, entry(said, 2)));
    taken.clear();
    in.take(taken, inbox::visit::turn);
    BOOST_TEST(taken.size() == 1u);
    BOOST_TEST(in.expect_turn());
}

BOOST_AUTO_TEST_CASE(what_is_put_back_comes_first)
{
    inbox in;
    std::vector<int> said;
    std::vector<inbox::entry> taken;
    for (int i = 1; i != 4; ++i)
        put(in, entry(said, i));
    in.take(taken, inbox::visit::fetch);
    taken[0].other->run();
    put(in, entry(said, 4));
    in.put_back(std::span(taken).subspan(1));
    taken.clear();
    in.take(taken, inbox::visit::turn);
    for (auto& each : taken)
        each.other->run();
    BOOST_TEST((said == std::vector{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(there_is_a_hurry_for_each_part_of_calls)
{
    struct request final : zproc::client::call {
        request() : call(false) {}
        void write(zproc::protocol::buffer&, std::uint32_t,
                   const zproc::protocol::mutation&) override
        {
        }
        void done(zproc::error_code, zproc::protocol::bytes_view) override {}
    };
    inbox in;
    const auto ask = [&] { return in.put({.what = std::make_unique<request>()}); };
    for (std::size_t lap = 0; lap != 2; ++lap) {
        for (std::size_t i = 1; i != inbox::part; ++i)
            BOOST_TEST((ask() == (lap == 0 && i == 1 ? inbox::errand::send : inbox::errand::none)));
        BOOST_TEST((ask() == inbox::errand::hurry));
    }
    std::vector<inbox::entry> taken;
    in.take(taken, inbox::visit::turn);
    BOOST_TEST((ask() == inbox::errand::send), "nobody is on the way");
    std::vector<int> said;
    for (std::size_t i = 1; i != inbox::part; ++i)
        BOOST_TEST(!put(in, entry(said, 1)), "anything else is in no hurry");
}

BOOST_AUTO_TEST_CASE(everything_is_taken_once_whatever_threads_put)
{
    inbox in;
    constexpr int each = 20'000;
    std::atomic<int> sent = 0;
    std::atomic<int> running = 3;
    std::vector<int> unused;
    std::vector<std::thread> all;
    for (int t = 0; t != 3; ++t)
        all.emplace_back([&] {
            for (int i = 0; i != each; ++i)
                if (put(in, entry(unused, i)))
                    ++sent;
            --running;
        });
    std::size_t taken = 0;
    while (running != 0 || sent != 0) {
        if (sent == 0)
            continue;
        --sent;
        std::vector<inbox::entry> some;
        in.take(some, inbox::visit::fetch);
        taken += some.size();
    }
    for (auto& thread : all)
        thread.join();
    BOOST_TEST(taken == 3u * each);
}

BOOST_AUTO_TEST_SUITE_END()
