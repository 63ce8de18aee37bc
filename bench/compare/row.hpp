#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The rows of the table: the same work done by zproc, by a peer, and by the least that could do it,
/// without a protocol or a server where that is possible.
namespace zproc::bench {

/// What one round has measured, in the line's unit.
struct figures {
    double ours = 0;
    double peer = 0;
    double raw = 0; ///< 0: there is none
};

enum class better { less, more };

/// One line of the table, and what it has to reach: ours beside the peer, as a ratio.
struct line {
    std::string id;
    std::string what;
    std::string unit;
    std::string peer;
    better which = better::less;
    double must = 1;
    double moonshot = 1;
    std::string raw = {}; ///< what the raw baseline is
};

/// How much work: enough to measure, or just to see that it runs.
struct scale {
    bool quick = false;

    std::size_t of(std::size_t usual, std::size_t least) const { return quick ? least : usual; }
};

/// A row while it is measured: what it needs stands, and each round measures every contestant once,
/// in an order that changes from round to round.
class experiment {
public:
    virtual ~experiment() = default;
    /// One for each line.
    virtual std::vector<figures> round(unsigned number) = 0;
};

struct row {
    std::string id;
    std::vector<line> lines;
    std::function<std::unique_ptr<experiment>(const scale&)> begin;
};

/// All of them, in order.
std::vector<row> all_rows();

// By the file they are in.
void add_request_rows(std::vector<row>& to);
void add_contention_rows(std::vector<row>& to);
void add_watch_rows(std::vector<row>& to);
void add_history_rows(std::vector<row>& to);
void add_process_rows(std::vector<row>& to);
void add_swarm_rows(std::vector<row>& to);
void add_build_rows(std::vector<row>& to);

/// Calls each of them once, beginning with another in every round.
void in_turn(unsigned round, const std::vector<std::function<void()>>& contestants);

} // namespace zproc::bench
