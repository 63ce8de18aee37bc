#include <zproc/error.hpp>
#include <zproc/task_id.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <sstream>
#include <string>
#include <type_traits>

using namespace zproc;

static_assert(std::is_trivially_copyable_v<task_id>);

BOOST_AUTO_TEST_SUITE(task_id_suite)

BOOST_AUTO_TEST_CASE(name_is_read_back_as_the_same_id)
{
    const task_id id(0x0123456789abcdef, 0xfedcba9876543210);
    BOOST_TEST(id.name() == "0123456789abcdeffedcba9876543210");
    BOOST_TEST((task_id(id.name()) == id));
    BOOST_TEST((task_id::parse(id.name()) == id));
    std::ostringstream out;
    out << id;
    BOOST_TEST(out.str() == id.name());
    BOOST_TEST(task_id().name() == std::string(32, '0'));
}

BOOST_AUTO_TEST_CASE(parse_refuses_what_is_no_name)
{
    const auto good = task_id::random().name();
    BOOST_TEST(task_id::parse(good).has_value());
    for (const auto& text : {std::string(), good.substr(1), good + "0", ' ' + good.substr(1),
                             "A" + good.substr(1), good.substr(1) + "g", "0x" + good.substr(2)}) {
        BOOST_TEST(!task_id::parse(text).has_value(), text);
        BOOST_CHECK_EXCEPTION(task_id{text}, system_error, [](const system_error& e) {
            return e.code() == errc::not_representable;
        });
    }
}

BOOST_AUTO_TEST_CASE(random_is_never_the_same)
{
    std::set<std::string> all;
    for (int i = 0; i != 1000; ++i)
        all.insert(task_id::random().name());
    BOOST_TEST(all.size() == 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
