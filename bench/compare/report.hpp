#pragma once

#include "compare/row.hpp"

#include <string>
#include <vector>

namespace zproc::bench {

/// A line, and what all rounds have measured.
struct measured {
    line of;
    std::vector<figures> rounds;

    figures medians() const;
    /// Of the same-round ratios of ours to the peer.
    double ratio() const;
    double spread() const; ///< between their quartiles, as a part of the median
    enum class verdict { missed, met, moonshot };
    verdict reached() const;
};

void print_heading();
void print(const measured& one);
/// All of it as data.
std::string to_json(const std::vector<measured>& all, const std::string& about);

} // namespace zproc::bench
