#define BOOST_TEST_MODULE zproc integration
#include <boost/test/unit_test.hpp>
