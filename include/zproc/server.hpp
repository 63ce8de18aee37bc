#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc {

namespace detail {
class server_core;
} // namespace detail

/// A state that this process serves itself, in a loop that it runs anyway: no other process and no
/// thread, but for one that syncs files where they are synced at intervals.
///
///     zproc::server state(io.get_executor(), zproc::context_options{}.data("/var/lib/shop"));
///     if (const auto ec = state.listen("unix:///run/shop/state")) …
///     state.run(asio::detached);
///
/// It has no successor: what is not in a data directory dies with this process, and `durability()`
/// says so. A handler that keeps the loop busy keeps all clients waiting. `zproc serve` and
/// `context_options::start_server` do without both drawbacks, in a process of their own.
///
/// A replica of it in the same thread may have to wait for it when its journal grows, and then does so
/// in vain: read such a state through requests and watchers.
///
/// Of the options it takes what is about a server: `journal_size`, `limits`, `secret`,
/// `secret_file`, `tls`, `data`, `fsync`, `salvage`.
///
/// Thread safety: `run` and `stop` from any thread; the others while it does not run.
/// Object lifetimes: an owner. Its destruction ends `run` with `operation_aborted`; clients see the
/// connection end.
class server {
public:
    using executor_type = asio::any_io_executor;

    /// Makes the state, or reads it from its directory.
    /// Errors: thrown as `system_error`: `errc::bad_secret`, `errc::bad_certificate`,
    /// `errc::data_in_use`, `errc::data_damaged`, `errc::disk_failed`, those of the system.
    explicit server(asio::any_io_executor io, context_options options = {});
    ~server();
    server(server&&) noexcept;
    server& operator=(server&&) noexcept;

    executor_type get_executor() const noexcept;

    /// Listens at an address; any number of times. Clients wait until it runs.
    /// Errors (`why` says more): `errc::bad_address`, `errc::address_in_use`, `errc::bad_secret`
    /// (over TCP beyond this machine, without a secret or TLS with authorities), those of the
    /// system.
    error_code listen(std::string_view address, diagnostics* why = nullptr);

    /// Where it listens, with the ports that the system chose.
    std::vector<std::string> addresses() const;

    /// `none`, but with a data directory: `disk` when every commit is synced, else `process`.
    durability_level durability() const noexcept;

    /// Serves, until `stop`.
    ///
    /// Completion signature: `void(error_code)`.
    /// Per-operation cancellation: terminal, partial, total: as `stop`, with `operation_aborted`.
    /// Errors: `asio::error::already_started`; `errc::already_finished` after its end;
    /// `errc::disk_failed`.
    template <asio::completion_token_for<void(error_code)> Token = asio::deferred_t>
    [[nodiscard]] auto run(Token&& token = {}) const
    {
        using signature = void(error_code);
        return detail::initiate<signature>(
            get_executor(),
            [core = core_](detail::handler<signature> done) { run(core, std::move(done)); },
            std::forward<Token>(token));
    }

    /// Sends what was answered, syncs, tells everybody that the state has ended, and closes. For
    /// good.
    void stop() noexcept;

private:
    static void run(const std::shared_ptr<detail::server_core>& core,
                    detail::handler<void(error_code)> done);

    std::shared_ptr<detail::server_core> core_;
};

} // namespace zproc
