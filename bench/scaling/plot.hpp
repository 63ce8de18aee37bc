#pragma once

#include "scaling/curve.hpp"

#include <string>

namespace zproc::bench {

/// An SVG picture of it, for white and for dark pages: the medians as lines with points, and behind
/// each point a bar from the smallest of its rounds to the largest. The x axis is logarithmic, the
/// y axis where the figures spread over more than a decade and a half.
std::string plot(const drawn& what);

} // namespace zproc::bench
