#include "context/certificates.hpp"

#include "context/small_file.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace zproc::detail {

error_code read_identity(const tls_options& named, std::size_t most, tls::identity& out,
                         std::string& text)
{
    const auto read = [&](const char* what, const std::string& path, bool only_own,
                          std::string& into) {
        return path.empty() || read_small_file(what, path, only_own, most, into, text);
    };
    const bool all = read("the certificate", named.certificate, false, out.certificate) &&
                     read("the key", named.key, true, out.key) &&
                     read("the authorities", named.authorities, false, out.authorities);
    if (all && out.certificate.size() + out.key.size() + out.authorities.size() > most) {
        text = "the files for TLS have more than " + std::to_string(most) +
               " bytes: of authorities name those only that sign for the other side";
        return errc::bad_certificate;
    }
    return all ? error_code() : errc::bad_certificate;
}

bool uses_tcp(const context_options& options)
{
    const auto is_tcp = [](const std::string& each) { return each.starts_with("tcp://"); };
    return is_tcp(options.address()) || std::ranges::any_of(options.listens(), is_tcp);
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
