#include "protocol/address.hpp"

#include <algorithm>
#include <charconv>

namespace zproc::protocol {

namespace {

constexpr std::string_view unix_scheme = "unix://";
constexpr std::string_view tcp_scheme = "tcp://";
constexpr const char* what_to_write =
    "write unix:///path/to/socket, tcp://host:port or tcp://[::1]:port";

bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Of a name or of four numbers.
bool may_be_in_host(char c)
{
    return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
}

/// An address of IPv6, with a zone or without.
bool looks_like_ipv6(std::string_view host)
{
    const auto zone = host.find('%');
    const auto number = host.substr(0, zone);
    const bool good =
        std::ranges::count(number, ':') >= 2 &&
        std::ranges::all_of(number, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
    if (zone == host.npos)
        return good;
    const auto name = host.substr(zone + 1);
    return good && !name.empty() && std::ranges::all_of(name, may_be_in_host);
}

/// What is to be shown of something that may hold anything.
std::string shown(std::string_view part)
{
    constexpr std::size_t most = 64;
    std::string out = "\"";
    for (const char c : part.substr(0, most))
        out += c >= ' ' && c < 127 ? c : '?';
    return out + (part.size() > most ? "…\"" : "\"");
}

error_code bad(std::string& text, std::string_view written, const std::string& why)
{
    text = "the address " + shown(written) + " " + why + ": " + what_to_write;
    return errc::bad_address;
}

error_code parse_unix(std::string_view written, address& out, std::string& text)
{
    const auto path = written.substr(unix_scheme.size());
    if (path.empty())
        return bad(text, written, "has no path behind unix://");
    if (path.size() > max_socket_path)
        return bad(text, written,
                   "has a path of " + std::to_string(path.size()) + " bytes, and a socket takes " +
                       std::to_string(max_socket_path));
    if (path.find('\0') != path.npos)
        return bad(text, written, "has a zero byte in its path");
    out.path = path;
    return {};
}

error_code parse_port(std::string_view written, std::string_view digits, side who,
                      std::uint16_t& port, std::string& text)
{
    if (digits.empty())
        return bad(text, written, "has no port behind its last colon");
    const auto* const end = digits.data() + digits.size();
    const auto [stopped, ec] = std::from_chars(digits.data(), end, port);
    if (stopped != end || ec == std::errc::invalid_argument)
        return bad(text, written, "has a port that is no number");
    if (ec != std::errc())
        return bad(text, written, "has a port above 65535");
    if (port == 0 && who == side::client)
        return bad(text, written, "has port 0, at which nobody can be reached");
    return {};
}

error_code parse_tcp(std::string_view written, side who, address& out, std::string& text)
{
    const auto rest = written.substr(tcp_scheme.size());
    std::string_view host;
    std::string_view behind;
    if (rest.starts_with('[')) {
        const auto end = rest.find(']');
        if (end == rest.npos)
            return bad(text, written, "has a [ without a ]");
        host = rest.substr(1, end - 1);
        behind = rest.substr(end + 1);
        if (!looks_like_ipv6(host))
            return bad(text, written, "has no IPv6 address between its brackets");
    } else {
        const auto end = rest.find(':');
        host = rest.substr(0, end);
        behind = end == rest.npos ? std::string_view() : rest.substr(end);
        if (behind.find(':', 1) != behind.npos)
            return bad(text, written, "has several colons; IPv6 addresses stand in brackets");
        if (host.empty())
            return bad(text, written, "has no host");
        if (!std::ranges::all_of(host, may_be_in_host) || host.front() == '-')
            return bad(text, written, "has a host that can be no name and no number");
    }
    if (host.size() > max_host_bytes)
        return bad(text, written, "has a host that is too long");
    if (!behind.starts_with(':'))
        return bad(text, written, "has no port");
    if (const auto ec = parse_port(written, behind.substr(1), who, out.port, text))
        return ec;
    out.host = host;
    // Names are equal in whatever case they are written.
    for (char& c : out.host) {
        if (c == '%')
            break; // the zone is the name of an interface
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    }
    return {};
}

} // namespace

error_code parse_address(std::string_view written, side who, address& out, std::string& text)
{
    out = {};
    if (written.starts_with(unix_scheme))
        return parse_unix(written, out, text);
    if (written.starts_with(tcp_scheme))
        return parse_tcp(written, who, out, text);
    if (written.empty())
        return bad(text, written, "is empty");
    return bad(text, written, "begins with neither unix:// nor tcp://");
}

std::string to_string(const address& a)
{
    if (!a.is_tcp())
        return std::string(unix_scheme) + a.path;
    const bool bracketed = a.host.find(':') != a.host.npos;
    return std::string(tcp_scheme) + (bracketed ? "[" : "") + a.host + (bracketed ? "]:" : ":") +
           std::to_string(a.port);
}

} // namespace zproc::protocol
