#include "supervisor/record_book.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <set>
#include <vector>

using namespace zproc::supervision;
using state = message::report::state;

namespace {

message::report line(std::uint64_t child, state now = state::up)
{
    message::report made;
    made.child = child;
    made.now = now;
    return made;
}

std::vector<std::uint64_t> sent(record_book& book)
{
    std::vector<std::uint64_t> children;
    while (const auto* each = book.next())
        children.push_back(each->child);
    return children;
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_record_book)

BOOST_AUTO_TEST_CASE(reports_are_sent_once_in_order_with_growing_numbers)
{
    record_book book;
    for (std::uint64_t child = 1; child != 4; ++child)
        book.add(line(child));
    std::uint64_t last = 0;
    for (std::uint64_t child = 1; child != 4; ++child) {
        const auto* next = book.next();
        BOOST_REQUIRE(next != nullptr);
        BOOST_TEST(next->child == child);
        BOOST_TEST(next->number > last);
        last = next->number;
    }
    BOOST_TEST(book.next() == nullptr);
    book.committed(last);
    BOOST_TEST(book.waiting() == 0u);
}

BOOST_AUTO_TEST_CASE(so_many_are_under_way_at_once)
{
    record_book book;
    for (std::uint64_t child = 0; child != 100; ++child)
        book.add(line(child));
    BOOST_TEST(sent(book).size() == record_book::in_flight);
    book.committed(10);
    BOOST_TEST(sent(book).size() == 10u);
    BOOST_TEST(book.waiting() == 90u);
}

BOOST_AUTO_TEST_CASE(successor_gets_again_what_was_not_committed)
{
    record_book book;
    for (std::uint64_t child = 1; child != 6; ++child)
        book.add(line(child));
    sent(book);
    book.committed(2);
    book.begin_anew();
    BOOST_TEST((sent(book) == std::vector<std::uint64_t>{3, 4, 5}));
    book.committed(2); // late, from the dead one
    BOOST_TEST(book.waiting() == 3u);
}

BOOST_AUTO_TEST_CASE(service_that_lags_learns_the_newest_of_each)
{
    record_book book;
    for (std::uint64_t i = 0; i != 3 * record_book::most_waiting; ++i)
        book.add(line(i % 7, i % 2 == 0 ? state::up : state::backoff));
    BOOST_TEST(book.waiting() <= record_book::most_waiting);
    std::uint64_t last = 0;
    while (book.waiting() != 0)
        while (const auto* each = book.next()) {
            BOOST_TEST_REQUIRE(each->number > last);
            last = each->number;
            book.committed(last);
        }
    BOOST_TEST(last == 3 * record_book::most_waiting);
}

BOOST_AUTO_TEST_CASE(oldest_of_those_that_ended_are_forgotten)
{
    record_book book;
    std::set<std::uint64_t> listed;
    const auto drain = [&] {
        while (const auto* each = book.next()) {
            if (each->now == state::forgotten)
                listed.erase(each->child);
            else
                listed.insert(each->child);
            book.committed(each->number);
        }
    };
    book.add(line(1)); // lives on
    for (std::uint64_t child = 2; child != 3000; ++child) {
        book.add(line(child, child % 2 == 0 ? state::down : state::failed));
        drain();
    }
    BOOST_TEST(listed.size() == record_book::most_ended + 1);
    BOOST_TEST(listed.contains(1));
    BOOST_TEST(listed.contains(2999));
    BOOST_TEST(!listed.contains(2));
}

BOOST_AUTO_TEST_SUITE_END()
