// Asio's compiled part, for our own programs only: see own_build.cmake.
#include <boost/asio/impl/src.hpp>
