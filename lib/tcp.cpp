#include "tcp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace zproc::tcp {

namespace {

/// From a third of the silence on, one each sixth: the last finds out when it is over.
struct probes {
    int idle;
    int each;
    int count;

    constexpr explicit probes(std::chrono::seconds silence)
        : idle(std::max(static_cast<int>(silence.count()) / 3, 1)),
          each(std::max(static_cast<int>(silence.count()) / 6, 1)),
          count(std::max((static_cast<int>(silence.count()) - idle) / each, 1))
    {
    }
};
static_assert(probes(silence_limit).idle == 10 && probes(silence_limit).each == 5 &&
              probes(silence_limit).count == 4);

error_code system_failure()
{
    return {errno, boost::system::system_category()};
}

void set(int socket, int level, int name, int value)
{
    // Where one is not known, what it would bring is missing, and nothing else.
    (void)::setsockopt(socket, level, name, &value, sizeof value);
}

const sockaddr_in6& as_ipv6(const endpoint& e)
{
    return reinterpret_cast<const sockaddr_in6&>(e.address);
}

const sockaddr_in& as_ipv4(const endpoint& e)
{
    return reinterpret_cast<const sockaddr_in&>(e.address);
}

int look_up(const protocol::address& of, int flags, addrinfo** found)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    return ::getaddrinfo(of.host.c_str(), std::to_string(of.port).c_str(), &hints, found);
}

} // namespace

error_code resolve(const protocol::address& of, std::vector<endpoint>& out, std::string& text)
{
    out.clear();
    addrinfo* found = nullptr;
    int failed = look_up(of, AI_NUMERICHOST, &found);
    // What has a colon is no name.
    if (failed == EAI_NONAME && of.host.find(':') == of.host.npos)
        failed = look_up(of, 0, &found);
    if (failed != 0) {
        text = "the host " + of.host + " cannot be found: ";
        text += failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed);
        return failed == EAI_AGAIN || failed == EAI_SYSTEM ? errc::server_absent
                                                           : errc::bad_address;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    for (const auto* each = found; each != nullptr; each = each->ai_next) {
        endpoint e;
        if ((each->ai_family != AF_INET && each->ai_family != AF_INET6) ||
            each->ai_addrlen > sizeof e.address)
            continue;
        std::memcpy(&e.address, each->ai_addr, each->ai_addrlen);
        e.size = each->ai_addrlen;
        out.push_back(e);
    }
    if (out.empty()) {
        text = "the host " + of.host + " has no address of IPv4 or IPv6";
        return errc::bad_address;
    }
    return {};
}

descriptor listen(const protocol::address& at, bool knows_clients, protocol::address& bound,
                  error_code& ec, std::string& text)
{
    std::vector<endpoint> found;
    ec = resolve(at, found, text);
    if (ec.failed())
        return {};
    const auto& where = found.front();
    if (!knows_clients && !is_loopback(where)) {
        text = "to listen at " + protocol::to_string(at) +
               ", which other machines can reach, a server needs a secret: give it a secret file "
               "(or TLS with authorities), or listen at tcp://127.0.0.1 or tcp://[::1] only";
        ec = errc::bad_secret;
        return {};
    }
    auto listener = above_standard(descriptor(
        ::socket(where.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    const auto fail = [&] {
        ec = errno == EADDRINUSE ? make_error_code(errc::address_in_use) : system_failure();
        text = "cannot listen at " + protocol::to_string(at) + ": " + ec.message();
        return descriptor();
    };
    if (!listener)
        return fail();
    // What is left of connections of an earlier server does not keep the port.
    set(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    // [::] is for IPv6; 0.0.0.0 can be listened at beside it.
    if (where.address.ss_family == AF_INET6)
        set(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (::bind(listener.get(), where.get(), where.size) != 0 ||
        ::listen(listener.get(), SOMAXCONN) != 0)
        return fail();
    bound = address_of(bound_to(listener.get()));
    return listener;
}

void set_options(int socket, std::chrono::seconds silence)
{
    set_patient_options(socket, silence);
    // What the peer has no room for counts as not acknowledged.
    const std::chrono::milliseconds limit(silence);
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limit.count()));
}

void set_patient_options(int socket, std::chrono::seconds silence)
{
    const probes by(silence);
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, by.idle);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, by.each);
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, by.count);
}

endpoint bound_to(int socket)
{
    endpoint e;
    e.size = sizeof e.address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&e.address), &e.size) != 0 ||
        (e.address.ss_family != AF_INET && e.address.ss_family != AF_INET6))
        return {};
    return e;
}

bool is_loopback(const endpoint& e)
{
    if (e.address.ss_family == AF_INET)
        return (ntohl(as_ipv4(e).sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    if (e.address.ss_family != AF_INET6)
        return false;
    const auto& ip = as_ipv6(e).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&ip) ||
           (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == IN_LOOPBACKNET);
}

protocol::address address_of(const endpoint& e)
{
    protocol::address out;
    std::array<char, NI_MAXHOST> host{};
    if (e.size == 0 ||
        ::getnameinfo(e.get(), e.size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return out;
    out.host = host.data();
    out.port = ntohs(e.address.ss_family == AF_INET ? as_ipv4(e).sin_port : as_ipv6(e).sin6_port);
    return out;
}

} // namespace zproc::tcp
