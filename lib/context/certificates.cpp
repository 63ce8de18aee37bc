#include "context/certificates.hpp"

#include "context/small_file.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace zproc::detail {

error_code read_identity(const tls_options& named, tls::identity& out, std::string& text)
{
    constexpr std::size_t most = std::size_t{1} << 20;
    const auto read = [&](const char* what, const std::string& path, bool only_own,
                          std::string& into) {
        return path.empty() || read_small_file(what, path, only_own, most, into, text);
    };
    const bool all = read("the certificate", named.certificate, false, out.certificate) &&
                     read("the key", named.key, true, out.key) &&
                     read("the authorities", named.authorities, false, out.authorities);
    return all ? error_code() : errc::bad_certificate;
}

bool set_tls_file(std::string_view name, std::string path, context_options& options)
{
    auto named = options.tls().value_or(tls_options());
    if (name == "certificate")
        named.certificate = std::move(path);
    else if (name == "key")
        named.key = std::move(path);
    else if (name == "authorities")
        named.authorities = std::move(path);
    else
        return false;
    options.tls(std::move(named));
    return true;
}

tls_options with_absolute_paths(tls_options named)
{
    for (auto* each : {&named.certificate, &named.key, &named.authorities}) {
        std::error_code ec;
        if (auto path = std::filesystem::absolute(*each, ec); !each->empty() && !ec)
            *each = std::move(path).string();
    }
    return named;
}

} // namespace zproc::detail
