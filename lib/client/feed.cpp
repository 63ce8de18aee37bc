#include "client/feed.hpp"

#include "protocol/control_page.hpp"

#include <boost/asio/post.hpp>
#include <boost/interprocess/exceptions.hpp>

#include <utility>

namespace zproc::client {

struct feed::attach_call final : call {
    std::weak_ptr<feed> owner;

    explicit attach_call(std::weak_ptr<feed> f) : call(false), owner(std::move(f)) {}

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        const auto self = owner.lock();
        const bool with_eventfd = self && !self->eventfd_known_;
        if (self)
            self->server_->attach_descriptor(with_eventfd ? self->wakeup_->own() : -1, out.size());
        protocol::write_request(out, correlation, protocol::attach_request{with_eventfd});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        const auto self = owner.lock();
        if (!self)
            return;
        protocol::attach_reply reply;
        if (!ec)
            ec = protocol::decode(body, reply);
        self->attached(ec, reply.generation, self->server_->take_descriptors());
    }
};

struct feed::watch_call final : call {
    std::weak_ptr<feed> owner;
    std::uint64_t id;

    watch_call(std::weak_ptr<feed> f, std::uint64_t i) : call(false), owner(std::move(f)), id(i) {}

    bool is_fence() const noexcept override { return true; }

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        const auto self = owner.lock();
        std::shared_ptr<feed_reader> reader;
        if (self)
            if (const auto found = self->readers_.find(id); found != self->readers_.end())
                reader = found->second.reader.lock();
        if (!reader) { // removed meanwhile: the reply is all that is wanted
            protocol::write_request(out, correlation, protocol::unwatch_request{id});
            return;
        }
        protocol::write_request(
            out, correlation,
            protocol::watch_request{id, reader->name_space(), reader->interest()});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        const auto self = owner.lock();
        if (!self)
            return;
        protocol::watch_reply reply;
        if (!ec && self->readers_.contains(id))
            ec = protocol::decode(body, reply);
        self->registered(id, ec, reply);
    }
};

namespace {

struct unwatch_call final : call {
    std::uint64_t id;

    explicit unwatch_call(std::uint64_t i) : call(false), id(i) {}

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::unwatch_request{id});
    }
    void done(error_code, protocol::bytes_view) override {}
};

} // namespace

feed::feed(asio::any_io_executor io, asio::any_io_executor strand,
           std::shared_ptr<connection> server, std::shared_ptr<ring_shelf> shelf,
           std::shared_ptr<mirror> copy)
    : io_(std::move(io)),
      strand_(std::move(strand)),
      server_(std::move(server)),
      shelf_(std::move(shelf)),
      copy_(std::move(copy))
{
}

// Registrations ---------------------------------------------------------------------------------

void feed::add(const std::shared_ptr<feed_reader>& reader)
{
    const auto id = next_id_++;
    readers_[id].reader = reader;
    ++unregistered_;
    reader->entered(id);
    if (!attached_ && !attaching_)
        attach();
    // Each of these may fail at once, and then the reader may have taken itself out.
    if (readers_.contains(id))
        server_->submit(std::make_unique<watch_call>(weak_from_this(), id));
    if (readers_.contains(id))
        reader->registering();
}

void feed::registered(std::uint64_t id, error_code ec, const protocol::watch_reply& present)
{
    const auto found = readers_.find(id);
    if (found == readers_.end())
        return;
    if (!found->second.registered) {
        found->second.registered = true;
        --unregistered_;
    }
    pass_barriers(ec);
    if (ec || !copy_)
        return tell(id, ec, present);
    // What it is to read must be here when it begins.
    copy_->when_reached({present.epoch, present.head},
                        [weak = weak_from_this(), id, present](error_code failed) {
                            if (const auto self = weak.lock())
                                self->tell(id, failed, present);
                        });
}

void feed::tell(std::uint64_t id, error_code ec, const protocol::watch_reply& present)
{
    const auto found = readers_.find(id);
    const auto reader = found == readers_.end() ? nullptr : found->second.reader.lock();
    if (reader && ec)
        reader->failed(ec);
    else if (reader)
        reader->registered(present);
}

void feed::remove(std::uint64_t id)
{
    const auto found = readers_.find(id);
    if (found == readers_.end())
        return;
    if (!found->second.registered)
        --unregistered_;
    readers_.erase(found);
    pass_barriers({});
    // A server that is not there has forgotten it by itself.
    if (server_->is_ready())
        server_->submit(std::make_unique<unwatch_call>(id));
}

void feed::barrier(std::function<void(error_code)> then)
{
    barriers_.push_back(std::move(then));
    pass_barriers({});
}

void feed::pass_barriers(error_code ec)
{
    if (unregistered_ > 0 && !ec)
        return;
    for (auto& then : std::exchange(barriers_, {}))
        then(ec);
}

void feed::on_ready()
{
    attached_ = false;
    eventfd_known_ = false;
    if (ring_ && ring_->instance() != server_->server().instance)
        ring_.reset(); // another state answers: until its ring has come there is none
    // An attach under way is sent again by the connection; one that was done, or never asked
    // for, is asked for now.
    if (!readers_.empty() && !attaching_)
        attach();
    for (auto& [id, each] : readers_)
        if (each.registered)
            server_->submit(std::make_unique<watch_call>(weak_from_this(), id));
}

void feed::on_failed(error_code ec)
{
    auto all = readers_;
    for (auto& [id, each] : all)
        if (const auto reader = each.reader.lock())
            reader->failed(ec);
    pass_barriers(ec);
}

// The ring --------------------------------------------------------------------------------------

void feed::attach()
{
    if (!wakeup_) {
        auto made = std::make_shared<wakeup>(io_, strand_, server_->mark());
        if (const auto ec = made->open())
            return on_failed(ec);
        wakeup_ = std::move(made);
    }
    attaching_ = true;
    if (!copy_)
        server_->submit(std::make_unique<attach_call>(weak_from_this()));
    else
        server_->submit(copy_->sync([weak = weak_from_this()](error_code ec, auto given) {
            if (const auto self = weak.lock())
                self->attached(ec, given.generation, std::move(given.descriptors));
        }));
}

void feed::attached(error_code ec, std::uint64_t generation, std::vector<descriptor> descriptors)
{
    attaching_ = false;
    attached_ = false;
    if (!ec && descriptors.size() != protocol::attach_descriptors)
        ec = errc::malformed_frame;
    if (ec)
        return on_failed(ec);
    auto opened = shelf_->open(std::move(descriptors[0]));
    try {
        control_ = std::make_unique<mapped_file>(std::move(descriptors[1]));
    } catch (const boost::interprocess::interprocess_exception&) {
        return on_failed(errc::state_lost);
    }
    if (!opened || !protocol::control_instance(control_->bytes()))
        return on_failed(errc::state_lost);
    if (const auto failed = wakeup_->listen_to(std::move(descriptors[2])))
        return on_failed(failed);
    ring_ = std::move(opened);
    ring_generation_ = generation;
    attached_ = true;
    eventfd_known_ = true;
    arm();
    awaken();
}

std::uint64_t feed::generation() const
{
    return protocol::control_generation(control_->bytes());
}

std::shared_ptr<const ring> feed::current()
{
    if (ring_ && generation() != ring_generation_) {
        ring_.reset();
        if (!attaching_)
            attach();
    }
    return ring_;
}

// Wake-ups --------------------------------------------------------------------------------------

void feed::hold()
{
    if (holders_++ == 0) {
        server_->hold();
        arm();
    }
    if (!attaching_ && !attached_ && server_->is_ready())
        attach(); // it failed before: try again. Whom it fails again lets go of the hold
}

void feed::release()
{
    if (holders_ == 0 || --holders_ > 0)
        return;
    server_->release();
    if (!server_->rests_in_turn())
        rest();
}

void feed::rest()
{
    if (holders_ == 0 && wakeup_)
        wakeup_->disarm();
}

void feed::arm()
{
    if (holders_ == 0 || !attached_)
        return;
    wakeup_->arm([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            // What comes while they read is kept, and wakes them when it is armed again: now, if
            // somebody still waits, or when somebody does.
            try {
                self->awaken();
            } catch (...) {
                self->arm();
                throw;
            }
            self->arm();
        }
    });
}

void feed::awaken()
{
    std::vector<std::shared_ptr<feed_reader>> all;
    all.reserve(readers_.size());
    for (auto& [id, each] : readers_)
        if (auto reader = each.reader.lock())
            all.push_back(std::move(reader));
    for (auto& reader : all)
        reader->awake();
}

void feed::shutdown()
{
    readers_.clear();
    barriers_.clear();
    wakeup_.reset();
    copy_.reset();
    server_.reset();
    io_ = {};
    strand_ = {};
}

} // namespace zproc::client
