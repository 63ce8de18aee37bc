#pragma once

#include "client/call.hpp"
#include "client/connection.hpp"
#include "client/instance.hpp"
#include "client/mirror.hpp"
#include "client/ring.hpp"

#include <zproc/detail/replica_core.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace zproc::client {

/// Where the replicas of one context come from, and what they hear of it: the end.
///
/// All functions are called on the strand. The replicas themselves never come here.
class replica_source : public std::enable_shared_from_this<replica_source> {
public:
    replica_source(std::shared_ptr<connection> server, std::shared_ptr<ring_shelf> shelf,
                   std::shared_ptr<mirror> copy, std::chrono::nanoseconds limit);

    /// The request whose answer makes a replica. What was asked for before it has been done then,
    /// and is in the ring that it brings. `keeps` lives until the answer is complete; `id` names what
    /// waits for the mirror. From any thread.
    std::unique_ptr<call> open(std::string name_space, std::unique_ptr<detail::pending_replica> p,
                               asio::any_io_executor io, std::shared_ptr<const void> keeps,
                               std::uint64_t id);

    /// There will be nothing to read any more.
    void lose(error_code ec);

    /// Of the connection: another state may answer.
    void on_ready();
    void shutdown();

private:
    struct open_call;

    error_code make(const std::string& name_space, std::uint64_t generation,
                    std::vector<descriptor> descriptors,
                    std::unique_ptr<detail::replica_core>& made);
    std::unique_ptr<detail::replica_core> opened(const std::string& name_space,
                                                 std::uint64_t generation,
                                                 std::vector<descriptor> descriptors);

    std::shared_ptr<connection> server_;
    std::shared_ptr<ring_shelf> shelf_;
    std::shared_ptr<mirror> copy_; ///< null: the server is on this host
    std::chrono::nanoseconds limit_;
    std::shared_ptr<instance> instance_; ///< that of the last replica
};

} // namespace zproc::client
