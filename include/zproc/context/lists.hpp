#pragma once

#include <zproc/context/base.hpp>
#include <zproc/detail/call.hpp>
#include <zproc/detail/spawn_group.hpp>
#include <zproc/process_list.hpp>
#include <zproc/spawn_options.hpp>

#include <boost/asio/system_executor.hpp>

#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc {

/// The part of `context` that spawns several processes at once.
///
/// Per-operation cancellation and errors of all: as `context::spawn`; when one of them cannot be
/// started, those that were are stopped.
class context_lists : public detail::context_base {
public:
    /// `count` processes that run `f(args…)`, as `spawn` does.
    ///
    /// Completion signature: `void(error_code, process_list<R>)`, when all run. The token comes
    /// last.
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto spawn_n(std::size_t count, F f, Args&&... args) const
    {
        return spawn_n(spawn_options(), count, f, std::forward<Args>(args)...);
    }
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto spawn_n(spawn_options options, std::size_t count, F f, Args&&... args) const
    {
        return detail::split_token<detail::function_traits<F>::arity>(
            [&](auto&& token, auto&&... given) {
                const auto one = detail::make_call(f, std::forward<decltype(given)>(given)...);
                return start_list<detail::result_of<F>>(std::move(options),
                                                        std::vector<detail::call>(count, one),
                                                        std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// One process for each item of a range, running `f(item, args…)`; in the order of the items.
    ///
    /// Completion signature: `void(error_code, process_list<R>)`, when all run. The token comes
    /// last.
    template <detail::spawnable F, std::ranges::input_range Items, class... Args>
    [[nodiscard]] auto spawn_map(F f, Items&& items, Args&&... args) const
    {
        return spawn_map(spawn_options(), f, std::forward<Items>(items),
                         std::forward<Args>(args)...);
    }
    template <detail::spawnable F, std::ranges::input_range Items, class... Args>
    [[nodiscard]] auto spawn_map(spawn_options options, F f, Items&& items, Args&&... args) const
    {
        constexpr auto arity = detail::function_traits<F>::arity;
        static_assert(arity > 0, "zproc: the function of spawn_map takes the item");
        return detail::split_token<arity - 1>(
            [&](auto&& token, auto&&... given) {
                std::vector<detail::call> calls;
                for (auto&& item : items)
                    calls.push_back(detail::make_call(f, item, given...));
                return start_list<detail::result_of<F>>(std::move(options), std::move(calls),
                                                        std::forward<decltype(token)>(token));
            },
            std::forward<Args>(args)...);
    }

    /// Several functions without arguments, one process for each.
    ///
    /// Completion signature: `void(error_code, std::tuple<process<R>…>)`, when all run. The token
    /// comes last.
    template <detail::spawnable F, class... Args>
    [[nodiscard]] auto spawn_all(F f, Args&&... more) const
    {
        constexpr auto functions = (std::size_t{detail::spawnable<Args>} + ... + 0);
        return detail::split_token<functions>(
            [&](auto&& token, auto&&... others) {
                return start_tuple(std::forward<decltype(token)>(token), f, others...);
            },
            std::forward<Args>(more)...);
    }

protected:
    using context_base::context_base;

private:
    using cores = detail::spawn_group::cores;

    template <class Made, class Token>
    auto start_group(spawn_options options, std::vector<detail::call> calls, Made (*make)(cores&&),
                     Token&& token) const
    {
        using group = detail::typed_spawn_group<Made>;
        using signature = typename group::signature;
        static_assert(asio::completion_token_for<Token, signature>,
                      "zproc: what follows the arguments of the spawned function is no completion "
                      "token");
        return detail::initiate<signature>(
            get_executor(),
            [own = static_cast<const context_base&>(*this), options = std::move(options),
             calls = std::move(calls), make](detail::handler<signature> done) mutable {
                if (calls.empty())
                    return done.complete(own.get_executor(), error_code(), make({}));
                const auto all = std::make_shared<group>(calls.size(), make, std::move(done));
                all->listen(all->slot());
                for (std::size_t i = 0; i != calls.size(); ++i)
                    launch_on(own, options, std::move(calls[i]), all->member(i));
            },
            std::forward<Token>(token));
    }

    template <class R, class Token>
    auto start_list(spawn_options options, std::vector<detail::call> calls, Token&& token) const
    {
        return start_group<process_list<R>>(
            std::move(options), std::move(calls),
            +[](cores&& started) {
                std::vector<process<R>> all;
                for (auto& each : started)
                    all.emplace_back(std::move(each));
                return process_list<R>(std::move(all));
            },
            std::forward<Token>(token));
    }

    template <class Token, class... F>
    auto start_tuple(Token&& token, F... functions) const
    {
        using made = std::tuple<process<detail::result_of<F>>...>;
        std::vector<detail::call> calls;
        (calls.push_back(detail::make_call(functions)), ...);
        return start_group<made>(
            spawn_options(), std::move(calls),
            +[](cores&& started) {
                return [&]<std::size_t... I>(std::index_sequence<I...>) {
                    return made(process<detail::result_of<F>>(std::move(started[I]))...);
                }(std::index_sequence_for<F...>{});
            },
            std::forward<Token>(token));
    }
};

} // namespace zproc
