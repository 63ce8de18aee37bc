#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace zproc {

/// How a program lends workers to the swarm of another: see `context::join_swarm`.
class join_options {
public:
    using duration = std::chrono::nanoseconds;

    /// Workers, at least one. Default: as many as this process may use cores.
    join_options& workers(std::size_t count)
    {
        workers_ = count;
        return *this;
    }

    /// How long to try when the swarm cannot be reached, at first or again. Default one minute.
    join_options& patience(duration limit)
    {
        patience_ = limit;
        return *this;
    }

    const std::optional<std::size_t>& workers() const noexcept { return workers_; }
    duration patience() const noexcept { return patience_; }

private:
    std::optional<std::size_t> workers_;
    duration patience_ = std::chrono::minutes(1);
};

} // namespace zproc
