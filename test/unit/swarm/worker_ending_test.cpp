#include "swarm/worker_ending.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace zproc;
using namespace zproc::swarming;

namespace {

worker_ending crashed()
{
    worker_ending e;
    e.sign = {12, 34};
    e.info.signal = 11;
    e.info.core = true;
    e.info.reason = "ended by SIGSEGV";
    e.info.cause = "linked";
    e.info.usage = {std::chrono::microseconds(5), std::chrono::microseconds(6), 7};
    e.info.restarts = 2;
    e.info.crash = crash_report{11, 1, 0xdeadbeef, {"f at a.cpp:1", "g"}};
    e.info.last_lines = {"one", "", std::string("\xff\0 three", 8)};
    return e;
}

worker_ending thrown()
{
    worker_ending e;
    e.info.code = 1;
    error_report report;
    report.type = "std::range_error";
    report.text = "item 5";
    report.causes = {{"a", "b"}, {"", "d"}};
    report.stack = {"h"};
    report.stack_note = "none";
    report.pid = 77;
    report.process = "swarm worker";
    e.info.error = report;
    return e;
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_worker_ending)

BOOST_AUTO_TEST_CASE(decode_gives_the_report_of_a_crash)
{
    const auto was = crashed();
    const auto is = decode_ending(encode_ending(was));
    BOOST_REQUIRE(is.has_value());
    BOOST_TEST(is->sign.chunk == 12u);
    BOOST_TEST(is->sign.item == 34u);
    BOOST_TEST((is->info.signal == 11 && !is->info.code));
    BOOST_TEST(is->info.core);
    BOOST_TEST(is->info.reason == was.info.reason);
    BOOST_TEST(is->info.cause == was.info.cause);
    BOOST_TEST(is->info.usage.max_resident_bytes == 7u);
    BOOST_TEST(is->info.restarts == 2);
    BOOST_REQUIRE(is->info.crash.has_value());
    BOOST_TEST(is->info.crash->address == 0xdeadbeefu);
    BOOST_TEST(is->info.crash->stack == was.info.crash->stack, boost::test_tools::per_element());
    BOOST_TEST(is->info.last_lines == was.info.last_lines, boost::test_tools::per_element());
    BOOST_TEST(!is->info.error.has_value());
}

BOOST_AUTO_TEST_CASE(decode_gives_the_report_of_an_exception)
{
    const auto is = decode_ending(encode_ending(thrown()));
    BOOST_REQUIRE(is.has_value());
    BOOST_TEST(is->sign.chunk == 0u);
    BOOST_TEST((is->info.code == 1 && !is->info.signal));
    BOOST_REQUIRE(is->info.error.has_value());
    const auto& report = *is->info.error;
    BOOST_TEST(report.type == "std::range_error");
    BOOST_TEST(report.text == "item 5");
    BOOST_REQUIRE(report.causes.size() == 2u);
    BOOST_TEST(report.causes[1].text == "d");
    BOOST_TEST(report.stack.size() == 1u);
    BOOST_TEST(report.pid == 77);
    BOOST_TEST(!is->info.crash.has_value());
}

BOOST_AUTO_TEST_CASE(decode_refuses_whatever_is_cut_or_grown)
{
    for (const auto& each : {crashed(), thrown()}) {
        const auto bytes = encode_ending(each);
        for (std::size_t size = 0; size != bytes.size(); ++size)
            BOOST_TEST(!decode_ending(std::string_view(bytes).substr(0, size)).has_value());
        BOOST_TEST(!decode_ending(bytes + '\0').has_value());
    }
}

BOOST_AUTO_TEST_SUITE_END()
