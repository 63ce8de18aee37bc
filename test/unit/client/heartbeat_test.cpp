#include "client/heartbeat.hpp"

#include <boost/test/unit_test.hpp>

using zproc::client::heartbeat;
using verdict = heartbeat::verdict;

namespace {

constexpr std::int64_t second = 1'000'000'000;

} // namespace

BOOST_AUTO_TEST_SUITE(client_heartbeat)

BOOST_AUTO_TEST_CASE(silent_peer_is_asked_once_and_then_given_up)
{
    heartbeat beat;
    beat.begin(100 * second);
    BOOST_TEST(beat.due() == 105 * second);
    BOOST_TEST((beat.look(105 * second - 1) == verdict::well));
    BOOST_TEST((beat.look(106 * second) == verdict::ping));
    BOOST_TEST(beat.due() == 111 * second);
    BOOST_TEST((beat.look(110 * second) == verdict::well));
    BOOST_TEST((beat.look(111 * second) == verdict::gone));
}

BOOST_AUTO_TEST_CASE(peer_that_says_anything_is_left_alone)
{
    heartbeat beat;
    beat.begin(0);
    for (std::int64_t now = 4 * second; now < 100 * second; now += 4 * second) {
        BOOST_TEST((beat.look(now) == verdict::well));
        beat.heard(now);
    }
    const auto last = beat.due() - heartbeat::silence;
    BOOST_TEST((beat.look(last + 5 * second) == verdict::ping));
    beat.heard(last + 6 * second);
    BOOST_TEST((beat.look(last + 10 * second) == verdict::well));
    BOOST_TEST((beat.look(last + 11 * second) == verdict::ping));
}

BOOST_AUTO_TEST_CASE(silence_counts_only_while_something_is_awaited)
{
    heartbeat beat;
    beat.begin(0);
    beat.begin(1000 * second);
    BOOST_TEST((beat.look(1004 * second) == verdict::well));
}

BOOST_AUTO_TEST_CASE(upload_that_goes_on_before_the_ping_is_a_sign_of_life)
{
    heartbeat beat;
    beat.begin(0);
    constexpr std::uint64_t ping = 1000;
    std::int64_t now = 5 * second;
    beat.arrived(now, 100, ping);
    BOOST_TEST((beat.look(now) == verdict::ping));
    for (std::uint64_t bytes = 200; bytes != 1000; bytes += 100) {
        now = beat.due();
        beat.arrived(now, bytes, ping);
        BOOST_TEST((beat.look(now) == verdict::well));
    }
    // The ping has arrived: there is time for its answer, and no more.
    now = beat.due();
    beat.arrived(now, 1000, ping);
    BOOST_TEST((beat.look(now) == verdict::well));
    now = beat.due();
    beat.arrived(now, 5000, ping);
    BOOST_TEST((beat.look(now) == verdict::gone));
}

BOOST_AUTO_TEST_CASE(upload_that_stands_still_is_no_sign_of_life)
{
    heartbeat beat;
    beat.begin(0);
    beat.arrived(5 * second, 100, 1000);
    BOOST_TEST((beat.look(5 * second) == verdict::ping));
    beat.arrived(10 * second, 100, 1000);
    BOOST_TEST((beat.look(10 * second) == verdict::gone));
}

BOOST_AUTO_TEST_CASE(bytes_of_another_connection_do_not_count)
{
    heartbeat beat;
    beat.begin(0);
    beat.arrived(second, 5000, 0);
    beat.begin(10 * second);
    BOOST_TEST((beat.look(15 * second) == verdict::ping));
    beat.arrived(20 * second, 100, 1000);
    BOOST_TEST((beat.look(20 * second) == verdict::well));
}

BOOST_AUTO_TEST_SUITE_END()
