#include "client/transaction.hpp"

#include "value/decode.hpp"
#include "value/msgpack.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

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

} // namespace

struct transaction::read_call final : call {
    std::shared_ptr<transaction> owner;
    std::vector<std::string> keys; ///< none: everything

    read_call(std::shared_ptr<transaction> t, std::vector<std::string> k)
        : call(false), owner(std::move(t)), keys(std::move(k))
    {
    }
    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        if (keys.empty())
            protocol::write_request(out, correlation,
                                    protocol::snapshot_request{owner->name_space_});
        else
            protocol::write_request(
                out, correlation,
                protocol::read_request{owner->name_space_, {keys.begin(), keys.end()}});
    }
    void done(error_code ec, protocol::bytes_view body) override { owner->fetched(ec, body); }
};

struct transaction::commit_call final : call {
    std::shared_ptr<transaction> owner;

    explicit commit_call(std::shared_ptr<transaction> t) : call(true), owner(std::move(t)) {}

    void write(protocol::buffer& out, std::uint32_t correlation,
               const protocol::mutation& by) override
    {
        protocol::commit_request request;
        request.by = by;
        request.by.handle = owner->handle_;
        request.name_space = owner->name_space_;
        if (owner->scanned_)
            request.scanned = owner->source_.revision();
        for (const auto& each : owner->reads_)
            request.reads.push_back({each.key, each.revision});
        for (const auto& [key, bytes] : owner->writes_)
            request.writes.push_back(
                {key, bytes ? std::optional<protocol::bytes_view>(*bytes) : std::nullopt});
        protocol::write_request(out, correlation, request);
    }
    void done(error_code ec, protocol::bytes_view body) override { owner->committed(ec, body); }
};

transaction::transaction(executor_of_engine io, executor_of_engine strand,
                         std::weak_ptr<connection> server, const detail::state_identity& from,
                         std::unique_ptr<detail::transaction_body> body)
    : io_(std::move(io)),
      strand_(std::move(strand)),
      server_(std::move(server)),
      name_space_(from.name_space),
      handle_(from.handle),
      body_(std::move(body))
{
}

void transaction::start()
{
    if (inside)
        return finish(errc::nested_atomic);
    if (auto slot = body_->cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this()](asio::cancellation_type type) {
            const auto self = weak.lock();
            if (!self || !*self->strand_)
                return;
            const bool terminal =
                (type & asio::cancellation_type::terminal) != asio::cancellation_type::none;
            asio::dispatch(*self->strand_, [self, terminal] { self->cancel(terminal); });
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
    draft d(source_);
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
    using access = detail::draft_access;
    if (access::must_restart(d)) {
        wants_all_ = access::wants_all(d);
        wanted_.clear();
        if (!wants_all_)
            wanted_.push_back(*access::wanted(d));
        asio::dispatch(*strand_, [self = shared_from_this()] { self->fetch(); });
        return;
    }
    reads_ = access::reads(d);
    scanned_ = access::scanned(d);
    writes_.clear();
    error_code ec;
    if (!thrown_)
        for (auto& each : access::writes(d)) {
            auto& [key, bytes] = writes_.emplace_back(std::move(each.key), std::nullopt);
            if (each.content && !ec)
                ec = msgpack::encode(*each.content, bytes.emplace());
        }
    asio::dispatch(*strand_, [self = shared_from_this(), ec] {
        if (ec)
            self->finish(ec);
        else
            self->commit();
    });
}

void transaction::fetch()
{
    submit(std::make_unique<read_call>(shared_from_this(),
                                       wants_all_ ? std::vector<std::string>() : wanted_));
}

void transaction::fetched(error_code ec, protocol::bytes_view body)
{
    std::vector<protocol::present> items;
    if (!ec && wants_all_) {
        protocol::snapshot_reply reply;
        ec = protocol::decode(body, reply);
        if (!ec) {
            source_.clear();
            fetches_ = 0;
            ec = learn(reply.items);
            source_.put_all(reply.revision);
        }
    } else if (!ec) {
        protocol::read_reply reply;
        ec = protocol::decode(body, reply);
        if (!ec)
            ec = learn(reply.items);
    }
    if (ec)
        return finish(ec);
    ++fetches_;
    run_again();
}

void transaction::commit()
{
    const bool consistent = fetches_ <= 1;
    if (writes_.empty() && consistent)
        return finish(thrown_);
    committing_ = true;
    submit(std::make_unique<commit_call>(shared_from_this()));
}

void transaction::committed(error_code ec, protocol::bytes_view body)
{
    committing_ = false;
    if (!ec)
        return finish(thrown_);
    if (ec != errc::conflict)
        return finish(ec);
    protocol::conflict_reply reply;
    if (const auto broken = protocol::decode(body, reply))
        return finish(broken);
    source_.clear();
    fetches_ = 1;
    if (const auto broken = learn(reply.items))
        return finish(broken);
    if (reply.scan_failed) {
        wants_all_ = true;
        return fetch();
    }
    run_again();
}

error_code transaction::learn(const std::vector<protocol::present>& items)
{
    for (const auto& each : items) {
        std::optional<value> content;
        if (each.value)
            if (const auto ec = decode_any(*each.value, content.emplace()))
                return ec;
        source_.put(each.key, std::move(content), each.modified);
    }
    return {};
}

void transaction::run_again()
{
    if (cancelled_)
        return finish(asio::error::operation_aborted);
    asio::post(*io_, asio::bind_executor(body_->executor(*io_),
                                         [self = shared_from_this()] { self->run(); }));
}

void transaction::submit(std::unique_ptr<call> what)
{
    const auto server = server_.lock();
    if (!server || cancelled_)
        return finish(asio::error::operation_aborted);
    ticket_ = server->submit(std::move(what));
}

/// Reading can be given up at any moment; a commit only as every mutation.
void transaction::cancel(bool terminal)
{
    if (finished_)
        return;
    const auto server = server_.lock();
    if (!server)
        return;
    if (!committing_)
        cancelled_ = true;
    server->cancel(ticket_, terminal || !committing_);
}

void transaction::finish(error_code ec)
{
    finish(ec ? std::make_exception_ptr(system_error(ec)) : nullptr);
}

void transaction::finish(std::exception_ptr e)
{
    if (std::exchange(finished_, true))
        return;
    body_->complete(*io_, e);
}

} // namespace zproc::client
