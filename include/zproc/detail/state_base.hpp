#pragma once

#include <zproc/detail/ending.hpp>
#include <zproc/detail/engine.hpp>
#include <zproc/detail/state_operations.hpp>
#include <zproc/detail/temporary.hpp>

#include <memory>
#include <string>
#include <utility>

namespace zproc::detail {

/// What every part of `state` stands on: the identity, and how an operation starts.
class state_base {
public:
    using executor_type = asio::any_io_executor;

    executor_type get_executor() const { return identity_->engine->get_executor(); }

    /// The name of the namespace.
    const std::string& name() const noexcept { return identity_->name_space; }

protected:
    using operation = detail::operation;

    explicit state_base(std::shared_ptr<const state_identity> identity) noexcept
        : identity_(std::move(identity))
    {
    }

    const std::shared_ptr<const state_identity>& identity() const noexcept { return identity_; }

    template <class Signature, class Convert, class... Ending>
    auto start(request&& r, Convert convert, Ending&&... ending) const
    {
        return with_ending(
            [&](diagnostics* why, auto&& token) {
                return initiate<Signature>(
                    get_executor(),
                    [id = identity_, r = std::move(r), convert = std::move(convert),
                     why](handler<Signature> done) mutable {
                        id->engine->submit(*id, std::move(r),
                                           std::make_unique<typed_pending<Signature, Convert>>(
                                               std::move(done), std::move(convert), why));
                    },
                    std::forward<decltype(token)>(token));
            },
            std::forward<Ending>(ending)...);
    }

    template <class T, class Convert, class... Ending>
    auto recall(past_question&& q, Convert convert, Ending&&... ending) const
    {
        using signature = void(error_code, T);
        return with_ending(
            [&](diagnostics* why, auto&& token) {
                return initiate<signature>(
                    get_executor(),
                    [id = identity_, q = std::move(q), convert,
                     why](handler<signature> done) mutable {
                        id->engine->recall(*id, std::move(q),
                                           std::make_unique<typed_past<T, Convert>>(
                                               std::move(done), std::move(convert), why));
                    },
                    std::forward<decltype(token)>(token));
            },
            std::forward<Ending>(ending)...);
    }

private:
    std::shared_ptr<const state_identity> identity_;
};

} // namespace zproc::detail
