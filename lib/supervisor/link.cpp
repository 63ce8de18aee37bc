#include "supervisor/link.hpp"

#include "supervisor/exchange.hpp"
#include "supervisor/packet.hpp"
#include "supervisor/prepare.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace zproc::supervision {
namespace {

/// Tells the links of a loop that it is being destroyed, while what they hold of it still exists:
/// it is made after the services of the socket and the timer, so it is shut down before them.
class loop_watch : public asio::execution_context::service {
public:
    using key_type = loop_watch;
    static asio::execution_context::id id;

    explicit loop_watch(asio::execution_context& context) : service(context) {}

    void add(const std::shared_ptr<link_body>& body)
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(bodies_, [](const auto& each) { return each.expired(); });
        bodies_.push_back(body);
    }

private:
    void shutdown() override
    {
        std::vector<std::weak_ptr<link_body>> bodies;
        {
            const std::lock_guard lock(mutex_);
            bodies.swap(bodies_);
        }
        for (const auto& each : bodies)
            if (const auto body = each.lock())
                link_body::close(*body);
    }

    std::mutex mutex_;
    std::vector<std::weak_ptr<link_body>> bodies_;
};

asio::execution_context::id loop_watch::id;

error_code send_to_control(int control, const any_message& m, std::span<const int> beside)
{
    std::vector<std::byte> bytes;
    encode(m, bytes);
    return error_code(send_packet(control, bytes, beside), boost::system::system_category());
}

} // namespace

message::spawn to_message(const spawn_request& request)
{
    message::spawn m;
    if (current()->functions) // else its addresses are not ours
        m.entry = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(request.run));
    m.name = request.name;
    m.payload = request.payload;
    m.grace = request.grace;
    m.service = request.service;
    m.restart = request.restart;
    m.environment = request.environment;
    m.directory = request.directory;
    m.file_mask = request.file_mask;
    m.limits = request.limits;
    m.command = request.command;
    m.linked = request.linked;
    return m;
}

void link_body::close(link_body& body) noexcept
{
    if (body.through)
        body.through->detach(body);
}

link::link(std::shared_ptr<link_body> body) : body_(std::move(body))
{
}

std::shared_ptr<link> link::make(asio::any_io_executor executor, error_code& ec)
{
    auto* const through = exchange::find(ec);
    if (!through)
        return nullptr;
    auto body = std::make_shared<link_body>(std::move(executor), through);
    if (!through->attach(body, ec))
        return nullptr;
    asio::execution_context& context = asio::query(body->executor, asio::execution::context);
    asio::use_service<loop_watch>(context).add(body);
    return std::shared_ptr<link>(new link(std::move(body)));
}

link::~link()
{
    shutdown();
}

void link::shutdown()
{
    link_body::close(*body_);
}

void link::start(const spawn_request& request, notice_handler told,
                 detail::handler<void(error_code, started_child)> done)
{
    if (!is_foreign_fork())
        body_->through->start(body_, request, std::move(told), std::move(done));
    else if (body_->open)
        done.complete(body_->executor, errc::wrong_process, started_child{});
}

error_code link::stop(child_id child, std::chrono::milliseconds grace)
{
    return body_->through->send(body_, message::stop{child, grace});
}

error_code link::signal(child_id child, int number)
{
    return body_->through->send(body_, message::signal{child, number});
}

error_code link::link_together(child_id one, child_id other)
{
    return body_->through->send(body_, message::link{one, other});
}

error_code link::leave(std::chrono::milliseconds grace)
{
    return body_->through->send(body_, message::leave{grace});
}

void link::look()
{
    if (!is_foreign_fork())
        body_->through->look(body_);
}

link::interest link::listen()
{
    return interest(body_);
}

link::interest::interest(std::shared_ptr<link_body> body) : body_(std::move(body))
{
    body_->through->listen(body_, 1);
}

link::interest& link::interest::operator=(interest&& other) noexcept
{
    if (this != &other) {
        reset();
        body_ = std::move(other.body_);
    }
    return *this;
}

link::interest::~interest()
{
    reset();
}

void link::interest::reset()
{
    if (const auto body = std::move(body_))
        body->through->listen(body, -1);
}

error_code notify_ready()
{
    if (is_foreign_fork())
        return errc::wrong_process;
    const auto* own = current();
    if (!own || own->root)
        return {};
    return send_to_control(own->control, message::ready{}, {});
}

error_code confirm_reports(int control, std::uint64_t number)
{
    return send_to_control(control, message::reported{number}, {});
}

error_code keep_descriptor(int control, std::string_view name, int number)
{
    return send_to_control(control, message::keep{std::string(name)}, {&number, 1});
}

error_code drop_descriptor(int control, std::string_view name)
{
    return send_to_control(control, message::drop{std::string(name)}, {});
}

} // namespace zproc::supervision
