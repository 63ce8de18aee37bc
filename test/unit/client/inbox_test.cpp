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

} // namespace

BOOST_AUTO_TEST_SUITE(client_inbox)

BOOST_AUTO_TEST_CASE(one_is_sent_for_all_that_comes_before_it_takes)
{
    inbox in;
    std::vector<int> said;
    BOOST_TEST(in.put(entry(said, 1)));
    BOOST_TEST(!in.put(entry(said, 2)));
    BOOST_TEST(!in.expect());
    std::vector<inbox::entry> taken;
    in.take(taken);
    for (auto& each : taken)
        each.other->run();
    BOOST_TEST((said == std::vector{1, 2}));
    BOOST_TEST(in.put(entry(said, 3)), "nobody is on the way any more");
}

BOOST_AUTO_TEST_CASE(who_comes_anyway_takes_what_comes_meanwhile)
{
    inbox in;
    std::vector<int> said;
    BOOST_TEST(in.expect());
    BOOST_TEST(!in.put(entry(said, 1)));
    std::vector<inbox::entry> taken;
    in.take(taken);
    BOOST_TEST(taken.size() == 1u);
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
                if (in.put(entry(unused, i)))
                    ++sent;
            --running;
        });
    std::size_t taken = 0;
    while (running != 0 || sent != 0) {
        if (sent == 0)
            continue;
        --sent;
        std::vector<inbox::entry> some;
        in.take(some);
        taken += some.size();
    }
    for (auto& thread : all)
        thread.join();
    BOOST_TEST(taken == 3u * each);
}

BOOST_AUTO_TEST_SUITE_END()
