#define BOOST_TEST_MODULE zproc unit
#include <boost/test/unit_test.hpp>
