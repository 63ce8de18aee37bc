#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/detail/watch_plan.hpp>
#include <zproc/options.hpp>
#include <zproc/process.hpp>
#include <zproc/spawn_options.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc::detail {

class context_core;

/// One spawn under way, with the user's handler inside.
struct pending_spawn {
    virtual ~pending_spawn() = default;
    virtual void complete(const asio::any_io_executor& io, error_code ec,
                          std::shared_ptr<process_core> started) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

template <class R>
struct typed_spawn final : pending_spawn {
    handler<void(error_code, process<R>)> done;

    explicit typed_spawn(handler<void(error_code, process<R>)> h) : done(std::move(h)) {}

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::shared_ptr<process_core> started) override
    {
        done.complete(io, ec, process<R>(std::move(started)));
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

/// Calls `go(token, args…)` with what stands behind `arity` arguments, or with the default token.
template <std::size_t arity, class Default = asio::deferred_t, class Go, class... Args>
auto split_token(Go go, Args&&... args)
{
    if constexpr (sizeof...(Args) == arity) {
        return go(Default(), std::forward<Args>(args)...);
    } else {
        static_assert(sizeof...(Args) == arity + 1,
                      "zproc: behind the function come its arguments (without its context), and "
                      "then, if you like, a completion token");
        std::tuple<Args&&...> all(std::forward<Args>(args)...);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return go(
                std::forward<std::tuple_element_t<arity, std::tuple<Args&&...>>>(
                    std::get<arity>(all)),
                std::forward<std::tuple_element_t<I, std::tuple<Args&&...>>>(std::get<I>(all))...);
        }(std::make_index_sequence<arity>{});
    }
}

/// What every part of `context` stands on: the core that its copies share, and how a process
/// starts.
class context_base {
public:
    using executor_type = asio::any_io_executor;

    executor_type get_executor() const;

    const context_options& options() const noexcept;
    const std::string& default_namespace() const noexcept;

protected:
    explicit context_base(std::shared_ptr<context_core> core) noexcept : core_(std::move(core)) {}
    context_base(const context_base& like, std::string name_space)
        : core_(like.core_), name_space_(std::move(name_space))
    {
    }

    const std::shared_ptr<context_core>& core() const noexcept { return core_; }

    template <class R, class Token>
    auto start(spawn_options options, call what, std::shared_ptr<watch_plan> plan,
               Token&& token) const
    {
        using signature = void(error_code, process<R>);
        static_assert(asio::completion_token_for<Token, signature>,
                      "zproc: what follows the arguments of the spawned function is no completion "
                      "token");
        return initiate<signature>(
            get_executor(),
            [own = *this, options = std::move(options), what = std::move(what),
             plan = std::move(plan)](handler<signature> done) mutable {
                own.launch(std::move(options), std::move(what), std::move(plan),
                           std::make_unique<typed_spawn<R>>(std::move(done)));
            },
            std::forward<Token>(token));
    }

    /// The same of several, each a part of one operation.
    static void launch_on(const context_base& own, spawn_options options, call what,
                          std::unique_ptr<pending_spawn> p)
    {
        own.launch(std::move(options), std::move(what), nullptr, std::move(p));
    }

private:
    void launch(spawn_options options, call what, std::shared_ptr<watch_plan> plan,
                std::unique_ptr<pending_spawn> p) const;

    std::shared_ptr<context_core> core_;
    std::string name_space_; ///< empty: that of the options
};

} // namespace zproc::detail
