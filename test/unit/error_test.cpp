#include <zproc/error.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

using zproc::errc;

BOOST_AUTO_TEST_SUITE(error)

BOOST_AUTO_TEST_CASE(message_says_what_to_do_for_every_code)
{
    std::set<std::string> texts;
    for (int code = 1; code <= static_cast<int>(zproc::last_errc); ++code) {
        const zproc::error_code ec = static_cast<errc>(code);
        BOOST_TEST_CONTEXT("code " << code)
        {
            BOOST_TEST(ec.failed());
            BOOST_TEST(ec.message().find("; ") != std::string::npos);
            BOOST_TEST(ec.message().find("unknown error") == std::string::npos);
            BOOST_TEST(texts.insert(ec.message()).second);
        }
    }
}

BOOST_AUTO_TEST_CASE(message_is_there_for_a_code_of_a_newer_peer)
{
    const zproc::error_code ec(100000, zproc::error_category());
    BOOST_TEST(ec.message().find("newer") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(category_is_one_and_named)
{
    BOOST_TEST(zproc::error_category().name() == std::string("zproc"));
    BOOST_TEST((zproc::make_error_code(errc::conflict).category() == zproc::error_category()));
}

BOOST_AUTO_TEST_CASE(is_fatal_holds_for_what_ends_a_context)
{
    for (auto code :
         {errc::state_lost, errc::supervisor_lost, errc::context_gone, errc::wrong_process})
        BOOST_TEST(zproc::is_fatal(code));
    for (auto code : {errc::no_such_key, errc::connection_lost, errc::outcome_unknown})
        BOOST_TEST(!zproc::is_fatal(code));
    BOOST_TEST(!zproc::is_fatal({}));
}

BOOST_AUTO_TEST_SUITE_END()
