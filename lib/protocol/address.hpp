#pragma once

#include <zproc/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Where a server is, as people write it. Pure: whether a host exists is for others to find out.
///
///     unix:///run/user/1000/state     unix://relative/path
///     tcp://host:4711     tcp://192.0.2.7:4711     tcp://[::1]:4711
namespace zproc::protocol {

/// What a sockaddr_un has room for.
inline constexpr std::size_t max_socket_path = 107;
inline constexpr std::size_t max_host_bytes = 253;

struct address {
    std::string path;       ///< of a Unix socket; empty with tcp
    std::string host;       ///< a name, or a numeric address without brackets
    std::uint16_t port = 0; ///< 0: any that is free, at a server

    bool is_tcp() const { return path.empty(); }
    bool operator==(const address&) const = default;
};

/// Who reads it: only a server may leave the choice of the port to the system.
enum class side { client, server };

/// Errors: bad_address; `text` says what is wrong with it and what to write.
error_code parse_address(std::string_view written, side who, address& out, std::string& text);

/// The canonical form: parsed again, it is equal.
std::string to_string(const address& a);

} // namespace zproc::protocol
