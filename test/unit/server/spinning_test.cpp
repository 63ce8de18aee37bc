#include "server/spinning.hpp"

#include <boost/test/unit_test.hpp>

using zproc::serving::spinning;

namespace {

constexpr std::int64_t limit = 50'000;

/// Waits that a request ends so soon, as often as that.
void shortly(spinning& s, unsigned times, std::int64_t took = 20'000)
{
    for (unsigned i = 0; i != times; ++i) {
        const auto looked = s.look_for();
        s.waited(took, looked, looked == 0 ? spinning::end::asleep : spinning::end::looking);
    }
}

void in_vain(spinning& s)
{
    BOOST_TEST_REQUIRE(s.look_for() == limit);
    s.waited(limit + 30'000, limit, spinning::end::asleep);
}

} // namespace

BOOST_AUTO_TEST_SUITE(server_spinning)

BOOST_AUTO_TEST_CASE(looks_when_many_waits_in_a_row_were_short)
{
    spinning s(limit);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, spinning::usual - 1);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, 1);
    BOOST_TEST(s.look_for() == limit);
}

BOOST_AUTO_TEST_CASE(sleeps_at_once_after_a_long_wait)
{
    spinning s(limit);
    shortly(s, 100);
    s.waited(limit + 1, 0, spinning::end::asleep);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, spinning::usual);
    BOOST_TEST(s.look_for() == limit);
}

BOOST_AUTO_TEST_CASE(looks_in_vain_make_the_next_one_rarer_until_it_pays_again)
{
    spinning s(limit);
    shortly(s, spinning::usual);
    in_vain(s);
    shortly(s, spinning::usual * 8 - 1);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, 1);
    in_vain(s);
    shortly(s, spinning::most_needed - 1);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, 1);
    in_vain(s); // no further
    shortly(s, spinning::most_needed);
    BOOST_TEST(s.look_for() == limit);
    shortly(s, spinning::most_needed);
    s.waited(limit + 1, 0, spinning::end::asleep);
    shortly(s, spinning::usual);
    BOOST_TEST(s.look_for() == limit, "forgiven");
}

BOOST_AUTO_TEST_CASE(looks_in_which_another_had_the_core_for_long_are_in_vain)
{
    spinning s(limit);
    shortly(s, spinning::usual);
    BOOST_TEST_REQUIRE(s.look_for() == limit);
    s.waited(limit + 3'000'000, limit, spinning::end::looking); // found what came meanwhile
    shortly(s, spinning::usual * 8 - 1);
    BOOST_TEST(s.look_for() == 0);
    shortly(s, 1);
    BOOST_TEST(s.look_for() == limit);
}

BOOST_AUTO_TEST_CASE(one_look_in_vain_after_many_that_have_paid_is_forgiven)
{
    spinning s(limit);
    shortly(s, spinning::usual);
    for (int i = 0; i != 20; ++i) {
        shortly(s, static_cast<unsigned>(s.price()));
        in_vain(s);
        BOOST_TEST(s.look_for() == limit, "a pause");
    }
    shortly(s, 1000);
    in_vain(s);
    in_vain(s);
    BOOST_TEST(s.look_for() == limit);
    in_vain(s);
    BOOST_TEST(s.look_for() == 0, "nobody is there to ask");
}

BOOST_AUTO_TEST_CASE(looks_that_saved_no_sleep_forgive_nothing)
{
    spinning s(limit);
    for (unsigned i = 0; i != spinning::usual + 1000; ++i)
        s.waited(0, s.look_for(), spinning::end::at_once);
    in_vain(s);
    BOOST_TEST(s.look_for() == 0);
}

BOOST_AUTO_TEST_CASE(looks_in_vain_between_bursts_take_no_longer_than_those_that_paid_have_saved)
{
    for (const std::int64_t longest : {150'000, 1'000'000'000})
        for (const unsigned burst : {20u, 60u, 100u}) {
            spinning s(longest);
            std::int64_t vain = 0;
            std::int64_t paid = 0;
            for (int i = 0; i != 2000; ++i) {
                for (unsigned k = 0; k != burst; ++k) {
                    paid += s.look_for() != 0;
                    shortly(s, 1);
                }
                const auto looked = s.look_for(); // a pause
                vain += looked;
                s.waited(longest + 1, looked, spinning::end::asleep);
            }
            // Besides: until it is known that they are in vain.
            BOOST_TEST(vain <= paid * spinning::saved + 2000 * longest / 100);
        }
}

BOOST_AUTO_TEST_CASE(looks_that_pay_now_and_then_do_not_end_them)
{
    spinning s(limit);
    for (int i = 0; i != 20; ++i) {
        shortly(s, spinning::most_needed);
        in_vain(s);
        shortly(s, spinning::most_needed + 1); // the last one looks, and pays
    }
    shortly(s, spinning::most_needed);
    BOOST_TEST(s.look_for() == limit);
}

BOOST_AUTO_TEST_CASE(never_looks_without_a_limit)
{
    spinning s(0);
    shortly(s, 5000, 0);
    BOOST_TEST(s.look_for() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
