#include "server/throttle.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::throttle;

namespace {

constexpr std::int64_t second = 1'000'000'000;

throttle::peer peer(unsigned number)
{
    throttle::peer out{};
    out[0] = static_cast<std::byte>(number >> 16);
    out[1] = static_cast<std::byte>(number >> 8);
    out[2] = static_cast<std::byte>(number);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(server_throttle)

BOOST_AUTO_TEST_CASE(peer_waits_after_ten_failures_and_longer_each_time)
{
    throttle t;
    std::int64_t now = 1000 * second;
    for (unsigned i = 0; i != throttle::usual_failures; ++i) {
        BOOST_TEST(t.admits(peer(1), now));
        t.failed(peer(1), now);
    }
    BOOST_TEST(!t.admits(peer(1), now));
    BOOST_TEST(t.admits(peer(2), now));
    for (const auto wait : {5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60}) {
        BOOST_TEST(!t.admits(peer(1), now + wait * second - 1));
        now += wait * second;
        BOOST_TEST(t.admits(peer(1), now));
        t.failed(peer(1), now);
    }
}

BOOST_AUTO_TEST_CASE(so_many_failures_as_it_is_told_cost_nothing)
{
    throttle t(2);
    t.failed(peer(1), second);
    BOOST_TEST(t.admits(peer(1), second));
    t.failed(peer(1), second);
    BOOST_TEST(!t.admits(peer(1), second));
    BOOST_TEST(t.admits(peer(1), second + throttle::first_wait));
}

BOOST_AUTO_TEST_CASE(failures_are_forgotten_with_time)
{
    throttle t;
    for (unsigned i = 0; i + 1 != throttle::usual_failures; ++i)
        t.failed(peer(1), second);
    t.failed(peer(1), second + throttle::memory);
    BOOST_TEST(t.admits(peer(1), second + throttle::memory));
}

BOOST_AUTO_TEST_CASE(success_forgives)
{
    throttle t;
    for (unsigned i = 0; i != throttle::usual_failures; ++i)
        t.failed(peer(1), second);
    BOOST_TEST(!t.admits(peer(1), second));
    t.succeeded(peer(1));
    BOOST_TEST(t.admits(peer(1), second));
    BOOST_TEST(t.size() == 0u);
}

BOOST_AUTO_TEST_CASE(peer_that_takes_its_time_is_blamed_half)
{
    throttle t;
    for (unsigned i = 0; i + 1 != 2 * throttle::usual_failures; ++i)
        t.dawdled(peer(1), second);
    BOOST_TEST(t.admits(peer(1), second));
    t.dawdled(peer(1), second);
    BOOST_TEST(!t.admits(peer(1), second + throttle::first_wait - 1));
    BOOST_TEST(t.admits(peer(1), second + throttle::first_wait));
    // The second half of the next failure doubles the wait.
    t.dawdled(peer(1), second);
    BOOST_TEST(t.admits(peer(1), second + throttle::first_wait));
    t.dawdled(peer(1), second);
    BOOST_TEST(!t.admits(peer(1), second + throttle::first_wait));
    t.succeeded(peer(1));
    BOOST_TEST(t.admits(peer(1), second));
}

BOOST_AUTO_TEST_CASE(table_is_bounded_and_forgets_the_oldest)
{
    throttle t;
    for (unsigned i = 0; i != throttle::usual_failures; ++i) {
        t.failed(peer(0), second);
        t.failed(peer(1), 2 * second);
    }
    for (unsigned i = 2; i != throttle::most + 1; ++i)
        t.failed(peer(i), 3 * second);
    BOOST_TEST(t.size() == throttle::most);
    BOOST_TEST(t.admits(peer(0), 3 * second));
    BOOST_TEST(!t.admits(peer(1), 3 * second));
    for (unsigned i = 0; i != 10 * throttle::most; ++i)
        t.failed(peer(i), 4 * second);
    BOOST_TEST(t.size() == throttle::most);
}

BOOST_AUTO_TEST_SUITE_END()
