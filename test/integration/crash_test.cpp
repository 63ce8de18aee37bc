// How a process that a fault ends tells its owner, and people.

#include "integration/forked_process.hpp"

#include <zproc/process.hpp>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <stdexcept>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZPROC_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ZPROC_TEST_SANITIZED 1
#endif
#endif

namespace {

using namespace zproc;
using zproc::test::forked;
using zproc::test::thrown_by;

void die_by(int number)
{
    // Something is left to be done after the call, so the stack keeps who made it.
    [[maybe_unused]] volatile const int returned = ::raise(number);
}

[[maybe_unused]] void write_to_nowhere()
{
    volatile int* const nowhere = reinterpret_cast<int*>(0x10);
    *nowhere = 1;
}

[[maybe_unused]] int recurse(int depth) // NOLINT: it is meant to run over
{
    volatile char room[1024];
    room[0] = static_cast<char>(depth);
    return depth == -1 ? 0 : recurse(depth + 1) + room[0];
}

[[gnu::noinline]] int fail_anywhere()
{
    throw std::runtime_error("not allowed here");
}

[[maybe_unused]] int fail_where_nothing_may() noexcept
{
    return fail_anywhere();
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash)

BOOST_AUTO_TEST_CASE(result_throws_process_crashed_when_a_signal_ended_it)
{
    for (const int number : {SIGKILL, SIGHUP, SIGTERM}) {
        forked child(die_by, number);
        const auto error = thrown_by<process_crashed, void>(child);
        BOOST_REQUIRE(error.has_value());
        BOOST_TEST(error->signal() == number);
        BOOST_TEST(!error->info().crash.has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()

#ifndef ZPROC_TEST_SANITIZED // a sanitizer's handlers stay, and report in their own way

BOOST_AUTO_TEST_SUITE(crash)

BOOST_AUTO_TEST_CASE(crash_is_reported_with_signal_and_stack)
{
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        forked child(die_by, number);
        const auto error = thrown_by<process_crashed, void>(child);
        BOOST_REQUIRE(error.has_value());
        BOOST_TEST(error->signal() == number);
        BOOST_REQUIRE(error->info().crash.has_value());
        BOOST_TEST(error->info().crash->signal == number);
        bool named = false;
        for (const auto& line : error->info().crash->stack)
            named = named || line.find("die_by(int)") != std::string::npos;
        BOOST_TEST(named);
        BOOST_TEST(child.output().find("zproc: process 'die_by'") == 0u);
    }
}

BOOST_AUTO_TEST_CASE(crash_is_reported_with_the_address_of_a_fault)
{
    forked child(write_to_nowhere);
    const auto error = thrown_by<process_crashed, void>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGSEGV);
    BOOST_REQUIRE(error->info().crash.has_value());
    BOOST_TEST(error->info().crash->address == 0x10u);
    BOOST_REQUIRE(!error->info().crash->stack.empty());
    BOOST_TEST(error->info().crash->stack[0].find("write_to_nowhere()") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(crash_is_reported_when_the_stack_ran_over)
{
    forked child(recurse, 0);
    const auto error = thrown_by<process_crashed, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGSEGV);
    BOOST_TEST(error->info().crash.has_value());
}

BOOST_AUTO_TEST_CASE(crash_names_the_exception_that_nobody_may_throw)
{
    forked child(fail_where_nothing_may);
    const auto error = thrown_by<process_crashed, int>(child);
    BOOST_REQUIRE(error.has_value());
    BOOST_TEST(error->signal() == SIGABRT);
    BOOST_REQUIRE(error->info().error.has_value());
    BOOST_TEST(error->info().error->text == "not allowed here");
}

BOOST_AUTO_TEST_SUITE_END()

#endif
