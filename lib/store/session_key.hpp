#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zproc::store {

/// The key of a session in the namespace without a name: its id, little-endian.
inline std::string session_key(std::uint64_t id)
{
    std::string key(sizeof id, '\0');
    for (std::size_t i = 0; i != key.size(); ++i)
        key[i] = static_cast<char>(static_cast<unsigned char>(id >> (8 * i)));
    return key;
}

inline std::optional<std::uint64_t> session_of(std::string_view key)
{
    std::uint64_t id = 0;
    if (key.size() != sizeof id)
        return std::nullopt;
    for (std::size_t i = 0; i != key.size(); ++i)
        id |= std::uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
    return id;
}

} // namespace zproc::store
