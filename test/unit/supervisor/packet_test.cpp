#include "supervisor/packet.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <vector>

using namespace zproc::supervision;
using what = received_packet::outcome;

BOOST_AUTO_TEST_SUITE(supervisor_packet)

BOOST_AUTO_TEST_CASE(last_words_of_who_died_with_something_unread_are_heard)
{
    auto ends = make_packet_pair();
    const std::vector word(3, std::byte{7});
    BOOST_REQUIRE_EQUAL(send_packet(ends.second.get(), word, {}), 0); // never read
    BOOST_REQUIRE_EQUAL(send_packet(ends.first.get(), word, {}), 0);
    BOOST_REQUIRE_EQUAL(send_packet(ends.first.get(), word, {}), 0);
    ends.first.reset();

    packet_receiver receiver;
    for (int i = 0; i != 2; ++i) {
        const auto packet = receiver.receive(ends.second.get());
        BOOST_REQUIRE((packet.what == what::got));
        BOOST_TEST(packet.bytes.size() == 3u);
    }
    BOOST_TEST((receiver.receive(ends.second.get()).what == what::closed));
}

BOOST_AUTO_TEST_CASE(nothing_yet_is_not_the_end)
{
    const auto ends = make_packet_pair();
    packet_receiver receiver;
    BOOST_TEST((receiver.receive(ends.second.get()).what == what::nothing_yet));
}

BOOST_AUTO_TEST_SUITE_END()
