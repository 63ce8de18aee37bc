#pragma once

#include <zproc/context/results.hpp>
#include <zproc/swarm.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace zproc {

/// The part of `context` that makes swarms.
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

protected:
    using context_results::context_results;

private:
    static void make_swarm(const std::shared_ptr<detail::context_core>& core,
                           const std::string& name_space, swarm_options options,
                           detail::handler<void(std::exception_ptr, swarm)> done);
};

} // namespace zproc
