#include "support/embedded_server.hpp"

#include "server/state_process.hpp"
#include "support/server_fixture.hpp"

#include <chrono>

#include <unistd.h>

namespace zproc::test {

namespace asio = boost::asio;

struct embedded_server::service : std::enable_shared_from_this<service> {
    serving::host host;
    asio::posix::stream_descriptor ready;
    asio::steady_timer tick;
    bool stopped = false;

    service(asio::io_context& io, serving::host_options options)
        : host(std::move(options)), ready(io, ::dup(host.poll_file())), tick(io)
    {
    }

    /// Whatever waits there, and whatever time brings.
    void turn()
    {
        host.turn(0);
        ready.async_wait(asio::posix::stream_descriptor::wait_read,
                         [weak = weak_from_this()](error_code ec) {
                             const auto self = weak.lock();
                             if (self && !ec && !self->stopped)
                                 self->turn();
                         });
    }
    void keep_time()
    {
        tick.expires_after(std::chrono::milliseconds(2));
        tick.async_wait([weak = weak_from_this()](error_code ec) {
            const auto self = weak.lock();
            if (!self || ec || self->stopped)
                return;
            self->host.turn(0);
            self->keep_time();
        });
    }
};

embedded_server::embedded_server(asio::io_context& io, serving::host_options options)
    : path_(fresh_socket_path())
{
    options.durability = protocol::durability::none;
    service_ = std::make_shared<service>(io, std::move(options));
    error_code ec;
    auto listener = serving::make_listener(path_, ec);
    if (!ec)
        ec = service_->host.create();
    if (!ec)
        ec = service_->host.listen(std::move(listener));
    if (ec)
        throw system_error(ec, "embedded_server");
    service_->turn();
    service_->keep_time();
}

embedded_server::~embedded_server()
{
    stop();
    ::unlink(path_.c_str());
}

void embedded_server::stop()
{
    service_->stopped = true;
    service_->ready.cancel();
    service_->tick.cancel();
}

} // namespace zproc::test
