#pragma once

#include <zproc/error.hpp>
#include <zproc/options.hpp>

#include <string>

namespace zproc::detail {

/// The secret that the options name, or none. A secret is what stands in the file, without line
/// ends behind it. Errors: bad_secret, with a text that says what to do.
error_code read_secret(const context_options& options, std::string& secret, std::string& text);

} // namespace zproc::detail
