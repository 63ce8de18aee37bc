#include "client/replica_source.hpp"

#include "client/local_replica.hpp"

#include <boost/interprocess/exceptions.hpp>

#include <new>
#include <utility>

namespace zproc::client {

struct replica_source::open_call final : call {
    std::weak_ptr<replica_source> owner;
    std::string name_space;
    std::unique_ptr<detail::pending_replica> pending;
    asio::any_io_executor io;

    open_call(std::weak_ptr<replica_source> source, std::string name,
              std::unique_ptr<detail::pending_replica> p, asio::any_io_executor on)
        : call(false),
          owner(std::move(source)),
          name_space(std::move(name)),
          pending(std::move(p)),
          io(std::move(on))
    {
    }

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        if (const auto self = owner.lock())
            self->server_->attach_descriptor(-1, out.size());
        protocol::write_request(out, correlation, protocol::attach_request{});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        std::unique_ptr<detail::replica_core> made;
        const auto self = owner.lock();
        if (!self && !ec)
            ec = errc::context_gone;
        protocol::attach_reply reply;
        if (!ec)
            ec = protocol::decode(body, reply);
        if (!ec)
            ec = self->make(name_space, reply.generation, self->server_->take_descriptors(), made);
        pending->complete(io, ec, std::move(made));
    }
};

replica_source::replica_source(std::shared_ptr<connection> server,
                               std::shared_ptr<ring_shelf> shelf, std::shared_ptr<mirror> copy,
                               std::chrono::nanoseconds limit)
    : server_(std::move(server)), shelf_(std::move(shelf)), copy_(std::move(copy)), limit_(limit)
{
}

std::unique_ptr<call> replica_source::open(std::string name_space,
                                           std::unique_ptr<detail::pending_replica> p,
                                           asio::any_io_executor io,
                                           std::shared_ptr<const void> keeps, std::uint64_t id)
{
    if (!copy_) {
        auto made = std::make_unique<open_call>(weak_from_this(), std::move(name_space),
                                                std::move(p), std::move(io));
        made->keep(std::move(keeps));
        return made;
    }
    return copy_->sync(
        [keeps = std::move(keeps), weak = weak_from_this(), name_space = std::move(name_space),
         pending = std::shared_ptr(std::move(p)),
         io = std::move(io)](error_code ec, mirror::attachment given) {
            std::unique_ptr<detail::replica_core> made;
            const auto self = weak.lock();
            if (!self && !ec)
                ec = errc::context_gone;
            if (!ec)
                ec = self->make(name_space, given.generation, std::move(given.descriptors), made);
            pending->complete(io, ec, std::move(made));
        },
        id);
}

error_code replica_source::make(const std::string& name_space, std::uint64_t generation,
                                std::vector<descriptor> descriptors,
                                std::unique_ptr<detail::replica_core>& made)
{
    try {
        made = opened(name_space, generation, std::move(descriptors));
        return {};
    } catch (const system_error& e) {
        return e.code();
    } catch (const boost::interprocess::interprocess_exception&) {
        return errc::state_lost;
    } catch (const std::bad_alloc&) {
        return make_error_code(boost::system::errc::not_enough_memory);
    }
}

std::unique_ptr<detail::replica_core> replica_source::opened(const std::string& name_space,
                                                             std::uint64_t generation,
                                                             std::vector<descriptor> descriptors)
{
    if (descriptors.size() != protocol::attach_descriptors)
        throw system_error(errc::malformed_frame);
    auto in = shelf_->open(std::move(descriptors[0]));
    if (!in)
        throw system_error(errc::state_lost);
    if (!instance_ || instance_->id() != in->instance()) {
        lose(errc::state_lost);
        auto made =
            std::make_shared<instance>(std::move(descriptors[1]), server_->path(), limit_, shelf_);
        if (made->id() != in->instance())
            throw system_error(errc::state_lost);
        instance_ = std::move(made);
    }
    auto made = std::make_unique<local_replica>(name_space, instance_,
                                                instance::found{std::move(in), generation});
    if (const auto ec = made->begin())
        throw system_error(ec);
    return made;
}

void replica_source::lose(error_code ec)
{
    if (const auto lost = std::exchange(instance_, nullptr))
        lost->lose(ec);
}

void replica_source::on_ready()
{
    if (instance_ && instance_->id() != server_->server().instance)
        lose(errc::state_lost);
}

void replica_source::shutdown()
{
    instance_.reset(); // its replicas go on without a loop
    copy_.reset();
    server_.reset();
}

} // namespace zproc::client
