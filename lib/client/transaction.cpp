#include "client/transaction.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <utility>

namespace zproc::client {

namespace {

/// Whether this thread is inside an atomic function.
thread_local bool inside = false;

class inside_scope {
public:
    inside_scope() noexcept { inside = true; }
    ~inside_scope() { inside = false; }
    inside_scope(const inside_scope&) = delete;
    inside_scope& operator=(const inside_scope&) = delete;
};

/// The type of the function, of its arguments and of its result.
std::type_index kind_of(const detail::transaction_body& body)
{
    return typeid(body);
}

/// Numbers for the tickets of one atomic function: as many as it will need.
std::uint64_t fresh_tickets()
{
    static std::atomic<std::uint64_t> functions = 0;
    return (++functions << 20) + 1;
}

/// Tells the server that a ticket is not wanted any more; nobody waits for the answer.
struct end_turn_call final : call {
    std::uint64_t ticket;

    explicit end_turn_call(std::uint64_t t) : call(false), ticket(t) {}

    bool is_urgent() const noexcept override { return true; }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::end_turn_request{ticket});
    }
    void done(error_code, protocol::bytes_view) override {}
};

} // namespace

struct transaction::request final : call {
    std::shared_ptr<transaction> owner;
    bool urgent;
    bool patient;

    request(std::shared_ptr<transaction> t, bool u)
        : call(t->machine_.asks_commit()),
          owner(std::move(t)),
          urgent(u),
          patient(owner->machine_.asks_turn())
    {
    }
    bool is_urgent() const noexcept override { return urgent; }
    bool is_patient() const noexcept override { return patient; }
    void write(protocol::buffer& out, std::uint32_t correlation,
               const protocol::mutation& by) override
    {
        owner->machine_.write(out, correlation, by);
    }
    void done(error_code ec, protocol::bytes_view body) override { owner->answered(ec, body); }
};

transaction::transaction(executor_of_engine io, executor_of_engine strand,
                         std::weak_ptr<connection> server, const detail::state_identity& from,
                         std::unique_ptr<detail::transaction_body> body)
    : io_(std::move(io)),
      strand_(std::move(strand)),
      server_(std::move(server)),
      body_(std::move(body)),
      name_space_(from.name_space),
      kind_(kind_of(*body_)),
      machine_(from.name_space, from.handle, fresh_tickets())
{
}

void transaction::start()
{
    if (inside)
        return finish(errc::nested_atomic);
    if (auto slot = body_->cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this()](asio::cancellation_type type) {
            const auto self = weak.lock();
            const auto server = self ? self->server_.lock() : nullptr;
            if (!server || !server->is_here() || !*self->strand_)
                return;
            const bool terminal =
                (type & asio::cancellation_type::terminal) != asio::cancellation_type::none;
            server->enter([self, terminal] { self->cancel(terminal); });
        });
    run();
}

/// The handler's loop may outlive the engine's; the function runs on the former.
bool transaction::loop_is_gone()
{
    if (*strand_)
        return false;
    finish(errc::context_gone);
    return true;
}

void transaction::run()
{
    if (loop_is_gone())
        return;
    draft d(machine_.source());
    thrown_ = nullptr;
    {
        const inside_scope scope;
        try {
            body_->run(d);
        } catch (const detail::draft_restart&) {
        } catch (...) {
            thrown_ = std::current_exception();
        }
    }
    if (loop_is_gone())
        return;
    const auto next = machine_.ran(d, thrown_ != nullptr);
    if (const auto server = server_.lock())
        server->enter([self = shared_from_this(), next] { self->go_on(next); });
    else
        finish(errc::context_gone);
}

void transaction::go_on(transaction_fsm::action what)
{
    switch (what) {
    case transaction_fsm::action::run:
        if (cancelled_)
            return finish(asio::error::operation_aborted);
        return asio::post(*io_, asio::bind_executor(body_->executor(*io_),
                                                    [self = shared_from_this()] { self->run(); }));
    case transaction_fsm::action::ask: return ask();
    case transaction_fsm::action::finish:
        return machine_.error() ? finish(machine_.error()) : finish(thrown_);
    }
}

void transaction::ask()
{
    const auto server = server_.lock();
    if (!server || cancelled_)
        return finish(asio::error::operation_aborted);
    if (machine_.asks_first() && server->met().expected(name_space_, kind_))
        machine_.begin_with_turn();
    committing_ = machine_.asks_commit();
    // After its lease it is like any other.
    const bool urgent = turn_ != 0 && connection::now() < machine_.turn_until();
    asked_ = server->submit(std::make_unique<request>(shared_from_this(), urgent));
}

void transaction::answered(error_code ec, protocol::bytes_view body)
{
    const auto server = server_.lock();
    committing_ = false;
    const auto next = machine_.answered(ec, body, connection::now());
    if (server) {
        keep_turn(*server);
        server->met().learn(name_space_, kind_, machine_.lesson(), machine_.took());
    }
    go_on(next);
}

/// What others of the connection send waits from the beginning of a turn to its end.
void transaction::keep_turn(connection& server)
{
    if (turn_ == machine_.turn())
        return;
    if (turn_ != 0)
        server.let_go(turn_);
    turn_ = machine_.turn();
    if (turn_ != 0)
        server.hold_back(turn_, machine_.turn_until());
}

/// Reading, and waiting for a turn, can be given up at any moment; a commit only as every mutation.
void transaction::cancel(bool terminal)
{
    if (finished_)
        return;
    const auto server = server_.lock();
    if (!server)
        return;
    if (!committing_)
        cancelled_ = true;
    server->cancel(asked_, terminal || !committing_);
}

void transaction::finish(error_code ec)
{
    finish(ec ? std::make_exception_ptr(system_error(ec)) : nullptr);
}

void transaction::finish(std::exception_ptr e)
{
    if (std::exchange(finished_, true))
        return;
    if (machine_.ticket() != 0 && *strand_)
        give_up_turn();
    body_->complete(*io_, e);
}

void transaction::give_up_turn()
{
    const auto server = server_.lock();
    if (!server)
        return;
    server->let_go(turn_);
    // A server that is not there has forgotten it by itself.
    if (server->is_ready())
        server->submit(std::make_unique<end_turn_call>(machine_.ticket()));
}

} // namespace zproc::client
