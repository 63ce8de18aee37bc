#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/error.hpp>

#include <cstdint>

namespace zproc::supervision {

/// A function reference as this process can call it.
struct resolved_function {
    detail::stub_entry stub = nullptr;
    std::uintptr_t target = 0; ///< 0 for lambdas: their stub is all there is
};

/// Finds the place that a reference means in this process; loads the module when it is not loaded.
///
/// Errors: `errc::unknown_function` when the module is not the same one, when there is no
/// registered stub at that place, or when the target lies outside the module's code.
resolved_function resolve(const detail::function_reference& reference, error_code& ec);

} // namespace zproc::supervision
