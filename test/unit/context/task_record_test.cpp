#include "context/task_record.hpp"

#include <zproc/error.hpp>
#include <zproc/remote_error.hpp>

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <stdexcept>
#include <string>

using namespace zproc;
using namespace zproc::detail;

namespace {

/// What comes out, as a `T`; fails when it is none.
template <class T, class Look>
void check_crossing(const T& thrown, Look look)
{
    const auto back = decode_failure(encode_failure(std::make_exception_ptr(thrown)));
    try {
        std::rethrow_exception(back);
    } catch (const T& e) {
        BOOST_TEST(std::string(e.what()) == std::string(thrown.what()));
        look(e);
        return;
    } catch (...) {
    }
    BOOST_ERROR("another type");
}

exit_info full()
{
    exit_info info;
    info.signal = 11;
    info.core = true;
    info.reason = "was killed by SIGSEGV";
    info.cause = "because";
    info.usage.user_time = std::chrono::microseconds(5);
    info.usage.max_resident_bytes = 1 << 20;
    info.last_lines = {"one", "two"};
    info.crash = crash_report{11, 1, ~std::uint64_t{0}, {"f()", "main"}};
    return info;
}

} // namespace

BOOST_AUTO_TEST_SUITE(task_record_suite)

BOOST_AUTO_TEST_CASE(record_comes_back_as_it_was_written)
{
    task_record r;
    r.owner = {0x1234, 5};
    r.type = "i";
    auto back = to_record(to_value(r));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(back->pending);
    BOOST_TEST((back->owner == r.owner));
    BOOST_TEST(back->type == "i");
    BOOST_TEST(!back->is_expired(std::int64_t{1} << 62), "what is pending does not expire");

    r.pending = false;
    r.expires = 1000;
    r.result = std::string("\0\xff x", 4);
    back = to_record(to_value(r));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(!back->pending);
    BOOST_TEST(back->result == r.result);
    BOOST_TEST(!back->error);
    BOOST_TEST(!back->is_expired(999));
    BOOST_TEST(back->is_expired(1000));

    r.error = std::make_exception_ptr(std::runtime_error("why"));
    back = to_record(to_value(r));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST(!back->pending);
    BOOST_TEST(!!back->error);
}

BOOST_AUTO_TEST_CASE(nonsense_is_no_record)
{
    task_record r;
    r.type = "i";
    r.pending = false;
    const auto good = to_value(r);
    BOOST_TEST(to_record(good).has_value());
    BOOST_TEST(!to_record(value()).has_value());
    BOOST_TEST(!to_record(value(5)).has_value());
    for (const char* key : {"status", "type", "expires", "result"})
        for (const auto& wrong : {value(), value(0.5), value("x")}) {
            auto bad = good;
            bad[key] = wrong;
            if (std::string(key) != "type" || !wrong.is_string())
                BOOST_TEST(!to_record(bad).has_value(), key);
        }
    task_record pending;
    auto bad = to_value(pending);
    bad["owner"] = "nobody";
    BOOST_TEST(!to_record(bad).has_value());
    auto failed = good;
    failed["status"] = "failed";
    failed["error"] = value();
    BOOST_TEST(!to_record(failed).has_value());
}

BOOST_AUTO_TEST_CASE(remote_error_crosses_with_its_stack)
{
    error_report report;
    report.type = "std::runtime_error";
    report.text = "why";
    report.causes = {{"std::logic_error", "because"}};
    report.stack = {"f()", "main"};
    report.pid = 7;
    report.process = "worker";
    check_crossing(remote_error(report), [](const remote_error& e) {
        BOOST_TEST(e.stack().size() == 2u);
        BOOST_TEST(e.report().causes.size() == 1u);
        BOOST_TEST(e.pid() == 7);
    });
}

BOOST_AUTO_TEST_CASE(ends_of_processes_cross_with_their_reports)
{
    for (const char* name : {"swarm worker", "it's", "", "a' was killed"})
        check_crossing(process_crashed(name, full()), [](const process_crashed& e) {
            BOOST_TEST(e.signal() == 11);
            BOOST_TEST(!e.info().code.has_value());
            BOOST_TEST(e.info().core);
            BOOST_TEST(e.info().cause == "because");
            BOOST_TEST(e.info().last_lines.size() == 2u);
            BOOST_TEST(e.info().usage.user_time.count() == 5);
            BOOST_REQUIRE(e.info().crash.has_value());
            BOOST_TEST(e.info().crash->address == ~std::uint64_t{0});
            BOOST_TEST(e.info().crash->stack.size() == 2u);
        });
    exit_info left;
    left.code = 7;
    left.reason = "exited with 7";
    check_crossing(process_exited("worker", left),
                   [](const process_exited& e) { BOOST_TEST(e.code() == 7); });
}

BOOST_AUTO_TEST_CASE(codes_cross_with_their_text)
{
    check_crossing(system_error(errc::deadline_exceeded), [](const system_error& e) {
        BOOST_TEST((e.code() == errc::deadline_exceeded));
    });
    check_crossing(system_error(errc::not_serializable, "what it says"),
                   [](const system_error& e) { BOOST_TEST((e.code() == errc::not_serializable)); });
    const error_code no_memory(ENOMEM, boost::system::system_category());
    check_crossing(system_error(no_memory),
                   [&](const system_error& e) { BOOST_TEST((e.code() == no_memory)); });
}

BOOST_AUTO_TEST_CASE(anything_else_crosses_as_its_text)
{
    check_crossing(std::runtime_error("why"), [](const std::exception&) {});
    try {
        std::rethrow_exception(decode_failure(encode_failure(std::make_exception_ptr(5))));
    } catch (const std::runtime_error& e) {
        BOOST_TEST(std::string(e.what()).size() > 0u);
    }
}

BOOST_AUTO_TEST_SUITE_END()
