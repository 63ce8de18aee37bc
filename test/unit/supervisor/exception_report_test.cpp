#include "supervisor/exception_report.hpp"

#include <zproc/error.hpp>
#include <zproc/remote_error.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <boost/throw_exception.hpp>

#include <exception>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

using namespace zproc;

struct own_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

error_report report_of(const std::function<void()>& body)
{
    try {
        body();
    } catch (...) {
        return supervision::describe(std::current_exception(), "eater");
    }
    return {};
}

std::string printed(const error_report& report)
{
    std::ostringstream out;
    out << report;
    return out.str();
}

} // namespace

BOOST_AUTO_TEST_SUITE(exception_report)

BOOST_AUTO_TEST_CASE(describe_gives_type_and_text)
{
    struct row {
        std::function<void()> body;
        const char* type;
        const char* text;
    };
    const row rows[] = {
        {[] { throw std::runtime_error("boom"); }, "std::runtime_error", "boom"},
        {[] { throw own_error("mine"); }, "(anonymous namespace)::own_error", "mine"},
        {[] { throw std::string("text"); }, "std::string", "text"},
        {[] { throw "literal"; }, "const char*", "literal"},
        {[] { throw 42; }, "int", ""},
        {[] { boost::throw_exception(std::out_of_range("far")); }, "std::out_of_range", "far"},
    };
    for (const auto& row : rows) {
        const auto report = report_of(row.body);
        BOOST_TEST(report.type == row.type);
        BOOST_TEST(report.text == row.text);
        BOOST_TEST(report.process == "eater");
        BOOST_TEST(report.pid > 0);
        // Without the link component, and in a process zproc has not spawned, there is no stack.
        BOOST_TEST(report.stack.empty());
        BOOST_TEST(!report.stack_note.empty());
    }
}

BOOST_AUTO_TEST_CASE(describe_names_a_foreign_exception_where_there_is_none_to_look_at)
{
    const auto report = supervision::describe(nullptr, "eater");
    BOOST_TEST(report.type == "foreign exception");
    BOOST_TEST(report.process == "eater");
    BOOST_TEST(!supervision::is_cancellation(nullptr));
}

BOOST_AUTO_TEST_CASE(describe_gives_nested_causes_in_order)
{
    const auto report = report_of([] {
        try {
            try {
                throw std::out_of_range("innermost");
            } catch (...) {
                std::throw_with_nested(std::logic_error("middle"));
            }
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    });
    BOOST_TEST(report.text == "outer");
    BOOST_REQUIRE(report.causes.size() == 2u);
    BOOST_TEST(report.causes[0].text == "middle");
    BOOST_TEST(report.causes[1].type == "std::out_of_range");
    BOOST_TEST(printed(report).find("\n  caused by std::out_of_range: innermost") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(describe_keeps_what_another_process_reported)
{
    error_report inner;
    inner.type = "std::runtime_error";
    inner.text = "deep down";
    inner.process = "grandchild";
    inner.stack = {"dig + 0x1 (program)"};
    const auto report = report_of([&] { throw remote_error(inner); });
    BOOST_TEST(report.type == "zproc::remote_error");
    BOOST_TEST(report.text.find("grandchild") != std::string::npos);
    BOOST_REQUIRE(report.causes.size() == 1u);
    BOOST_TEST(report.causes[0].text == "deep down");
    BOOST_TEST(report.stack == inner.stack, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(is_cancellation_knows_the_code_of_asio)
{
    BOOST_TEST(supervision::is_cancellation(
        std::make_exception_ptr(system_error(boost::asio::error::operation_aborted))));
    BOOST_TEST(!supervision::is_cancellation(
        std::make_exception_ptr(system_error(boost::asio::error::eof))));
    BOOST_TEST(!supervision::is_cancellation(std::make_exception_ptr(1)));
}

BOOST_AUTO_TEST_CASE(print_says_who_threw_what)
{
    error_report report;
    report.type = "std::runtime_error";
    report.text = "no cookies left";
    report.process = "eater";
    report.pid = 12;
    report.stack = {"eat(int) + 0x3 (bakery)"};
    BOOST_TEST(printed(report) == "process 'eater' (pid 12) threw std::runtime_error: no cookies "
                                  "left\n  thrown at\n    eat(int) + 0x3 (bakery)");
}

BOOST_AUTO_TEST_CASE(exit_info_tells_a_code_from_a_signal)
{
    std::ostringstream out;
    exit_info nine;
    nine.code = 9;
    exit_info killed;
    killed.signal = 9;
    killed.core = true;
    out << nine << "; " << killed;
    BOOST_TEST(out.str() == "exited with code 9; ended by SIGKILL (Killed), core dumped");
}

BOOST_AUTO_TEST_SUITE_END()
