#pragma once

#include "server/host.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>

namespace zproc::test {

/// A state served by the loop of its own clients: everything within one process and one thread.
class embedded_server {
public:
    embedded_server(boost::asio::io_context& io, serving::host_options options = {});
    ~embedded_server();

    const std::string& path() const { return path_; }
    /// Lets the loop end.
    void stop();

private:
    struct service;
    std::string path_;
    std::shared_ptr<service> service_;
};

} // namespace zproc::test
