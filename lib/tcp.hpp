#pragma once

#include "descriptor.hpp"
#include "protocol/address.hpp"

#include <zproc/error.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <sys/socket.h>

/// Sockets of TCP, for both sides.
namespace zproc::tcp {

/// As the system has it.
struct endpoint {
    sockaddr_storage address{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

/// Every endpoint of an address, in the order in which to try them. Numbers are read at once. A
/// name is looked up by the system's resolver, here and now: it takes as long as that does, since
/// the ways not to wait for it are threads. Errors: bad_address, or
/// server_absent where it may be found later, with a text.
error_code resolve(const protocol::address& of, std::vector<endpoint>& out, std::string& text);

/// A listening socket at the first endpoint of an address, and where that is: `bound` has the port
/// that the system chose for port 0. Where clients need not show who they are (by a secret, or by
/// certificates) only where nobody else's machine can reach it.
///
/// Errors, with a text: bad_address, address_in_use, bad_secret, those of the system.
descriptor listen(const protocol::address& at, bool knows_clients, protocol::address& bound,
                  error_code& ec, std::string& text);

inline constexpr std::chrono::seconds silence_limit{30};

/// Small requests go out at once, and a peer that is not there any more is found: what it does not
/// acknowledge, or the silence itself, ends the connection after `silence`, in whole seconds.
void set_options(int socket, std::chrono::seconds silence = silence_limit);
/// The same of a peer that may be busy for long before it reads: with what it has no room for it is
/// waited for, as long as it is there.
void set_patient_options(int socket, std::chrono::seconds silence = silence_limit);

/// Where a socket is bound; nothing of TCP: `size` is 0.
endpoint bound_to(int socket);
bool is_loopback(const endpoint& e);
protocol::address address_of(const endpoint& e);

} // namespace zproc::tcp
