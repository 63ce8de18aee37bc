#pragma once

#include <zproc/context/calls.hpp>
#include <zproc/detail/swarm_task.hpp>
#include <zproc/task_id.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

namespace zproc {

/// The part of `context` that takes results by their task id.
class context_results : public context_calls {
public:
    /// Waits for the result of `swarm::submit`, of whatever process, and takes it: it is gone then.
    /// `R` is what the function returns.
    ///
    ///     double area = co_await ctx.result<double>(id);
    ///
    /// Completion signature: `void(std::exception_ptr, R)`, or `void(std::exception_ptr)`.
    /// Per-operation cancellation: terminal, partial, total → `operation_aborted`; the result stays,
    /// unless it is being taken already: then it is delivered.
    /// Errors: of the task, as `swarm::run`; `system_error` with `errc::no_such_key` when there is no
    /// such task: it was taken, or has expired, or never was; `errc::process_gone` when the process
    /// that owns the swarm ended before the task did; `errc::type_mismatch` when it is no `R`, and
    /// it stays; those of a read of `state`.
    /// Complexity: one read every second while it waits.
    template <class R = void, asio::completion_token_for<typename detail::result_signature<R>::type>
                                  Token = asio::use_awaitable_t<>>
    [[nodiscard]] auto result(task_id id, Token&& token = {}) const
    {
        using signature = typename detail::result_signature<R>::type;
        return detail::initiate<signature>(
            get_executor(),
            [core = core(), id](detail::handler<signature> done) {
                take_result(core, id, typeid(R).name(),
                            std::make_unique<detail::typed_task<R>>(std::move(done)));
            },
            std::forward<Token>(token));
    }

protected:
    using context_calls::context_calls;

private:
    static void take_result(const std::shared_ptr<detail::context_core>& core, task_id id,
                            std::string type, std::unique_ptr<detail::pending_task> waiting);
};

} // namespace zproc
