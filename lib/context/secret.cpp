#include "context/secret.hpp"

#include "context/small_file.hpp"
#include "protocol/authentication.hpp"

namespace zproc::detail {

namespace {

error_code bad(std::string& text, const std::string& why)
{
    text = why;
    return errc::bad_secret;
}

error_code check_length(const std::string& secret, const std::string& where, std::string& text)
{
    using protocol::least_secret_bytes;
    using protocol::most_secret_bytes;
    if (secret.size() >= least_secret_bytes && secret.size() <= most_secret_bytes)
        return {};
    return bad(text, where + " has " + std::to_string(secret.size()) + " bytes, and needs " +
                         std::to_string(least_secret_bytes) + " to " +
                         std::to_string(most_secret_bytes) +
                         ": make one with  openssl rand -hex 32");
}

error_code read_file(const std::string& path, std::string& secret, std::string& text)
{
    const std::string name = "the secret file";
    std::string why;
    if (!read_small_file(name, path, true, protocol::most_secret_bytes + 2, secret, why))
        return bad(text, why);
    while (secret.ends_with('\n') || secret.ends_with('\r'))
        secret.pop_back();
    return check_length(secret, name + ' ' + path, text);
}

} // namespace

error_code read_secret(const context_options& options, std::string& secret, std::string& text)
{
    secret = options.secret();
    if (!secret.empty())
        return check_length(secret, "the secret", text);
    if (options.secret_file().empty())
        return {};
    const auto ec = read_file(options.secret_file(), secret, text);
    if (ec)
        secret.clear();
    return ec;
}

} // namespace zproc::detail
