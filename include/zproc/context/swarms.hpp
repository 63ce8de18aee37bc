#pragma once

#include <zproc/context/results.hpp>
#include <zproc/join_options.hpp>
#include <zproc/swarm.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace zproc {

/// The part of `context` that makes swarms, and joins those of others.
class context_swarms : public context_results {
public:
    /// Starts workers, by default as many as this process may use cores, and waits until they are
    /// ready: their initialisers have returned. So a map does not pay for spawning.
    ///
    /// Completion signature: `void(std::exception_ptr, swarm)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`, and the workers
    /// end.
    /// Errors: what the initialiser threw (`remote_error`), or how its process ended, when it fails
    /// again and again; `system_error` with the errors of `spawn`.
    template <
        asio::completion_token_for<void(std::exception_ptr, swarm)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto create_swarm(Token&& token = {}) const
    {
        return create_swarm(swarm_options(), std::forward<Token>(token));
    }
    template <
        asio::completion_token_for<void(std::exception_ptr, swarm)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto create_swarm(std::size_t workers, Token&& token = {}) const
    {
        swarm_options options;
        options.size(workers);
        return create_swarm(std::move(options), std::forward<Token>(token));
    }
    template <
        asio::completion_token_for<void(std::exception_ptr, swarm)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto create_swarm(swarm_options options, Token&& token = {}) const
    {
        using signature = void(std::exception_ptr, swarm);
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), name_space = default_namespace(),
             options = std::move(options)](detail::handler<signature> done) mutable {
                make_swarm(core, name_space, std::move(options), std::move(done));
            },
            std::forward<Token>(token));
    }

    /// Lends workers to the swarm that listens at `tcp://host:port` (`swarm_options::listen`), of
    /// the same executable on another machine. They are processes of this context, and what they
    /// are given as theirs is this context's; they are started anew when they end. While the swarm
    /// cannot be reached it tries again, after longer and longer pauses; what its workers were at
    /// when the connection broke is done by others.
    ///
    /// Completion signature: `void(std::exception_ptr)`, without an error when the owner has
    /// dismissed them: it has stopped the swarm, or let it go.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`, when the workers
    /// have ended, within the grace period of the context.
    /// Errors: `system_error` with a text. At once: `errc::bad_address`; `errc::wrong_build`;
    /// `errc::version_mismatch`; `errc::not_a_zproc_server`; `errc::secret_required`,
    /// `not_authenticated`, `bad_secret`; `errc::tls_required`, `tls_failed`, `bad_certificate`;
    /// `errc::supervisor_lost` and others of `spawn` that are final. After
    /// `join_options::patience`: `errc::server_absent`, `server_silent`, `connection_lost`.
    /// Example file: example/remote_workers.cpp
    template <asio::completion_token_for<void(std::exception_ptr)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto join_swarm(std::string address, Token&& token = {}) const
    {
        return join_swarm(std::move(address), join_options(), std::forward<Token>(token));
    }
    template <asio::completion_token_for<void(std::exception_ptr)> Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto join_swarm(std::string address, join_options options,
                                  Token&& token = {}) const
    {
        using signature = void(std::exception_ptr);
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), name_space = default_namespace(), address = std::move(address),
             options](detail::handler<signature> done) {
                join(core, name_space, address, options, std::move(done));
            },
            std::forward<Token>(token));
    }

protected:
    using context_results::context_results;

private:
    static void make_swarm(const std::shared_ptr<detail::context_core>& core,
                           const std::string& name_space, swarm_options options,
                           detail::handler<void(std::exception_ptr, swarm)> done);
    static void join(const std::shared_ptr<detail::context_core>& core,
                     const std::string& name_space, const std::string& address,
                     const join_options& options, detail::handler<void(std::exception_ptr)> done);
};

} // namespace zproc
