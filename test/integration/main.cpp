// Every integration program: in a sandbox of its own, leaks checked after every case.

#include "support/leak_check.hpp"
#include "support/sandbox.hpp"

#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/unit_test.hpp>

namespace {

bool initialise()
{
    boost::unit_test::framework::master_test_suite().p_name.value = "zproc integration";
    zproc::test::check_leaks_in_every_case();
    return true;
}

} // namespace

int main(int argc, char** argv)
{
    zproc::test::sandbox::enter(argv);
    const int code = boost::unit_test::unit_test_main(&initialise, argc, argv);
    zproc::test::sandbox::leave();
    return code;
}
