#include <zproc/swarm_progress.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sstream>
#include <string>

using namespace zproc;
using namespace std::chrono_literals;

namespace {

swarm_progress half_done()
{
    swarm_progress at;
    at.total = 1000;
    at.done = 497;
    at.failed = 3;
    at.in_flight = 16;
    at.rate = 123.4;
    at.elapsed = 4s;
    at.remaining = 4100ms;
    return at;
}

} // namespace

BOOST_AUTO_TEST_SUITE(progress_text)

BOOST_AUTO_TEST_CASE(render_shows_everything_where_there_is_room)
{
    BOOST_TEST(render_progress(half_done(), "primes", 79) ==
               "primes  50% [===============>               ] 500/1000 3 failed 123/s 0:05 left");
    BOOST_TEST(render_progress(half_done(), "", 30).size() <= 30u);
}

BOOST_AUTO_TEST_CASE(render_is_never_wider_than_the_terminal)
{
    auto at = half_done();
    for (const char* title : {"", "primes", "a title that is far too long for a small terminal"})
        for (const bool over : {false, true})
            for (std::size_t columns = 0; columns != 200; ++columns) {
                at.over = over;
                BOOST_TEST(render_progress(at, title, columns).size() <= columns,
                           title << " in " << columns);
            }
    at.total.reset();
    for (std::size_t columns = 0; columns != 100; ++columns)
        BOOST_TEST(render_progress(at, "primes", columns).size() <= columns);
}

BOOST_AUTO_TEST_CASE(render_leaves_out_what_matters_less_where_it_is_narrow)
{
    BOOST_TEST(render_progress(half_done(), "primes", 42) ==
               "primes  50% 500/1000 3 failed 0:05 left");
    BOOST_TEST(render_progress(half_done(), "primes", 32) == "primes  50% 500/1000 3 failed");
    BOOST_TEST(render_progress(half_done(), "primes", 23) == " 50% 500/1000 3 failed");
    BOOST_TEST(render_progress(half_done(), "primes", 8) == "500/1000");
    BOOST_TEST(render_progress(half_done(), "primes", 3) == "500");
    BOOST_TEST(render_progress(half_done(), "primes", 0) == "");
}

BOOST_AUTO_TEST_CASE(render_has_no_bar_without_a_total)
{
    auto at = half_done();
    at.total.reset();
    at.remaining.reset();
    BOOST_TEST(render_progress(at, "primes", 79) == "primes 500 3 failed 123/s 0:04");
}

BOOST_AUTO_TEST_CASE(render_says_all_only_when_it_is_all)
{
    swarm_progress at;
    at.total = 1'000'000;
    at.done = 999'999;
    BOOST_TEST(render_progress(at, "", 79).starts_with(" 99% ["));
    at.done = 1'000'000;
    at.over = true;
    at.elapsed = 3661s;
    BOOST_TEST(render_progress(at, "", 31) == "100% 1000000/1000000 in 1:01:01");
    at = {};
    at.total = 0;
    BOOST_TEST(render_progress(at, "", 79).starts_with("100% [===="));
}

BOOST_AUTO_TEST_CASE(render_counts_characters_of_the_title_and_hides_control)
{
    auto at = half_done();
    at.total.reset();
    at.rate = 0;
    at.failed = 0;
    at.done = 1;
    at.remaining.reset();
    BOOST_TEST(render_progress(at, "Übergrößen", 19) == "Übergrößen 1 0:04");
    BOOST_TEST(render_progress(at, "Übergrößen", 17) == "Übergrößen 1 0:04");
    BOOST_TEST(render_progress(at, "Übergrößen", 16) == "Übergrößen 1");
    BOOST_TEST(render_progress(at, "a\nb\x1b[2J", 79) == "a?b?[2J 1 0:04");
}

BOOST_AUTO_TEST_CASE(render_shows_rates_and_times_of_any_size)
{
    swarm_progress at;
    const auto with = [&](double rate, std::chrono::nanoseconds elapsed) {
        at.rate = rate;
        at.elapsed = elapsed;
        return render_progress(at, "", 79);
    };
    BOOST_TEST(with(0.25, 59s) == "0 0.3/s 0:59");
    BOOST_TEST(with(9.99, 59001ms) == "0 10/s 1:00");
    BOOST_TEST(with(12'345, 3599s) == "0 12k/s 59:59");
    BOOST_TEST(with(123'456'789, 48h) == "0 123M/s 2d00h");
    BOOST_TEST(with(1e300, 0s).size() < 79u);
    BOOST_TEST(with(1, -1s) == "0 1.0/s 0:00");
}

BOOST_AUTO_TEST_CASE(progress_prints_in_one_line)
{
    std::ostringstream out;
    out << half_done();
    BOOST_TEST(out.str() == " 50% 500/1000 3 failed 123/s 0:05 left");
}

BOOST_AUTO_TEST_SUITE_END()
