#include "context/secret.hpp"

#include "descriptor.hpp"
#include "protocol/authentication.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// Who can read it can do everything, so nobody else may.
error_code check_owner(int file, const std::string& path, std::string& text)
{
    struct stat facts{};
    if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode))
        return bad(text, "the secret file " + path + " is no regular file");
    if (facts.st_uid != ::geteuid() && facts.st_uid != 0)
        return bad(text, "the secret file " + path + " belongs to another user");
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bad(text, "the secret file " + path + " can be read by others: chmod 600 " + path);
    return {};
}

error_code read_file(const std::string& path, std::string& secret, std::string& text)
{
    // Not waiting for the writer of a pipe, which is refused.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file)
        return bad(text, "the secret file " + path + " cannot be read: " + std::strerror(errno));
    if (const auto ec = check_owner(file.get(), path, text))
        return ec;
    std::array<char, protocol::most_secret_bytes + 3> bytes;
    const auto count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0)
        return bad(text, "the secret file " + path + " cannot be read: " + std::strerror(errno));
    secret.assign(bytes.data(), static_cast<std::size_t>(count));
    while (secret.ends_with('\n') || secret.ends_with('\r'))
        secret.pop_back();
    return check_length(secret, "the secret file " + path, text);
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
