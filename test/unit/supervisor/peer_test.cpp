#include "supervisor/peer.hpp"

#include "supervisor/packet.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>

#include <sys/epoll.h>

using namespace zproc::supervision;
using zproc::descriptor;

BOOST_AUTO_TEST_SUITE(supervisor_peer)

BOOST_AUTO_TEST_CASE(open_fails_and_closes_where_nothing_would_be_heard)
{
    auto ends = make_packet_pair();
    peer deaf;
    const bool opened = deaf.open(std::move(ends.first), /* events */ ends.second.get(), 7);
    const int error = errno;
    BOOST_TEST(!opened);
    BOOST_TEST(error == EINVAL); // as it is said: no epoll descriptor
    BOOST_TEST(!deaf.is_open());
    packet_receiver receiver;
    BOOST_TEST((receiver.receive(ends.second.get()).what == received_packet::outcome::closed));
}

BOOST_AUTO_TEST_CASE(send_closes_where_the_room_for_more_would_not_be_heard_of)
{
    auto ends = make_packet_pair();
    descriptor events(::epoll_create1(EPOLL_CLOEXEC));
    peer full;
    BOOST_REQUIRE(full.open(std::move(ends.first), events.get(), 7));
    // Behind its back, as a kernel that refuses would.
    BOOST_REQUIRE(::epoll_ctl(events.get(), EPOLL_CTL_DEL, full.socket(), nullptr) == 0);
    int sent = 0;
    for (; full.is_open() && sent != 10'000; ++sent)
        full.send(message::gone{1, false});
    BOOST_TEST(!full.is_open());
    BOOST_TEST(sent > 1);
    // What the socket took is read, and then the end.
    packet_receiver receiver;
    auto last = received_packet::outcome::got;
    for (int i = 0; last == received_packet::outcome::got && i != sent; ++i)
        last = receiver.receive(ends.second.get()).what;
    BOOST_TEST((last == received_packet::outcome::closed));
}

BOOST_AUTO_TEST_SUITE_END()
