#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/swarm_progress.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <optional>

namespace zproc::detail {

/// Where jobs write how far they are, and one reader looks.
///
/// Thread safety: every function may be called from any thread.
class progress_board {
public:
    using signature = void(error_code, std::optional<swarm_progress>);

    virtual ~progress_board() = default;

    virtual asio::any_io_executor get_executor() const = 0;
    virtual void next(handler<signature> done) = 0;

    // The writers: `job` tells them apart, while they run.
    virtual void begun(const void* job, std::optional<std::uint64_t> total) = 0;
    virtual void at(const void* job, std::uint64_t taken, std::uint64_t settled,
                    std::uint64_t failed) = 0;
    virtual void ended(const void* job) = 0;
};

} // namespace zproc::detail
