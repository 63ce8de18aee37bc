#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/packing.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace zproc::detail {

/// A type of exceptions that `result()` throws as they were: what brings one into an archive in
/// the process that threw, and what makes it anew.
struct carried_type {
    using raiser = std::exception_ptr (*)(std::string_view archive,
                                          const std::exception_ptr& report);

    function_reference carrier;
    raiser raise = nullptr;
};

template <class E>
struct exception_carrier {
    static constexpr bool by_text =
        std::constructible_from<E, const std::string&> && !has_own_serialize<E>();

    static_assert(std::is_class_v<E> && !std::is_final_v<E>,
                  "zproc: what is to be thrown again must be a class that can be derived from");
    static_assert(by_text || can_cross<E>(),
                  "zproc: an exception that is to be thrown again needs a constructor that takes "
                  "its text as a std::string, or a Boost.Serialization serialize");

    static void enter(invocation& in)
    {
        try {
            std::rethrow_exception(in.failure());
        } catch (const E& e) {
            if constexpr (by_text)
                in.carry(pack(std::string(e.what())));
            else
                in.carry(pack(e));
        } catch (...) { // NOLINT(bugprone-empty-catch): another type
        }
    }

    /// The report alone where there is no making one.
    static std::exception_ptr raise(std::string_view archive, const std::exception_ptr& report)
    {
        std::optional<E> thrown;
        try {
            if constexpr (by_text)
                thrown.emplace(unpack<std::string>(archive));
            else
                thrown.emplace(unpack<E>(archive));
        } catch (...) {
            return report;
        }
        try {
            std::rethrow_exception(report);
        } catch (...) {
            try {
                std::throw_with_nested(*std::move(thrown));
            } catch (...) {
                return std::current_exception();
            }
        }
    }

    static inline const stub_registration registered{&exception_carrier::enter};
};

} // namespace zproc::detail
