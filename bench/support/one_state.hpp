#pragma once

#include "support/run_loop.hpp"

#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <string>

#include <sys/types.h>

namespace zproc::bench {

/// A loop with a context and a state process of its own.
struct one_state {
    boost::asio::io_context io{1};
    context ctx;
    pid_t server = 0; ///< the state process

    explicit one_state(context_options options = {});

    /// To its end; throws what it throws.
    void run(boost::asio::awaitable<void> work) { run_loop(io, std::move(work)); }

    /// So many sets of keys that are named by their numbers from 0 on, over and over, with so many
    /// under way at a time.
    void set(std::size_t times, std::size_t depth, std::size_t keys = 1);
    /// Makes that many keys, with their numbers as values.
    void fill(std::size_t keys, const std::string& name_space = {});

    /// CPU time of the state process until now, in ns.
    double cpu() const;
};

} // namespace zproc::bench
