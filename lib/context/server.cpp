#include "client/fork_mark.hpp"
#include "context/certificates.hpp"
#include "context/secret.hpp"
#include "context/serving_options.hpp"
#include "engine/loop_service.hpp"
#include "io_executor.hpp"
#include "protocol/address.hpp"
#include "server/state_process.hpp"
#include "tcp.hpp"

#include <zproc/server.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>

#include <fcntl.h>

namespace zproc {

namespace detail {

/// The host of a state on an Asio loop: waits for its one descriptor, and for what time brings.
///
///     made → running → ended
class server_core final : public std::enable_shared_from_this<server_core> {
public:
    server_core(asio::any_io_executor io, const serving::host_options& options)
        : io_(std::move(io)),
          strand_(strand_of(io_)),
          host_(std::make_unique<serving::host>(options)),
          ready_(std::make_unique<asio::posix::stream_descriptor>(strand_)),
          clock_(std::make_unique<asio::steady_timer>(strand_))
    {
    }

    ~server_core()
    {
        if (mark_.is_set()) {
            if (host_)
                close();
            return;
        }
        // In a plain fork they would leave the epoll set that it shares with the original; and
        // there is no thread that syncs files, to be waited for.
        static_cast<void>(ready_.release());
        static_cast<void>(clock_.release());
        static_cast<void>(host_.release());
    }

    void create(const context_options& options)
    {
        if (!options.data().empty()) {
            error_code ec;
            auto directory = serving::open_data_directory(options.data(), ec);
            if (ec)
                throw system_error(ec, options.data());
            host_->use_data(
                std::move(directory),
                [](const std::string& line) { std::fprintf(stderr, "zproc: %s\n", line.c_str()); },
                // What was not synced is not to be published: out of there, through all of it.
                [](const error_code& why) { throw system_error(why); });
        }
        if (const auto ec = host_->create())
            throw system_error(ec, options.data());
        made_ = true;
        descriptor file(::fcntl(host_->poll_file(), F_DUPFD_CLOEXEC, 3));
        error_code ec;
        ready_->assign(file.get(), ec);
        if (ec)
            throw system_error(ec);
        file.release();
    }

    error_code listen(std::string_view written, std::string& text)
    {
        if (!mark_.is_set())
            return errc::wrong_process;
        if (!host_)
            return errc::already_finished;
        protocol::address at;
        if (const auto ec = parse_address(written, protocol::side::server, at, text))
            return ec;
        error_code ec;
        auto listener = at.is_tcp() ? tcp::listen(at, knows_clients, at, ec, text)
                                    : serving::make_listener(at.path, ec);
        if (ec)
            return ec;
        auto kept = listener.duplicate();
        ec = host_->listen(std::move(listener));
        if (ec)
            return ec;
        listeners_.push_back(std::move(kept));
        addresses_.push_back(protocol::to_string(at));
        return {};
    }

    void run(handler<void(error_code)> done)
    {
        if (gone_)
            return done.complete({}, error_code(errc::context_gone));
        if (!mark_.is_set())
            return done.complete(io_, error_code(errc::wrong_process));
        asked_ = true;
        const auto id = ++ids_;
        if (auto slot = done.cancellation_slot(); slot.is_connected())
            slot.assign([weak = weak_from_this(), id](asio::cancellation_type type) {
                const auto self = weak.lock();
                if (self && type != asio::cancellation_type::none)
                    self->stop(asio::error::operation_aborted, id);
            });
        asio::dispatch(strand_, [self = shared_from_this(), id, done = std::move(done)]() mutable {
            if (!self->host_)
                return done.complete(self->io_, error_code(errc::already_finished));
            if (self->done_)
                return done.complete(self->io_, error_code(asio::error::already_started));
            self->running_ = id;
            self->done_.emplace(std::move(done));
            self->turn();
        });
    }

    /// Of one `run`, or of whatever runs (0).
    void stop(error_code ec, std::uint64_t run = 0)
    {
        if (gone_ || !mark_.is_set())
            return;
        if (!asked_) { // nobody else uses it
            if (host_)
                close();
            return;
        }
        asio::dispatch(strand_, [self = shared_from_this(), ec, run] {
            if (run == 0 || run == self->running_)
                self->end(ec);
        });
    }

    void loop_gone()
    {
        gone_ = true;
        const auto dropped = std::exchange(done_, std::nullopt);
        if (host_)
            close();
        ready_.reset();
        clock_.reset();
        strand_ = {};
        io_ = {};
    }

    const asio::any_io_executor& executor() const noexcept { return io_; }
    const std::vector<std::string>& addresses() const noexcept { return addresses_; }
    durability_level durability() const noexcept { return durability_; }

    bool knows_clients = false;
    durability_level durability_ = durability_level::none;

private:
    void turn()
    {
        if (!host_ || !done_)
            return;
        try {
            if (!host_->turn(0))
                return end({});
        } catch (const system_error& e) { // of the disk
            failed_ = true;
            return end(e.code());
        }
        const auto wake = [weak = weak_from_this()](error_code ec) {
            if (const auto self = weak.lock(); self && !ec)
                self->turn();
        };
        if (!std::exchange(waiting_, true))
            ready_->async_wait(asio::posix::stream_descriptor::wait_read,
                               [weak = weak_from_this()](error_code ec) {
                                   const auto self = weak.lock();
                                   if (!self)
                                       return;
                                   self->waiting_ = false;
                                   if (!ec)
                                       self->turn();
                               });
        if (const int most = host_->patience(-1); most >= 0) {
            clock_->expires_after(std::chrono::milliseconds(most));
            clock_->async_wait(wake);
        } else {
            clock_->cancel();
        }
    }

    void end(error_code ec)
    {
        if (host_)
            close();
        ready_->close();
        clock_->cancel();
        if (auto done = std::exchange(done_, std::nullopt))
            done->complete(io_, ec);
    }

    void close()
    {
        try {
            if (made_ && !failed_)
                host_->finish();
        } catch (const system_error&) { // of the disk: nothing more was acknowledged
        }
        host_.reset();
        for (const auto& each : listeners_)
            serving::remove_socket(each.get());
        listeners_.clear();
    }

    asio::any_io_executor io_;
    asio::any_io_executor strand_;
    client::fork_mark mark_;
    std::atomic<bool> gone_ = false;
    std::atomic<bool> asked_ = false; ///< to run
    std::atomic<std::uint64_t> ids_ = 0;

    // On the strand, once it runs.
    std::unique_ptr<serving::host> host_;
    std::unique_ptr<asio::posix::stream_descriptor> ready_; ///< the host's, duplicated
    std::unique_ptr<asio::steady_timer> clock_;
    bool waiting_ = false;
    std::optional<handler<void(error_code)>> done_;
    bool made_ = false;
    bool failed_ = false;
    std::uint64_t running_ = 0;
    std::vector<descriptor> listeners_; ///< duplicates, to know their paths
    std::vector<std::string> addresses_;
};

} // namespace detail

server::server(asio::any_io_executor io, context_options options)
{
    std::string secret;
    std::string text;
    if (const auto ec = detail::read_secret(options, secret, text))
        throw system_error(ec, text);
    auto serving = detail::serving_options(options);
    if (options.tls())
        if (const auto ec =
                detail::read_identity(*options.tls(), detail::most_of_a_client, serving.tls, text))
            throw system_error(ec, text);
    if (error_code ec; options.tls() && !tls::terms::make(tls::role::server, serving.tls, ec, text))
        throw system_error(ec, text);
    serving.durability =
        options.data().empty() ? protocol::durability::none : protocol::durability::process;
    serving.secret = secret;
    core_ = std::make_shared<detail::server_core>(std::move(io), serving);
    core_->knows_clients = !secret.empty() || !serving.tls.authorities.empty();
    if (!options.data().empty())
        core_->durability_ = options.fsync() == fsync_policy::commit ? durability_level::disk
                                                                     : durability_level::process;
    core_->create(options);
    asio::use_service<engine::loop_service>(
        asio::query(core_->executor(), asio::execution::context))
        .add(std::weak_ptr(core_));
}

server::~server()
{
    if (core_)
        core_->stop(asio::error::operation_aborted);
}

server::server(server&&) noexcept = default;

server& server::operator=(server&& other) noexcept
{
    std::swap(core_, other.core_);
    return *this;
}

server::executor_type server::get_executor() const noexcept
{
    return core_->executor();
}

error_code server::listen(std::string_view address, diagnostics* why)
{
    std::string text;
    const auto ec = core_->listen(address, text);
    if (why)
        why->text = ec ? (text.empty() ? ec.message() : text) : std::string();
    return ec;
}

std::vector<std::string> server::addresses() const
{
    return core_->addresses();
}

durability_level server::durability() const noexcept
{
    return core_->durability();
}

void server::run(const std::shared_ptr<detail::server_core>& core,
                 detail::handler<void(error_code)> done)
{
    core->run(std::move(done));
}

void server::stop() noexcept
{
    core_->stop({});
}

} // namespace zproc
