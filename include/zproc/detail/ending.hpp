#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>

#include <concepts>
#include <utility>

namespace zproc::detail {

/// What may stand behind an operation's own arguments: a `diagnostics&`, and then a completion
/// token; either may be left out.
template <class Argument, class Signature>
concept ending_for =
    std::same_as<Argument, diagnostics&> || asio::completion_token_for<Argument, Signature>;

/// Calls `go(diagnostics*, token)` with what stands there, and `asio::deferred` where no token
/// does.
template <class Go, class... Ending>
auto with_ending(Go go, Ending&&... ending)
{
    static_assert(sizeof...(Ending) <= 2,
                  "zproc: behind the arguments come a diagnostics&, and a completion token");
    if constexpr (sizeof...(Ending) == 0) {
        return go(static_cast<diagnostics*>(nullptr), asio::deferred_t());
    } else if constexpr (sizeof...(Ending) == 1) {
        if constexpr ((std::same_as<Ending, diagnostics&> && ...))
            return go(&ending..., asio::deferred_t());
        else
            return go(static_cast<diagnostics*>(nullptr), std::forward<Ending>(ending)...);
    } else {
        return [&]<class Token>(auto&& why, Token&& token) {
            static_assert(std::same_as<decltype(why), diagnostics&>,
                          "zproc: the diagnostics& comes before the completion token");
            return go(&why, std::forward<Token>(token));
        }(std::forward<Ending>(ending)...);
    }
}

/// Says in `why`, if there is one, what went wrong; `text` is what is known beyond the code.
void explain(diagnostics* why, const error_code& ec, const std::string& text = {},
             std::uint64_t oldest_revision = 0);

} // namespace zproc::detail
