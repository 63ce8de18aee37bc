#include "client/contention.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using zproc::client::contention;
using lesson = contention::lesson;

namespace {

const std::type_index one = typeid(int);
const std::type_index other = typeid(long);

} // namespace

BOOST_AUTO_TEST_SUITE(client_contention)

BOOST_AUTO_TEST_CASE(turn_is_expected_as_its_row_says)
{
    struct row {
        const char* name;
        std::vector<lesson> learnt;
        bool expected;
    };
    const row rows[] = {
        {"at first", {}, false},
        {"no turn was needed", {lesson::none}, false},
        {"one was needed", {lesson::fought}, true},
        {"and then some needed none", {lesson::fought, lesson::none}, true},
        {"crowded", {lesson::fought, lesson::crowded, lesson::crowded}, true},
        {"alone", {lesson::fought, lesson::crowded, lesson::alone}, false},
        {"only read", {lesson::fought, lesson::only_read}, false},
        {"another that began before that", {lesson::fought, lesson::alone, lesson::crowded}, false},
        {"again", {lesson::fought, lesson::alone, lesson::fought}, true},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            contention machine;
            for (const auto each : row.learnt)
                machine.learn("n", one, each, 5);
            BOOST_TEST(machine.expected("n", one) == row.expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(lesson_is_for_the_same_kind_in_the_same_namespace)
{
    contention machine;
    machine.learn("n", one, lesson::fought, 5);
    BOOST_TEST(!machine.expected("m", one));
    BOOST_TEST(!machine.expected("n", other));
    machine.learn("m", one, lesson::alone, 5);
    machine.learn("n", other, lesson::only_read, 5);
    BOOST_TEST(machine.expected("n", one));
}

BOOST_AUTO_TEST_CASE(slow_attempt_is_a_reason_against_it)
{
    contention machine;
    machine.learn("n", one, lesson::fought, contention::slow + 1);
    BOOST_TEST(!machine.expected("n", one));
    machine.learn("n", one, lesson::fought, contention::slow);
    BOOST_TEST(machine.expected("n", one));
    machine.learn("n", one, lesson::crowded, contention::slow);
    BOOST_TEST(machine.expected("n", one));
    machine.learn("n", one, lesson::crowded, contention::slow + 1);
    BOOST_TEST(!machine.expected("n", one));
}

BOOST_AUTO_TEST_CASE(kinds_that_are_kept_are_limited)
{
    contention machine;
    const auto name = [](std::size_t i) { return "n" + std::to_string(i); };
    for (std::size_t i = 0; i != contention::most + 1; ++i)
        machine.learn(name(i), one, lesson::fought, 5);
    BOOST_TEST(machine.expected(name(contention::most - 1), one));
    BOOST_TEST(!machine.expected(name(contention::most), one));
    machine.learn(name(0), one, lesson::alone, 5);
    machine.learn(name(contention::most), one, lesson::fought, 5);
    BOOST_TEST(machine.expected(name(contention::most), one));
}

BOOST_AUTO_TEST_SUITE_END()
