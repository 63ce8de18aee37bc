#pragma once

#include "tls.hpp"

#include <zproc/error.hpp>
#include <zproc/options.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace zproc::detail {

// Bytes of all files together; a state process gets them in one message.
inline constexpr std::size_t most_of_a_client = std::size_t{1} << 20;
inline constexpr std::size_t most_of_a_server = std::size_t{96} << 10;

/// What stands in the files that the options name, of so many bytes together. Errors:
/// bad_certificate, with a text.
error_code read_identity(const tls_options& named, std::size_t most, tls::identity& out,
                         std::string& text);

/// Whether any address is one of TCP: else the certificates are not needed.
bool uses_tcp(const context_options& options);

/// `name` is "certificate", "key" or "authorities"; false when it is something else.
bool set_tls_file(std::string_view name, std::string path, context_options& options);

/// The same files, by paths that hold in every directory.
tls_options with_absolute_paths(tls_options named);

} // namespace zproc::detail
