#include "protocol/authentication.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace zproc::protocol {

namespace {

const unsigned char* as_chars(const std::byte* bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes);
}

void append(buffer& out, bytes_view bytes)
{
    out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Every part has a fixed size, so no two transcripts have the same bytes.
buffer signed_bytes(std::string_view role, const transcript& seen)
{
    buffer out;
    append(out, std::as_bytes(std::span(role)));
    out.push_back(static_cast<std::byte>(version & 0xff));
    out.push_back(static_cast<std::byte>(version >> 8));
    append(out, seen.client);
    append(out, seen.server);
    append(out, seen.hello);
    return out;
}

std::optional<digest> authenticate(std::string_view secret, const buffer& what)
{
    digest out{};
    unsigned size = 0;
    const auto* made = ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                              as_chars(what.data()), what.size(),
                              reinterpret_cast<unsigned char*>(out.data()), &size);
    if (made == nullptr || size != out.size())
        return std::nullopt;
    return out;
}

} // namespace

std::optional<digest> digest_of(bytes_view bytes)
{
    digest out{};
    if (::SHA256(as_chars(bytes.data()), bytes.size(),
                 reinterpret_cast<unsigned char*>(out.data())) == nullptr)
        return std::nullopt;
    return out;
}

std::optional<digest> client_proof(std::string_view secret, const transcript& seen)
{
    return authenticate(secret, signed_bytes("zproc client", seen));
}

std::optional<digest> server_proof(std::string_view secret, const transcript& seen,
                                   bytes_view welcome)
{
    const auto said = digest_of(welcome);
    if (!said)
        return std::nullopt;
    auto bytes = signed_bytes("zproc server", seen);
    append(bytes, *said);
    return authenticate(secret, bytes);
}

bool is_same(const std::optional<digest>& expected, bytes_view given)
{
    return expected && given.size() == expected->size() &&
           ::CRYPTO_memcmp(expected->data(), given.data(), given.size()) == 0;
}

} // namespace zproc::protocol
