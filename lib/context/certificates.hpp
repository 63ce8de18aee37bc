#pragma once

#include "tls.hpp"

#include <zproc/error.hpp>
#include <zproc/options.hpp>

#include <string>
#include <string_view>

namespace zproc::detail {

/// What stands in the files that the options name. Errors: bad_certificate, with a text.
error_code read_identity(const tls_options& named, tls::identity& out, std::string& text);

/// `name` is "certificate", "key" or "authorities"; false when it is something else.
bool set_tls_file(std::string_view name, std::string path, context_options& options);

/// The same, with paths that hold in every directory.
tls_options with_absolute_paths(tls_options named);

} // namespace zproc::detail
